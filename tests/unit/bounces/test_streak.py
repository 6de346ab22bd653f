from datetime import UTC, datetime, timedelta

from newsletter.deliveries.bounces_streak import Sent, streak

START = datetime(2026, 9, 1, 9, tzinfo=UTC)


def history(*days: tuple[int, int | None]) -> list[Sent]:
    """(day sent, day returned or None), oldest first as one reads; newest first as the ledger gives."""
    sent = [
        Sent(START + timedelta(days=at), None if back is None else START + timedelta(days=back)) for at, back in days
    ]
    return sent[::-1]


def test_three_issues_in_a_row_over_fifteen_days_give_an_address_up() -> None:
    assert streak(history((0, 0), (8, 8), (16, 16))).given_up


def test_three_issues_within_two_weeks_do_not() -> None:
    assert not streak(history((0, 0), (7, 7), (14, 14))).given_up


def test_two_do_not_however_long_they_took() -> None:
    assert not streak(history((0, 0), (60, 60))).given_up


def test_an_issue_that_arrived_resets_the_row() -> None:
    assert streak(history((0, 0), (8, None), (16, 16), (24, 24))).length == 2
    assert streak(history((0, 0), (8, 8), (16, 16), (24, None))).length == 0


def test_reports_that_were_read_late_count_from_when_the_issues_went_out() -> None:
    assert streak(history((0, 90), (8, 90), (16, 90))).given_up


def test_nothing_sent_is_no_row() -> None:
    assert streak([]).length == 0
