"""Outcomes into the ledger, in groups: a commit takes all that was decided until a connection has to wait for it.

No fixed batch: a connection may send on while its last outcome is unwritten, so under load a commit holds one or two of
every connection; what nobody waits for is written after a few milliseconds.

SQLite is written from the event loop itself: six outcomes take it 70 µs, while handing them to a thread and back takes
several times that, most of it spent waiting for the interpreter's lock. What PostgreSQL does takes long and happens
elsewhere, so there a thread waits for it.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from queue import SimpleQueue
from typing import NamedTuple, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from db import deliveries
from db.engine import is_sqlite, transaction
from db.outcomes import OutcomeLedger, Written, write_outcomes
from newsletter.deliveries.outcomes import Blame
from newsletter.deliveries.pauses import Hold, hold_domain

T = TypeVar("T")

DATABASE_SECONDS = 120.0  # how long a database may be gone before a sender gives up
FLUSH_SECONDS = 0.01  # between two flushes of the disk
LINGER_SECONDS = 0.005  # the longest that an outcome is unwritten which no connection waits for
GATHER_SECONDS = 0.001  # for more to arrive: one row costs PostgreSQL as much as eight


class Decided(NamedTuple):
    """An outcome, whom else it concerns, and who is called in the loop once the ledger has it."""

    written: Written
    blame: Blame
    subscriber_id: int
    hold: Hold | None
    committed: Callable[[], None]


class Recorder:
    """Made in a running loop, and called in it. ``failed`` is called there, once, when the database stays away: nothing
    is recorded from then on, and ``failure`` says why."""

    def __init__(
        self, engine: Engine, issue_id: int, owner: str, week: str, now: Callable[[], datetime],
        stop: threading.Event, failed: Callable[[], None],
    ) -> None:  # fmt: skip
        self.failure: Exception | None = None
        self._engine, self._ledger = engine, OutcomeLedger(engine, issue_id)
        self._issue_id, self._owner, self._week, self._now = issue_id, owner, week, now
        self._stop, self._failed = stop, failed
        self._loop = asyncio.get_running_loop()
        self._in_loop = is_sqlite(engine)
        self._decided: list[Decided] = []
        self._lingering = self._hurrying = False
        self._queue: SimpleQueue[list[Decided] | None] = SimpleQueue()
        self._dirty, self._closing = threading.Event(), threading.Event()
        self._beside = threading.Thread(target=self._flush_on if self._in_loop else self._commit_on, name="outcomes")
        self._beside.start()

    def add(self, decided: Decided) -> None:
        if not self._lingering:
            self._lingering = True
            self._loop.call_later(LINGER_SECONDS, self._lingered)
        self._decided.append(decided)

    def hurry(self) -> None:
        """A connection waits for what was added: commit once the loop has heard what else is there."""
        if not self._hurrying:
            self._hurrying = True
            self._loop.call_soon(self._pass)

    async def close(self) -> None:
        """When all that was added is committed and flushed, or will not be."""
        while self._decided:
            self._pass()
        self._closing.set()
        self._dirty.set()
        self._queue.put(None)
        await self._loop.run_in_executor(None, self._beside.join)
        self._ledger.close()

    def _lingered(self) -> None:
        self._lingering = False
        self._pass()

    def _pass(self) -> None:
        self._hurrying = False
        batch, self._decided = self._decided, []
        if batch and self._in_loop:
            self._record(batch)
            self._dirty.set()
            _settle(batch)
        elif batch:
            self._queue.put(batch)

    def _commit_on(self) -> None:
        """The thread that waits for PostgreSQL."""
        while batch := self._next():
            self._record(batch)
            self._loop.call_soon_threadsafe(_settle, batch)

    def _next(self) -> list[Decided]:
        """All that has arrived, once something has; empty at the end, which is the last that arrives."""
        batch: list[Decided] = []
        while not batch or not self._queue.empty():
            arrived = self._queue.get()
            if not batch:
                self._closing.wait(GATHER_SECONDS)
            if arrived is None:
                self._queue.put(None)
                break
            batch += arrived
        return batch

    def _flush_on(self) -> None:
        """The thread that waits for the disk under SQLite: a power cut loses what came since its last flush began."""
        while not self._closing.is_set():
            self._dirty.wait()
            self._dirty.clear()
            self._try(self._ledger.flush)
            self._closing.wait(FLUSH_SECONDS)
        self._try(self._ledger.flush)

    def _record(self, batch: Sequence[Decided]) -> None:
        if self.failure is None:
            self._try(lambda: stubbornly(lambda: self._commit(batch), self._stop))

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # whatever it is, the sending has to end with it
            self.failure = self.failure or error
            self._loop.call_soon_threadsafe(self._failed)

    def _commit(self, batch: Sequence[Decided]) -> None:
        written = [row.written for row in batch]
        gone = [row.subscriber_id for row in batch if row.blame is Blame.MAILBOX]
        if not gone and all(row.hold is None for row in batch):
            self._ledger.write(self._owner, written)
            return
        with transaction(self._engine) as connection:
            write_outcomes(connection, self._issue_id, self._owner, written)
            if gone:
                deliveries.mark_bounced(connection, gone, self._now())
            for row in batch:
                if row.hold is not None:
                    hold_domain(connection, self._issue_id, self._owner, self._week, row.hold, self._now())


def _settle(batch: Sequence[Decided]) -> None:
    for row in batch:
        row.committed()


def stubbornly(work: Callable[[], T], stop: threading.Event) -> T:
    """A database that is gone, or a disk that is full, may come back: connections wait with their outcomes."""
    until = time.monotonic() + DATABASE_SECONDS
    while True:
        try:
            return work()
        except OperationalError:
            if time.monotonic() > until or stop.is_set():
                raise
            time.sleep(0.5)
