"""Outcomes into the ledger: one thread commits without pause, and each commit takes what arrived during the last one.

No timer and no fixed batch: under little load an outcome is committed at once, under much a commit holds many.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import datetime
from queue import SimpleQueue
from typing import NamedTuple, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from db import deliveries
from db.outcomes import OutcomeLedger, Written, write_outcomes
from newsletter.deliveries.outcomes import Blame
from newsletter.deliveries.pauses import Hold, hold_domain

T = TypeVar("T")

DATABASE_SECONDS = 120.0  # how long a database may be gone before a sender gives up


class Decided(NamedTuple):
    """An outcome, whom else it concerns, and the future that is done once the ledger has it."""

    written: Written
    blame: Blame
    subscriber_id: int
    hold: Hold | None
    done: asyncio.Future[None]


class Recorder:
    """Made in a running loop. ``turn`` is held while it writes; ``failed`` is called in the loop, once, when the
    database stays away: nothing is recorded from then on, and ``failure`` says why."""

    def __init__(
        self, engine: Engine, issue_id: int, owner: str, week: str, now: Callable[[], datetime],
        turn: AbstractContextManager[object], stop: threading.Event, failed: Callable[[], None],
    ) -> None:  # fmt: skip
        self.failure: Exception | None = None
        self._ledger = OutcomeLedger(engine, issue_id)
        self._issue_id, self._owner, self._week, self._now = issue_id, owner, week, now
        self._turn, self._stop, self._failed = turn, stop, failed
        self._loop = asyncio.get_running_loop()
        self._arrived: SimpleQueue[Decided | None] = SimpleQueue()
        self._flushes = ThreadPoolExecutor(1, "flushes")
        self._flush: Future[None] | None = None
        self._thread = threading.Thread(target=self._run, name="outcomes")
        self._thread.start()

    def add(self, written: Written, blame: Blame, subscriber_id: int, hold: Hold | None) -> asyncio.Future[None]:
        done = self._loop.create_future()
        self._arrived.put(Decided(written, blame, subscriber_id, hold, done))
        return done

    async def close(self) -> None:
        """When all that was added is committed and flushed, or will not be."""
        self._arrived.put(None)
        await self._loop.run_in_executor(None, self._thread.join)

    def _run(self) -> None:
        while batch := self._next():
            if self.failure is None:
                self._try(lambda: stubbornly(lambda: self._commit(batch), self._stop))
                self._try(self._flush_beside)
            self._loop.call_soon_threadsafe(_settle, batch)
        self._flushes.shutdown()
        if self.failure is None:
            self._try(self._ledger.flush)
        self._ledger.close()

    def _next(self) -> list[Decided]:
        """All that has arrived, once something has; empty at the end, which is the last that arrives."""
        batch = []
        row = self._arrived.get()
        while row is not None:
            batch.append(row)
            if self._arrived.empty():
                return batch
            row = self._arrived.get()
        if batch:
            self._arrived.put(None)
        return batch

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # whatever it is, the sending has to end with it
            self.failure = error
            self._loop.call_soon_threadsafe(self._failed)

    def _commit(self, batch: Sequence[Decided]) -> None:
        written = [row.written for row in batch]
        gone = [row.subscriber_id for row in batch if row.blame is Blame.MAILBOX]
        if not gone and all(row.hold is None for row in batch):
            with self._turn:
                self._ledger.write(self._owner, written)
            return
        with self._turn, self._ledger.transaction() as connection:
            write_outcomes(connection, self._issue_id, self._owner, written)
            if gone:
                deliveries.mark_bounced(connection, gone, self._now())
            for row in batch:
                if row.hold is not None:
                    hold_domain(connection, self._issue_id, self._owner, self._week, row.hold, self._now())

    def _flush_beside(self) -> None:
        """One flush of the disk after the other, so that a power cut loses no more than the last one took."""
        if self._flush is None or self._flush.done():
            if self._flush is not None:
                self._flush.result()
            self._flush = self._flushes.submit(self._ledger.flush)


def _settle(batch: Sequence[Decided]) -> None:
    for row in batch:
        if not row.done.done():
            row.done.set_result(None)


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
