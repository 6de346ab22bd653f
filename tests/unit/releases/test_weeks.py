"""Which issue a matched release comes in, as editors are told."""

import pytest

from newsletter.clock import Week
from newsletter.releases.weeks import ROLLED_WEEKS, where_it_comes

LAST = Week(2026, 47)


@pytest.mark.parametrize(
    ("week", "own", "at_hand", "told"),
    [
        (Week(2026, 47), "draft", "draft", "bring 2026-W47 up to date to have it there"),
        (Week(2026, 47), None, None, "it comes in 2026-W47"),
        (Week(2026, 48), None, "sent", "it comes in 2026-W48"),
        (Week(2026, 46), "sent", None, "it comes in 2026-W47"),
        (Week(2026, 46), "sent", "draft", "it comes in 2026-W48"),
        (Week(2026, 44), None, "sent", "it comes in 2026-W48"),
        (Week(2026, 43), None, "sent", f"no issue announces what is more than {ROLLED_WEEKS} weeks old"),
    ],
)
def test_it_comes_in_the_next_issue_that_is_open(week: Week, own: str | None, at_hand: str | None, told: str) -> None:
    assert where_it_comes(week, own, LAST, at_hand) == told


def test_of_an_approved_week_editors_are_told_how_to_have_it_there_still() -> None:
    told = where_it_comes(LAST, "approved", LAST, "approved")
    assert told.startswith("2026-W47 is approved already, so it comes in 2026-W48, unless you edit 2026-W47")


@pytest.mark.parametrize(
    ("week", "told"),
    [
        (Week(2026, 46), "bring 2026-W47 up to date to have it there"),
        (Week(2026, 48), "it comes in 2026-W48"),
        (Week(2026, 42), f"no issue announces what is more than {ROLLED_WEEKS} weeks old"),
    ],
)
def test_a_draft_that_was_not_brought_up_to_date_since_may_have_it_still(week: Week, told: str) -> None:
    assert where_it_comes(week, None, LAST, "draft", flowed=False) == told
