"""When to look at a feed again.

The interval follows the feed: shorter while it brings news, longer while it brings none, never shorter than the feed
or its server ask for. Launch feeds drop entries within hours, so an interval never exceeds half a day unless asked.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

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
class Plan:
    """The next check, and the interval to go on from."""

    at: datetime
    interval: timedelta


def is_due(next_check_at: datetime | None, now: datetime) -> bool:
    return next_check_at is None or next_check_at <= now + SLACK


def after_success(now: datetime, interval: timedelta | None, *, news: bool, asked: timedelta, jitter: float) -> Plan:
    """``asked`` is what ttl, sy:updatePeriod and Cache-Control add up to; ``jitter`` is in [0, 1)."""
    before = interval or HOUR
    found = before / 2 if news else before * 1.5
    found = min(max(found, SHORTEST), LONGEST)
    wait = max(found, min(asked, ASKED_AT_MOST))
    return Plan(now + wait * (0.95 + 0.05 * jitter), found)


def after_failure(now: datetime, failures: int, *, retry_after: timedelta | None, jitter: float) -> datetime:
    """Twice as long each time, from half an hour to two days; a server's Retry-After is honoured up to a week.

    ``failures`` counts this one. The jitter spreads feeds of one host that failed together.
    """
    back_off = min(SHORTEST * 2 ** min(failures - 1, 10), PATIENCE) * (0.75 + 0.5 * jitter)
    if retry_after is None:
        return now + back_off
    return now + max(back_off, min(retry_after, RETRY_AFTER_AT_MOST))


def usual_gap(before: timedelta | None, since_last_change: timedelta) -> timedelta:
    """A running mean of the time between changes."""
    return since_last_change if before is None else before * 0.8 + since_last_change * 0.2


def is_stale(last_changed_at: datetime | None, gap: timedelta | None, now: datetime) -> bool:
    """Feeds die silently: is this one quiet for six times its usual gap, and for six weeks at least?"""
    if last_changed_at is None:
        return False
    return now - last_changed_at > max(STALE_AT_LEAST, (gap or timedelta()) * 6)


def is_failing_long(last_ok_at: datetime | None, created_at: datetime, failures: int, now: datetime) -> bool:
    return failures > 0 and now - (last_ok_at or created_at) > FAILING_LONG
