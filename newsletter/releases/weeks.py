"""Which week a release belongs to."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from db.states import IssueStatus
from newsletter.clock import Week

NEWS_FOR = timedelta(days=7)
ROLLED_WEEKS = 4  # back; a release that missed its own issue for so long is no news any more


@dataclass(frozen=True, slots=True)
class Placement:
    """``week`` is None for what is back-filled: it was first seen too long after its date to be news."""

    week: Week | None
    late: bool = False


def place(
    published_at: datetime | None, first_seen_at: datetime, *, backlog: bool, composed: Collection[str], zone: ZoneInfo
) -> Placement:
    """The week of its date or, without a date, of its first sight. Where that week has been composed (its name is in
    ``composed``), the next week that has not; the release is late then."""
    if backlog or (published_at is not None and first_seen_at - published_at > NEWS_FOR):
        return Placement(None)
    own = week = Week.of(published_at or first_seen_at, zone)
    while str(week) in composed:
        week = week.next()
    return Placement(week, week != own)


def where_it_comes(week: Week, own: str | None, last: Week, at_hand: str | None, *, flowed: bool = True) -> str:
    """In words, which issue a matched release of this week will be in, and why that is not its own week's. ``own`` is
    the status of its week's issue, ``at_hand`` that of the issue of ``last``, the week that ended last; None where
    there is no issue. ``flowed``: a draft of ``last`` has been brought up to date since, so what it lacks comes later.
    """
    if own == IssueStatus.DRAFT:
        return f"bring {week} up to date to have it there"
    open_still = at_hand is None or (at_hand == IssueStatus.DRAFT and not flowed)
    coming = max(week, last if open_still else last.next())
    if coming.monday() - week.monday() > timedelta(weeks=ROLLED_WEEKS):
        return f"no issue announces what is more than {ROLLED_WEEKS} weeks old"
    if coming == last and at_hand == IssueStatus.DRAFT:
        return f"bring {last} up to date to have it there"
    if week == last and at_hand == IssueStatus.APPROVED:
        return f"{last} is approved already, so it comes in {coming}, unless you edit {last} and bring it up to date"
    return f"it comes in {coming}"


def as_clause(told: str) -> str:
    """What was told of where it comes, as the end of a sentence; '' where nothing was."""
    return f"{',' if told.startswith('in ') else ';'} {told}" if told else ""
