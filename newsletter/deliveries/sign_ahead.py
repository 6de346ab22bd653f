"""Messages signed ahead of the connections, by threads that share the cores with the loop: RSA gives up the
interpreter's lock, and takes as long as all else of a message, or three times that.

The loop signs itself what no thread has signed when a connection wants it, so one thread fewer than there are cores
keeps all of them busy, and no connection waits for a thread. It signs several at once: signing and sending want
different things of the processor's caches, and taking turns for each message cost 6 % of all.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from db.claims import Claimed
from newsletter.deliveries.assembling import Job

AT_ONCE = 8  # deliveries a thread takes from the line, or the loop signs


class SigningAhead:
    """``ahead`` messages are signed or being signed. Made and called in a loop; ``more`` is called there when one is
    signed while the loop has nothing else to send, ``failed`` when signing fails, and ``failure`` says why."""

    def __init__(
        self, sign: Callable[[Sequence[Claimed]], Sequence[Job]], threads: int, ahead: int,
        more: Callable[[], None], failed: Callable[[], None],
    ) -> None:  # fmt: skip
        self.failure: Exception | None = None
        self._sign, self._ahead, self._more, self._failed = sign, ahead if threads else 0, more, failed
        self._loop = asyncio.get_running_loop()
        self._line: SimpleQueue[list[Claimed] | None] = SimpleQueue()
        self._signed: deque[tuple[Claimed, Job]] = deque()
        self._out: dict[int, Claimed] = {}
        self._wanted = False
        self._threads = [threading.Thread(target=self._sign_on, name="signs") for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    @property
    def out(self) -> int:
        """How many are in the threads' hands, or signed and not taken."""
        return len(self._out)

    def feed(self, claimed: deque[Claimed]) -> None:
        """Take from the left what may be signed next."""
        while claimed and len(self._out) < self._ahead:
            self._line.put(self._first(claimed))

    def ready(self) -> bool:
        """Whether one is signed; if none is, ``more`` will be called when one is."""
        self._wanted = True  # before looking, so that none is missed that is signed meanwhile
        if self._signed:
            self._wanted = False
        return bool(self._signed)

    def take(self, claimed: deque[Claimed]) -> tuple[Claimed, Job]:
        """The next that is signed, from the left of ``claimed`` if need be; one of the two must hold something."""
        if not self._signed:
            self._sign_all(self._first(claimed))
        self.feed(claimed)
        row, job = self._signed.popleft()
        del self._out[row.delivery_id]
        return row, job

    def rest(self) -> list[Claimed]:
        """What was fed and not taken."""
        return list(self._out.values())

    def close(self) -> None:
        """When the threads are done with what they have in hand."""
        with suppress(Empty):  # a thread may have taken the last one meanwhile
            while True:
                self._line.get_nowait()
        for _ in self._threads:
            self._line.put(None)
        for thread in self._threads:
            thread.join()

    def _first(self, claimed: deque[Claimed]) -> list[Claimed]:
        rows = [claimed.popleft() for _ in range(min(AT_ONCE, len(claimed)))]
        self._out.update((row.delivery_id, row) for row in rows)
        return rows

    def _sign_all(self, rows: Sequence[Claimed]) -> None:
        self._signed.extend(zip(rows, self._sign(rows), strict=True))

    def _sign_on(self) -> None:
        while rows := self._line.get():
            try:
                self._sign_all(rows)
                if self._wanted:
                    self._wanted = False
                    self._loop.call_soon_threadsafe(self._more)
            except Exception as error:  # whatever it is, the sending has to end with it
                self.failure = error
                self._loop.call_soon_threadsafe(self._failed)
