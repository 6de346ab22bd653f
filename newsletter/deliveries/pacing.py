"""How fast: sizes, shares and waits as values. Counting happens at the socket; shared counts lie in the database."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from newsletter.setting_values import Relay

STRETCH_SECONDS = 0.25  # how much of a rate a connection takes at once
AHEAD = 8  # messages for each unit of its weight that a relay may be ahead of the others
STALLED_SECONDS = 5.0  # a relay that has taken nothing for so long is not waited for
DOUBLES_MINUTES = 2
SLOWEST = 1.0  # messages a second
UNKNOWN = 10.0  # messages a second: what a receiver got that said it was too much before it took anything
FREE = 100.0  # a receiver that has recovered so far needs no line any more
ROOM_SECONDS = 10.0  # how much of a receiver's mail is held ready
WARM_UP_FIRST = 50 / 3600  # messages a second on the first day
WARM_UP_DAYS = 21  # doubled every day; beyond three weeks it is 100 million an hour, and no limit


@dataclass(frozen=True, slots=True)
class Queue:
    """A line to stand in: everybody who names it takes their places from the same row of the database."""

    name: str
    rate: float


def share(relay: Relay, processes: int) -> int:
    """Of a relay's connections, those that one of so many processes opens; the lock files hold the sum."""
    return max(-(-relay.connections // processes), 1)


def stretch(rate: float) -> int:
    """How many places to take at once of a rate in messages a second."""
    return max(int(rate * STRETCH_SECONDS), 1)


def queues(relay: Relay, issue: Queue | None, today: date) -> list[Queue]:
    """The lines that a message through this relay stands in: the relay's own, and the issue's."""
    rates = [rate for rate in (relay.rate, warm_up(relay, today)) if rate is not None]
    own = [Queue(relay.name, min(rates))] if rates else []
    return own + ([issue] if issue else [])


def warm_up(relay: Relay, today: date) -> float | None:
    """What a new relay may take, in messages a second: 50 an hour on its first day, twice as much on each day after."""
    day = (today - relay.warmup).days if relay.warmup else WARM_UP_DAYS
    return float(WARM_UP_FIRST * 2 ** max(day, 0)) if day < WARM_UP_DAYS else None


@dataclass(frozen=True, slots=True)
class Slowed:
    """A receiver that said it was too much: ``rate`` messages a second from ``since`` on, and ever more after."""

    rate: float
    since: datetime

    def recovered(self, now: datetime) -> float:
        """Twice as much after every two minutes without another such word."""
        minutes = max((now - self.since).total_seconds(), 0.0) / 60
        return self.rate * float(2 ** min(minutes / DOUBLES_MINUTES, 60))


def slower(was: float | None, sent: int, seconds: float) -> float:
    """Half of what a receiver got until it said that it was too much: of its rate, or of what was measured."""
    measured = sent / seconds if seconds > 0 else 0.0
    return max((was or measured or UNKNOWN) / 2, SLOWEST)


def spread(waiting: int, since_start: timedelta, within: timedelta | None) -> float | None:
    """Messages a second at which an issue ends when it should; None where nothing is asked, or it is late already."""
    left = (within - since_start).total_seconds() if within else 0.0
    return max(waiting, 1) / left if left > 0 else None


class Shares:
    """Who takes the next message, of several relays that have weights: none runs ahead of its share.

    ``now`` is any clock in seconds. A relay that is gone, or takes nothing for a while (it is paced), is not waited
    for; when it comes back it begins level with the others.
    """

    def __init__(self, relays: Iterable[Relay], now: float) -> None:
        weights = {relay.name: relay.weight for relay in relays if relay.weight is not None}
        self._weights = weights if len(weights) > 1 else {}
        self._taken = dict.fromkeys(self._weights, 0.0)
        self._last = dict.fromkeys(self._weights, now)

    def may_take(self, relay: Relay, now: float) -> bool:
        if relay.name not in self._weights:
            return True
        others = [self._taken[name] for name in self._live(now) if name != relay.name]
        return not others or self._taken[relay.name] <= min(others) + AHEAD

    def take(self, relay: Relay, now: float) -> bool:
        """The same, and it takes one if it may."""
        weight = self._weights.get(relay.name)
        if weight is None:
            return True
        if not self.may_take(relay, now):
            return False
        live = self._live(now)
        if relay.name not in live:
            self._taken[relay.name] = max((self._taken[name] for name in live), default=0.0)
        self._taken[relay.name] += 1 / weight
        self._last[relay.name] = now
        return True

    def gone(self, relay: Relay) -> None:
        self._last.pop(relay.name, None)

    def _live(self, now: float) -> list[str]:
        return [name for name, last in self._last.items() if now - last < STALLED_SECONDS]


def connect_delay(tries: int, *, asked_to_wait: bool = False) -> float:
    """Seconds before a relay is tried again: 0.8, 3.2, 12.8, then 30; never more than 10 where it answers and asks to
    wait, for it may count by the second."""
    return float(min(0.2 * 4 ** min(tries, 9), 10.0 if asked_to_wait else 30.0))


def average(sent: int, began_at: datetime | None, ended_at: datetime | None) -> float | None:
    """Messages a second between two instants; None where they are one, or there are none."""
    seconds = (ended_at - began_at).total_seconds() if began_at and ended_at else 0.0
    return sent / seconds if seconds > 0 else None
