"""When to look at a feed again.

The interval follows the feed: shorter while it brings news, longer while it brings none, never shorter than the feed
or its server ask for. Launch feeds drop entries within hours, so an interval never exceeds half a day unless asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

HOUR = timedelta(hours=1)
SHORTEST = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
ASKED_AT_MOST = timedelta(hours=20)  # "monthly" in a feed is mostly a generator's default; we miss no day over it
PATIENCE = timedelta(days=2)  # of back-off
RETRY_AFTER_AT_MOST = timedelta(days=7)
SLACK = timedelta(minutes=5)  # an hourly job does not come on the second
FAILING_LONG = timedelta(days=7)
STALE_AT_LEAST = timedelta(days=45)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What was learned of a feed: the interval that suits it, the usual time between its news, and the minutes for
    which it asks to be left alone."""

    interval: timedelta = HOUR
    gap: timedelta | None = None
    ttl: int | None = None

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> "Rhythm":
        gap = state.get("gap")
        interval = timedelta(seconds=state.get("interval", HOUR.total_seconds()))
        return cls(interval, None if gap is None else timedelta(seconds=gap), state.get("ttl"))

    def as_state(self) -> dict[str, Any]:
        """The inverse of ``of``; in seconds, for a JSON column."""
        gap = None if self.gap is None else self.gap.total_seconds()
        return {"interval": self.interval.total_seconds(), "gap": gap, "ttl": self.ttl}


def is_due(next_check_at: datetime | None, now: datetime) -> bool:
    """A feed that has no time yet, such as a new one, is due, whatever the clock says: that of a replay stands in the
    past. No feed is put off for more than a week, so a later time was computed by a clock that was wrong: it is due."""
    return next_check_at is None or not now + SLACK < next_check_at <= now + RETRY_AFTER_AT_MOST


def observe(rhythm: Rhythm, last_news_at: datetime | None, now: datetime, *, news: bool, ttl: int | None) -> Rhythm:
    """The rhythm after one more look. ``ttl`` is None where the document was not read again."""
    interval = min(max(rhythm.interval / 2 if news else rhythm.interval * 1.5, SHORTEST), LONGEST)
    gap = rhythm.gap
    if news and last_news_at is not None and now > last_news_at:
        gap = now - last_news_at if gap is None else gap * 0.8 + (now - last_news_at) * 0.2
    return Rhythm(interval, gap, rhythm.ttl if ttl is None else ttl)


def next_check(rhythm: Rhythm, now: datetime, max_age: timedelta, jitter: float) -> datetime:
    """``max_age`` is the server's Cache-Control, ``jitter`` is in [0, 1) and spreads feeds added together."""
    asked = min(max(timedelta(minutes=rhythm.ttl or 0), max_age), ASKED_AT_MOST)
    return now + max(rhythm.interval, asked) * (0.95 + 0.05 * jitter)


def after_failure(now: datetime, failures: int, *, retry_after: timedelta | None, jitter: float) -> datetime:
    """Twice as long each time, from half an hour to two days; a server's Retry-After is honoured up to a week.

    ``failures`` counts this one. The jitter spreads feeds of one host that failed together.
    """
    back_off = min(SHORTEST * (1 << min(failures - 1, 10)), PATIENCE) * (0.75 + 0.5 * jitter)
    if retry_after is None:
        return now + back_off
    return now + max(back_off, min(retry_after, RETRY_AFTER_AT_MOST))


def is_stale(last_changed_at: datetime | None, gap: timedelta | None, now: datetime) -> bool:
    """Feeds die silently: is this one quiet for six times its usual gap, and for six weeks at least?"""
    if last_changed_at is None:
        return False
    return now - last_changed_at > max(STALE_AT_LEAST, (gap or timedelta()) * 6)


def is_failing_long(last_ok_at: datetime | None, created_at: datetime, failures: int, now: datetime) -> bool:
    return failures > 0 and now - (last_ok_at or created_at) > FAILING_LONG
