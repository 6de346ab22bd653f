"""Outcomes into a ledger on PostgreSQL, in groups: a commit takes all that was decided until a connection has to wait
for it.

No fixed batch: a connection may send on while its last outcome is unwritten, so under load a commit holds one or two of
every connection; what nobody waits for is written after a few milliseconds. What the server does takes long and happens
elsewhere, so a thread waits for it.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from queue import SimpleQueue
from typing import NamedTuple, Protocol, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from db import deliveries
from db.engine import transaction
from db.outcomes import OutcomeLedger, Written, write_outcomes
from newsletter.deliveries.outcomes import Blame
from newsletter.deliveries.pauses import Hold, hold_domains

T = TypeVar("T")

DATABASE_SECONDS = 120.0  # how long a database may be gone before a sender gives up
LINGER_SECONDS = 0.005  # the longest that an outcome is unwritten which no connection waits for


class Decided(NamedTuple):
    """An outcome, whom else it concerns, and who is called in the loop once it cannot be lost any more."""

    written: Written
    blame: Blame
    subscriber_id: int
    hold: Hold | None
    committed: Callable[[], None]


class Held(NamedTuple):
    """Whose deliveries outcomes are of: a sender's, of one issue, and what the time is."""

    issue_id: int
    owner: str
    week: str
    now: Callable[[], datetime]


class Recorder(Protocol):
    """Made in a running loop, and called in it. ``failed``, which it is made with, is called there, once, when the
    database or the disk stays away: nothing is recorded from then on, and ``failure`` says why."""

    failure: Exception | None
    slack: int
    """How many outcomes of a connection may be unwritten when its next body begins."""

    def add(self, decided: Decided) -> None: ...

    def hurry(self) -> None:
        """A connection waits for what was added."""

    async def close(self) -> None:
        """When all that was added is written and flushed, or will not be."""


class LedgerRecorder:
    """The Recorder for PostgreSQL."""

    slack = 1

    def __init__(self, engine: Engine, held: Held, stop: threading.Event, failed: Callable[[], None]) -> None:
        self.failure: Exception | None = None
        self._engine, self._ledger, self._held = engine, OutcomeLedger(engine, held.issue_id), held
        self._stop, self._failed = stop, failed
        self._loop = asyncio.get_running_loop()
        self._decided: list[Decided] = []
        self._lingering = self._hurrying = False
        self._queue: SimpleQueue[list[Decided] | None] = SimpleQueue()
        self._beside = threading.Thread(target=self._commit_on, name="outcomes")
        self._beside.start()

    def add(self, decided: Decided) -> None:
        if not self._lingering:
            self._lingering = True
            self._loop.call_later(LINGER_SECONDS, self._lingered)
        self._decided.append(decided)

    def hurry(self) -> None:
        """Commit once the loop has heard what else is there."""
        if not self._hurrying:
            self._hurrying = True
            self._loop.call_soon(self._pass)

    async def close(self) -> None:
        while self._decided:
            self._pass()
        self._queue.put(None)
        await self._loop.run_in_executor(None, self._beside.join)
        self._ledger.close()

    def _lingered(self) -> None:
        self._lingering = False
        self._pass()

    def _pass(self) -> None:
        self._hurrying = False
        batch, self._decided = self._decided, []
        if batch:
            self._queue.put(batch)

    def _commit_on(self) -> None:
        """The thread that waits for PostgreSQL."""
        while batch := self._next():
            self._record(batch)
            self._loop.call_soon_threadsafe(settle, batch)

    def _next(self) -> list[Decided]:
        """All that has arrived, once something has; empty at the end, which is the last that arrives."""
        batch: list[Decided] = []
        while not batch or not self._queue.empty():
            arrived = self._queue.get()
            if arrived is None:
                self._queue.put(None)
                break
            batch += arrived
        return batch

    def _record(self, batch: Sequence[Decided]) -> None:
        if self.failure is not None:
            return
        try:
            stubbornly(lambda: self._commit(batch), self._stop)
        except Exception as error:  # whatever it is, the sending has to end with it
            self.failure = error
            self._loop.call_soon_threadsafe(self._failed)

    def _commit(self, batch: Sequence[Decided]) -> None:
        if concern_others(batch):
            with transaction(self._engine) as connection:
                write_all(connection, self._held, batch)
        else:
            self._ledger.write(self._held.owner, [row.written for row in batch], self._held.now())


def concern_others(batch: Sequence[Decided]) -> bool:
    return any(row.hold is not None or row.blame is Blame.MAILBOX for row in batch)


def write_all(connection: Connection, held: Held, batch: Sequence[Decided]) -> None:
    """Outcomes, and what follows from them for mailboxes and domains."""
    write_outcomes(connection, held.issue_id, held.owner, [row.written for row in batch], held.now())
    gone = [row.subscriber_id for row in batch if row.blame is Blame.MAILBOX]
    if gone:
        deliveries.mark_bounced(connection, held.issue_id, gone, held.now())
    holds = [row.hold for row in batch if row.hold is not None]
    hold_domains(connection, held.issue_id, held.owner, held.week, holds, held.now())


def settle(batch: Sequence[Decided]) -> None:
    for row in batch:
        row.committed()


def stubbornly(work: Callable[[], T], stop: threading.Event) -> T:
    """A database that is gone or takes no writes (a standby, while another takes over), or a disk that is full, may
    come back: connections wait with their outcomes."""
    until = time.monotonic() + DATABASE_SECONDS
    while True:
        try:
            return work()
        except (OperationalError, OSError):
            if time.monotonic() > until or stop.is_set():
                raise
            time.sleep(0.5)
