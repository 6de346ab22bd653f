"""What a sender asks of the ledger beside outcomes: deliveries to hold, longer, or no more; whether to go on."""

import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from db import claims, deliveries, slots
from db.claims import Claimed
from db.engine import PATIENCE, reading, shared_now, transaction
from db.states import IssueStatus
from newsletter.clock import Clock
from newsletter.deliveries.pacing import Queue
from newsletter.deliveries.pauses import hold_issue
from newsletter.deliveries.record_outcomes import stubbornly

T = TypeVar("T")

LEASE = timedelta(minutes=10)
FEWEST = 60  # deliveries: some for each connection


class Leases:
    """The deliveries of one issue that one of ``processes`` senders holds, claimed ``batch`` at a time. Blocking.

    ``end`` is the instant (``time.monotonic``) that the oldest of its leases ends at; ``skipped`` says that the walk
    through the ledger has left domains out. Claims are made in transactions that ``telling`` begins, given the seconds
    to wait for others.
    """

    def __init__(
        self, engine: Engine, clock: Clock, issue_id: int, owner: str, stop: threading.Event, batch: int,
        processes: int, telling: Callable[[float], AbstractContextManager[Connection]] | None = None,
    ) -> None:  # fmt: skip
        self.end = 0.0
        self._engine, self._clock, self._issue_id, self._owner = engine, clock, issue_id, owner
        self._stop, self._batch, self._processes = stop, batch, processes
        self._telling = telling or partial(transaction, engine)
        self._after = 0
        self.skipped = False
        self._gone: Exception | None = None

    def claim(self, without: Collection[str] = ()) -> list[Claimed]:
        """The next deliveries that are due, but of those domains; none when none is, or the issue is not being sent."""
        self.skipped = self.skipped or bool(without)
        return self._stubbornly(lambda: self._claim(without, PATIENCE))

    def claim_if_free(self, without: Collection[str] = ()) -> list[Claimed] | None:
        """The same; None where another writer is in the way, or the database has any other trouble."""
        self.skipped = self.skipped or bool(without)
        with suppress(OperationalError):
            return self._claim(without, 0.0)
        return None

    def from_the_beginning(self) -> None:
        """Claim again what was left out."""
        self._after, self.skipped = 0, False

    def _claim(self, without: Collection[str], patience: float) -> list[Claimed]:
        ends = time.monotonic() + LEASE.total_seconds()
        with self._telling(patience) as connection:
            if deliveries.issue_status(connection, self._issue_id) != IssueStatus.SENDING:
                return []
            claimed, self._after = claims.claim(
                connection,
                self._issue_id,
                self._owner,
                self._clock.now(),
                shared_now(connection) + LEASE,
                self._share(connection),
                self._after,
                without,
            )
        self.end = self.end or ends
        return claimed

    def _share(self, connection: Connection) -> int:
        """How many to claim. Towards the end fewer, or one process would still send what others could have taken."""
        if self._processes == 1:
            return self._batch
        left = claims.newest_queued(connection, self._issue_id) - self._after
        return min(self._batch, max(left // (2 * self._processes), FEWEST))

    def extend(self) -> bool:
        """False where they ended meanwhile: others may have taken over what is held, so none of it may be sent."""
        began = time.monotonic()
        with transaction(self._engine) as connection:
            claims.extend_leases(connection, self._issue_id, self._owner, shared_now(connection) + LEASE)
        if self.end and time.monotonic() >= self.end:
            return False
        self.end = began + LEASE.total_seconds()
        return True

    def left_meanwhile(self) -> frozenset[int]:
        """Of what is held, what is for readers who may not be mailed any more."""
        with reading(self._engine) as connection:
            return claims.left_meanwhile(connection, self._issue_id, self._owner, self._clock.now())

    def give_back(self, rest: Sequence[Claimed]) -> None:
        with transaction(self._engine) as connection:
            claims.give_back(connection, self._issue_id, self._owner, rest)

    def being_sent(self) -> bool:
        with reading(self._engine) as connection:
            return deliveries.issue_status(connection, self._issue_id) == IssueStatus.SENDING

    def hold_issue(self, week: str, reason: str) -> None:
        with transaction(self._engine) as connection:
            hold_issue(connection, self._issue_id, week, reason, self._clock.now())

    def stand_in_line(self, queue: Queue, count: int) -> float:
        """The next so many places in a queue; returns the instant of the first, by ``time.monotonic``: the machine's
        clock may be put forward or back while it is waited for."""
        return self._stubbornly(lambda: self._stand_in_line(queue, count))

    def _stubbornly(self, work: Callable[[], T]) -> T:
        """What stayed away for one is waited for by no other: a relay's connections stand in line one after another."""
        if self._gone is not None:
            raise self._gone
        try:
            return stubbornly(work, self._stop)
        except (OperationalError, OSError) as error:
            self._gone = error
            raise

    def _stand_in_line(self, queue: Queue, count: int) -> float:
        with transaction(self._engine) as connection:
            return time.monotonic() + slots.reserve(connection, queue.name, count, queue.rate)
