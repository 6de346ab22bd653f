"""How long relays take to answer for a message, from its write to the final reply, by bounds that SMTP has use for:
a relay on this machine takes a millisecond, one far away a round trip, one that looks for spam seconds, and one that
greets slowly on purpose minutes."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_ALL = (*BOUNDS, float("inf"))


class Latencies:
    """Gathered in one process until the database takes them."""

    def __init__(self) -> None:
        self._messages: defaultdict[tuple[str, float], int] = defaultdict(int)
        self._seconds: defaultdict[tuple[str, float], float] = defaultdict(float)

    def add(self, relay: str, seconds: float) -> None:
        where = relay, _ALL[bisect_left(BOUNDS, seconds)]
        self._messages[where] += 1
        self._seconds[where] += seconds

    def take(self) -> list[tuple[str, float, int, float]]:
        """(relay, up to, messages, seconds) of all that was added since the last time."""
        taken = [(*where, count, self._seconds[where]) for where, count in self._messages.items()]
        self._messages.clear()
        self._seconds.clear()
        return taken

    def put_back(self, taken: Iterable[tuple[str, float, int, float]]) -> None:
        for relay, up_to, messages, seconds in taken:
            self._messages[relay, up_to] += messages
            self._seconds[relay, up_to] += seconds
