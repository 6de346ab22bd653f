"""Outcomes into a ledger on SQLite, by way of the sender's log: each is in the log before the next message begins, and
the ledger hears of them with each claim, at once where they concern a mailbox or a domain, and after a tenth of a
second at the latest, so that whoever looks sees the sending go on.

All in the event loop: the log takes 4 µs, while handing work to a thread and back takes many times that, most of it
spent waiting for the interpreter's lock. The loop does not wait for other writers: what is not urgent is tried again.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from sqlalchemy.exc import OperationalError

from db.engine import PATIENCE
from db.outcome_log import OutcomeLog
from newsletter.deliveries.record_outcomes import Decided, Held, concern_others, settle, stubbornly, write_all

TELL_SECONDS = 0.1
AGAIN_SECONDS = 0.002  # when another writer was at it
MOST_UNTOLD = 2000  # outcomes that other writers may keep from the ledger before they are waited for
FLUSH_SECONDS = 0.05  # between two flushes of the disk; each costs as much as fifteen messages


class LogRecorder:
    """The Recorder for SQLite: one write for what the loop hears in two looks, before anything new is sent."""

    slack = 0

    def __init__(self, log: OutcomeLog, held: Held, stop: threading.Event, failed: Callable[[], None]) -> None:
        self.failure: Exception | None = None
        self._log, self._held, self._stop, self._failed = log, held, stop, failed
        self._loop = asyncio.get_running_loop()
        self._decided: list[Decided] = []
        self._timer = False
        self._dirty, self._closing = threading.Event(), threading.Event()
        self._flushing = threading.Thread(target=self._flush_on, name="flushes")
        self._flushing.start()

    def add(self, decided: Decided) -> None:
        if not self._decided:  # once the loop has looked again: what came meanwhile goes along
            self._loop.call_soon(self._loop.call_soon, self._write)
        self._decided.append(decided)

    def hurry(self) -> None:
        """It is written soon, whoever waits."""

    async def close(self) -> None:
        self._write()
        self._try(self._tell)
        self._closing.set()
        self._dirty.set()
        await self._loop.run_in_executor(None, self._flushing.join)
        self._log.close()

    def _write(self) -> None:
        batch, self._decided = self._decided, []
        if concern_others(batch):
            self._try(lambda: self._tell(batch))
        elif batch:
            now = self._held.now()
            self._try(lambda: self._log.append([row.written for row in batch], now))
            self._tell_in(TELL_SECONDS)
        self._dirty.set()
        if self.failure is not None:
            self._failed()  # before anybody goes on to the next message, whose outcome would be lost as well
        settle(batch)

    def _tell(self, batch: Sequence[Decided] = ()) -> None:
        with self._log.telling(PATIENCE) as connection:
            if batch:
                write_all(connection, self._held, batch)

    def _tell_in(self, seconds: float) -> None:
        if not self._timer:
            self._timer = True
            self._loop.call_later(seconds, self._tell_if_free)

    def _tell_if_free(self) -> None:
        self._timer = False
        if self._closing.is_set() or not self._log.untold:
            return
        if self._log.untold > MOST_UNTOLD:
            self._try(self._tell)
            return
        with suppress(OperationalError), self._log.telling(0.0):
            return
        self._tell_in(AGAIN_SECONDS)

    def _flush_on(self) -> None:
        """The thread that waits for the disk: a power cut loses what came since its last flush began."""
        while not self._closing.is_set():
            self._dirty.wait()
            self._dirty.clear()
            self._try(self._log.flush)
            self._closing.wait(FLUSH_SECONDS)
        self._try(self._log.flush)

    def _try(self, work: Callable[[], None]) -> None:
        if self.failure is not None:
            return
        try:
            stubbornly(work, self._stop)
        except Exception as error:  # whatever it is, the sending has to end with it
            self.failure = self.failure or error
            self._loop.call_soon_threadsafe(self._failed)
