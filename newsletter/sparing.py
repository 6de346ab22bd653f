"""What takes long to count, for those who look again and again: an open page, monitoring."""

import time
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

LONG = 0.2  # seconds; what is found sooner is looked for each time
_TIMES = 20


class Sparing(Generic[T]):
    """Keeps what took long for twenty times as long as it took: however many look, and however much there is, it takes
    a twentieth of a processor at most."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._kept: WeakKeyDictionary[object, dict[Hashable, tuple[float, T]]] = WeakKeyDictionary()

    def __call__(self, of: object, what: Hashable, find: Callable[[], T]) -> T:
        """What ``find`` says now, or said a while ago about the same of the same (an engine)."""
        with self._lock:  # who comes meanwhile waits for the answer rather than looking, too
            began, kept = self._clock(), self._kept.setdefault(of, {})
            for old in [one for one, (until, _) in kept.items() if until <= began]:
                del kept[old]
            if what in kept:
                return kept[what][1]
            found = find()
            took = self._clock() - began
            if took >= LONG:
                kept[what] = (began + took * (1 + _TIMES), found)
            return found
