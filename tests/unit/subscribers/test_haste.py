"""What looks hasty waits; what a person or their browser does goes at once."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.subscribers.haste import delay, is_hasty, make_stamp, read_stamp
from tests.fakes.times import MONDAY

KEYS = ("the-newest-key-0123", "an-older-key-01234")


@pytest.mark.parametrize(("seconds", "hasty"), [(0, True), (1.9, True), (2, False), (2.5, False), (86_400 * 30, False)])
def test_a_form_filled_in_under_two_seconds_is_hasty(seconds: float, hasty: bool) -> None:
    stamp = make_stamp("form", MONDAY, KEYS)
    assert is_hasty(stamp, MONDAY + timedelta(seconds=seconds), KEYS) is hasty


def test_a_stamp_of_an_older_key_still_counts() -> None:
    stamp = make_stamp("form", MONDAY, KEYS[1:])
    assert not is_hasty(stamp, MONDAY + timedelta(seconds=3), KEYS)


def test_a_form_of_another_site_has_no_stamp_and_is_not_hasty() -> None:
    assert not is_hasty(None, MONDAY, KEYS)
    assert not is_hasty("", MONDAY, KEYS)


def test_a_stamp_counts_for_its_purpose_alone() -> None:
    assert read_stamp("undo:1", make_stamp("undo:2", MONDAY, KEYS), KEYS) is None


@given(st.text())
def test_no_text_is_a_stamp_of_ours(text: str) -> None:
    assert read_stamp("form", text, KEYS) is None


@given(st.floats(0, 1))
def test_a_suspicious_letter_is_three_to_six_minutes_late(chance: float) -> None:
    assert timedelta(minutes=3) <= delay(True, chance) <= timedelta(minutes=6)
    assert delay(False, chance) == timedelta(0)
