import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.readers.identity import new_browser, sign_reader, subscriber_of, subscriber_reader, verify_reader

KEYS = ("the-newest-key-of-all", "an-older-key-than-that")


@pytest.mark.parametrize("reader", [new_browser(bytes(16)), subscriber_reader(12)])
def test_a_signed_reader_is_read_back(reader: str) -> None:
    assert verify_reader(sign_reader(reader, KEYS), KEYS) == reader


def test_an_older_key_still_verifies() -> None:
    assert verify_reader(sign_reader("subscriber:7", KEYS[1:]), KEYS) == "subscriber:7"


def test_a_key_that_was_retired_does_not() -> None:
    assert verify_reader(sign_reader("subscriber:7", KEYS[1:]), KEYS[:1]) is None


def test_nobody_becomes_another_by_editing_the_cookie() -> None:
    signed = sign_reader("subscriber:7", KEYS)
    assert verify_reader(signed.replace(":7", ":8"), KEYS) is None


@given(st.text(), st.integers(0, 35))
def test_what_nobody_signed_is_nobody(text: str, place: int) -> None:
    assert verify_reader(text, KEYS) is None
    signed = sign_reader("browser:abc", KEYS)
    assert verify_reader(signed[:place], KEYS) is None


def test_without_keys_nobody_is_known() -> None:
    assert verify_reader(sign_reader("browser:abc", KEYS), ()) is None


def test_a_browser_is_no_subscriber() -> None:
    assert subscriber_of("browser:12") is None
    assert subscriber_of("subscriber:12") == 12
