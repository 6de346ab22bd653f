"""Who may come in, and how often a mailbox may be asked."""

from datetime import timedelta

import pytest

from db.states import SubscriberState as State
from db.states import SuppressionReason as Reason
from newsletter.subscribers.lifecycle import Asked, may_ask, may_opt_in
from tests.fakes.times import MONDAY


@pytest.mark.parametrize(
    ("state", "suppression", "allowed"),
    [
        (None, None, True),
        (State.PENDING, None, True),
        (State.ACTIVE, None, False),
        (State.UNSUBSCRIBED, None, True),
        (State.BOUNCED, Reason.BOUNCED, True),
        (None, Reason.ERASED, True),
        (State.COMPLAINED, Reason.COMPLAINED, False),
        (State.COMPLAINED, None, False),
        (State.UNSUBSCRIBED, Reason.COMPLAINED, False),
        (None, Reason.COMPLAINED, False),
        (State.PENDING, Reason.MANUAL, False),
    ],
)
def test_an_own_opt_in_lifts_everything_but_a_complaint_and_an_operator_s_word(
    state: State | None, suppression: Reason | None, allowed: bool
) -> None:
    assert may_opt_in(state, suppression) is allowed


def hours_ago(*hours: float, answered: bool = False) -> list[Asked]:
    return [Asked(MONDAY - timedelta(hours=one), answered) for one in hours]


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        ([], True),
        (hours_ago(23.9), False),
        (hours_ago(24), True),
        (hours_ago(25, 60), True),
        (hours_ago(25, 60, 90), False),
        (hours_ago(25, 60, 24 * 31), True),
        (hours_ago(70, 80, 90) + hours_ago(50, answered=True), True),
        (hours_ago(30, answered=True), True),
        (hours_ago(3, answered=True), True),
        (hours_ago(3, answered=True) + hours_ago(2), False),
        (hours_ago(5) + hours_ago(3, answered=True), True),
    ],
)
def test_a_mailbox_is_asked_once_a_day_and_three_times_in_vain_a_month(asked: list[Asked], allowed: bool) -> None:
    assert may_ask(asked, MONDAY) is allowed


def test_a_clock_that_was_set_back_does_not_shut_anybody_out() -> None:
    assert may_ask(hours_ago(-5), MONDAY)
