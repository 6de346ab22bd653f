"""Which week a release belongs to."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from newsletter.clock import Week

NEWS_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Placement:
    """``week`` is None for what is back-filled: it was first seen too long after its date to be news."""

    week: Week | None
    late: bool = False


def place(
    published_at: datetime | None, first_seen_at: datetime, *, backlog: bool, composed: Collection[str], zone: ZoneInfo
) -> Placement:
    """The week of its date, or of its first sight where it has none; the next one without an issue, as late, where
    that week's issue was composed before. ``composed`` holds the names of the weeks that have an issue."""
    if backlog or (published_at is not None and first_seen_at - published_at > NEWS_FOR):
        return Placement(None)
    own = week = Week.of(published_at or first_seen_at, zone)
    while str(week) in composed:
        week = week.next()
    return Placement(week, week != own)
