"""Now, in UTC, and the weeks that issues are named by.

A week runs from Monday 00:00 to the next Monday 00:00 in the publication's zone and carries its ISO 8601 name,
``2026-W47``. Where the zone changes its offset within a week, that week is an hour longer or shorter.
"""

import re
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

_WEEK = re.compile(r"(\d{4})-W(\d{2})", re.ASCII)


class Clock:
    """Tells the time that the work is done at.

    Leases, pacing, limits and fill times never ask this clock: they run on real time.
    """

    def __init__(self, start: datetime | None = None, *, running: bool = True) -> None:
        """``start`` is an aware instant, or None for the real time; a clock that is not running stands there."""
        self._start = start.astimezone(UTC) if start else None
        self._running = running
        self._began = time.monotonic()

    def now(self) -> datetime:
        """The instant, aware, in UTC."""
        if self._start is None:
            return datetime.now(UTC)
        if not self._running:
            return self._start
        return self._start + timedelta(seconds=time.monotonic() - self._began)


def real_now() -> datetime:
    """The machine's own time in UTC, for leases and limits."""
    return datetime.now(UTC)


@dataclass(frozen=True, order=True, slots=True)
class Week:
    """An ISO week, ordered by time."""

    year: int
    number: int

    @classmethod
    def parse(cls, name: str) -> "Week":
        """Read ``2026-W47``. Raises ValueError for anything else, and for weeks that their year does not have."""
        found = _WEEK.fullmatch(name.strip().upper())
        if not found:
            raise ValueError(f"{name!r} is no week; a week looks like 2026-W47")
        week = cls(int(found[1]), int(found[2]))
        if not 1970 <= week.year <= 9998:  # the week before, the week after and every zone are in the calendar, too
            raise ValueError(f"{name!r} is no week of an issue: its year is not from 1970 to 9998")
        try:
            week.monday()
        except ValueError:
            raise ValueError(f"{name!r} is no week: {week.year} does not have a week {week.number}") from None
        return week

    @classmethod
    def of(cls, instant: datetime, zone: ZoneInfo) -> "Week":
        """The week that an aware instant falls in."""
        year, number, _ = instant.astimezone(zone).isocalendar()
        return cls(year, number)

    def monday(self) -> date:
        return date.fromisocalendar(self.year, self.number, 1)

    def starts_at(self, zone: ZoneInfo) -> datetime:
        """Its first instant, in UTC."""
        monday = self.monday()
        return datetime(monday.year, monday.month, monday.day, tzinfo=zone).astimezone(UTC)

    def ends_at(self, zone: ZoneInfo) -> datetime:
        """The first instant after it, in UTC."""
        return self.next().starts_at(zone)

    def next(self) -> "Week":
        return self._shifted(7)

    def previous(self) -> "Week":
        return self._shifted(-7)

    def _shifted(self, days: int) -> "Week":
        year, number, _ = (self.monday() + timedelta(days=days)).isocalendar()
        return Week(year, number)

    def __str__(self) -> str:
        return f"{self.year:04d}-W{self.number:02d}"


def last_ended_week(now: datetime, zone: ZoneInfo) -> Week:
    """The newest week that is over at ``now``."""
    return Week.of(now, zone).previous()


def in_utc(instant: datetime, zone: tzinfo = UTC) -> datetime:
    """The same instant; where it has no offset it is one of ``zone``. Raises ValueError beyond the calendar."""
    try:
        return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        raise ValueError("is beyond the calendar") from None


def is_past(chosen: datetime, now: datetime) -> bool:
    """Whether it is too late to do something at a time that somebody chose; typing it may take a minute."""
    return chosen < now - timedelta(minutes=1)


def iso(instant: datetime | None) -> str | None:
    """An instant as documents and JSON write it: ISO 8601 in UTC, ending in Z."""
    if instant is None:
        return None
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
