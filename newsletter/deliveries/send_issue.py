"""One process sending one issue: claims in, messages out, outcomes back into the ledger.

One event loop talks on all connections. Beside it two threads touch the database: one claims ahead, one commits
outcomes without pause, each commit taking what arrived during the last.
"""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar

from sqlalchemy import Engine

from db import deliveries
from db.deliveries import Claimed, Written
from db.engine import is_sqlite, transaction
from db.states import DeliveryStatus, IssueStatus
from newsletter.clock import Clock, real_now
from newsletter.deliveries import outcomes
from newsletter.deliveries.converse import Job, converse
from newsletter.deliveries.message import Frozen, Recipient, link_token, own_fields, return_path
from newsletter.deliveries.outcomes import Blame, Reply
from newsletter.deliveries.transport import RelayError, connect
from newsletter.setting_values import Relay
from newsletter.settings import Settings

T = TypeVar("T")

LEASE = timedelta(minutes=10)
BATCH = 500
LOOK_SECONDS = 0.4  # how often a pause is looked for
EXTEND_SECONDS = 60.0
CONNECT_TRIES = 5


@dataclass(slots=True)
class Tally:
    """What this process did."""

    sent: int = 0
    deferred: int = 0
    failed: int = 0
    uncertain: int = 0
    trouble: str | None = None


@dataclass(frozen=True)
class Work:
    """What a sender has to know of the issue."""

    issue_id: int
    frozen: Frozen
    date: datetime
    link_keys: dict[int, bytes]


@dataclass(slots=True)
class Flying:
    claimed: Claimed
    job: Job
    relay: Relay | None = None


class Sender:
    """Sends what is due of one issue, until nothing is, or the issue is paused, or ``stop`` is set."""

    def __init__(
        self, engine: Engine, settings: Settings, clock: Clock, owner: str, work: Work, stop: threading.Event
    ) -> None:
        self.engine, self.settings, self.clock, self.owner, self.work = engine, settings, clock, owner, work
        self.tally = Tally()
        self._stop = stop
        self._random = Random()  # noqa: S311 -- jitter keeps no secret
        self._halted = False
        self._exhausted = False
        self._after = 0
        self._ready: deque[Claimed] = deque()
        self._flying: dict[int, Flying] = {}
        self._given_back: list[Claimed] = []
        self._unwritten: list[tuple[Written, Blame, int, asyncio.Future[None]]] = []
        self._lease_ends = 0.0

    def run(self) -> Tally:
        with deliveries.outcome_connection(self.engine) as self._ledger:
            asyncio.run(self._run())
        return self.tally

    async def _run(self) -> None:
        self._claims = ThreadPoolExecutor(1, "claims")
        # SQLite has one writer at a time and makes others sleep: two of ours take turns better in one thread.
        self._writes = self._claims if is_sqlite(self.engine) else ThreadPoolExecutor(1, "writes")
        self._more = asyncio.Event()
        self._low = asyncio.Event()
        self._to_write = asyncio.Event()
        self._over = asyncio.Event()
        self._low.set()
        helpers = [asyncio.create_task(job) for job in (self._refill(), self._watch(), self._write())]
        try:
            relays = [(relay, slot) for relay in self.settings.smtp for slot in range(relay.connections)]
            async with asyncio.TaskGroup() as group:
                for relay, slot in relays:
                    group.create_task(self._serve(relay, slot))
        finally:
            self._halt()
            await helpers[0]
            self._to_write.set()
            await helpers[2]
            helpers[1].cancel()
            await self._give_back_rest()
            self._claims.shutdown()
            self._writes.shutdown()

    def _halt(self) -> None:
        """No new message begins; what is in flight finishes."""
        self._halted = True
        self._over.set()
        self._more.set()
        self._low.set()

    # -- connections

    async def _serve(self, relay: Relay, slot: int) -> None:
        """Keep one connection busy; a lost one is replaced, a relay that is not there is given up after a while."""
        source = _Outlet(self, relay)
        tries = 0
        while await self._anything():
            try:
                connected = await connect(relay)
            except RelayError as error:
                tries += 1
                if tries >= CONNECT_TRIES or self._halted:
                    self.tally.trouble = str(error)
                    return
                await self._pause(0.2 * 4**tries)
                continue
            before = source.progress
            try:
                await converse(connected, source)
            finally:
                await connected.quit()
            if source.progress > before:
                tries = 0
            else:
                tries += 1
                if tries >= CONNECT_TRIES and not self._halted:
                    return
                await self._pause(0.2 * 4**tries)

    async def _anything(self) -> bool:
        """Wait for work; False once there is none left or the sending stops."""
        while not self._ready and not self._exhausted and not self._halted:
            self._more.clear()
            await self._more.wait()
        return bool(self._ready) and not self._halted

    async def _pause(self, seconds: float) -> None:
        """Sleep, unless the sending stops meanwhile."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, 30.0)):
                await self._over.wait()

    def pop(self, relay: Relay) -> Job | None:
        """Assemble the next claimed delivery."""
        if self._halted or not self._ready:
            return None
        claimed = self._ready.popleft()
        if len(self._ready) < BATCH // 2:
            self._low.set()
        job = self._assemble(claimed)
        self._flying[claimed.id] = Flying(claimed, job, relay)
        return job

    async def wait_for_more(self) -> bool:
        return await self._anything()

    def may_go(self, job: Job) -> bool:
        return not self._halted and time.monotonic() < self._lease_ends

    def give_back(self, job: Job) -> None:
        flying = self._flying.pop(job.delivery_id)
        if self._halted:
            self._given_back.append(flying.claimed)
        else:
            self._ready.appendleft(flying.claimed)
            self._more.set()

    def decided(self, job: Job, reply: Reply | None) -> asyncio.Future[None]:
        flying = self._flying.pop(job.delivery_id)
        claimed, now = flying.claimed, self.clock.now()
        first = claimed.first_attempt_at or now
        if reply is None:
            what = outcomes.unknown(first, now, self._random, retry=self.settings.uncertain == "retry")
        else:
            what = outcomes.outcome(reply, claimed.attempts, first, now, self._random)
        assert flying.relay is not None
        written = Written(
            claimed.id, what.status, what.next_attempt_at, reply.code if reply else None,
            str(reply) if reply else "the connection dropped after the final dot", flying.relay.name,
            _relay_id(flying.relay, reply), now,
        )  # fmt: skip
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._unwritten.append((written, what.blame, claimed.subscriber_id, done))
        self._to_write.set()
        match what.status:
            case DeliveryStatus.SENT:
                self.tally.sent += 1
            case DeliveryStatus.DEFERRED:
                self.tally.deferred += 1
            case DeliveryStatus.FAILED:
                self.tally.failed += 1
            case _:
                self.tally.uncertain += 1
        return done

    def _assemble(self, claimed: Claimed) -> Job:
        frozen, envelope = self.work.frozen, self.work.frozen.envelope
        recipient = Recipient(
            claimed.subscriber_id, claimed.id, claimed.email, claimed.name, claimed.format, claimed.selection
        )
        key_id = claimed.link_key_id
        key = self.work.link_keys[key_id]
        cut = frozen.cut(claimed.selection, claimed.format)
        token = link_token(envelope, recipient, key_id, key)
        own = own_fields(envelope, recipient, token, self.work.date, key_id, key)
        head = b"".join([own, cut.fields, b"\r\n"])
        sender = return_path(envelope, recipient, key_id, key)
        return Job(claimed.id, sender, claimed.email, head, cut.pieces, token.encode("ascii"), len(own) + cut.size)

    # -- the database, each kind of work in a thread of its own

    async def _refill(self) -> None:
        while not self._halted:
            await self._low.wait()
            self._low.clear()
            if self._halted:
                break
            claimed = await self._in(self._claims, self._claim)
            self._exhausted = not claimed
            self._ready.extend(claimed)
            self._more.set()
            if self._exhausted:
                break

    def _claim(self) -> list[Claimed]:
        ends = time.monotonic() + LEASE.total_seconds()
        with transaction(self.engine) as connection:
            if deliveries.issue_status(connection, self.work.issue_id) != IssueStatus.SENDING:
                return []
            claimed, self._after = deliveries.claim(
                connection, self.work.issue_id, self.owner, self.clock.now(), real_now() + LEASE, BATCH, self._after
            )
        if not self._lease_ends:
            self._lease_ends = ends
        return claimed

    async def _watch(self) -> None:
        extended = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._stop.is_set() or await self._in(None, self._status) != IssueStatus.SENDING:
                self._halt()
                return
            if time.monotonic() - extended > EXTEND_SECONDS:
                extended = time.monotonic()
                await self._in(None, self._extend)
                self._lease_ends = extended + LEASE.total_seconds()

    def _status(self) -> str | None:
        with transaction(self.engine) as connection:
            return deliveries.issue_status(connection, self.work.issue_id)

    def _extend(self) -> None:
        with transaction(self.engine) as connection:
            deliveries.extend_leases(connection, self.owner, real_now() + LEASE)

    async def _write(self) -> None:
        """Commit outcomes until the sending is over and none is left."""
        while True:
            await self._to_write.wait()
            self._to_write.clear()
            while self._unwritten:
                batch, self._unwritten = self._unwritten, []
                await self._in(self._writes, lambda batch=batch: self._commit(batch))
                for *_, done in batch:
                    if not done.done():
                        done.set_result(None)
            if self._halted:
                return

    def _commit(self, batch: Sequence[tuple[Written, Blame, int, asyncio.Future[None]]]) -> None:
        gone = [subscriber for _, blame, subscriber, _ in batch if blame is Blame.MAILBOX]
        with self._ledger.begin():
            deliveries.write_outcomes(self._ledger, self.owner, [written for written, *_ in batch])
            if gone:
                deliveries.mark_bounced(self._ledger, gone, self.clock.now())

    async def _give_back_rest(self) -> None:
        rest = [*self._given_back, *self._ready, *(flying.claimed for flying in self._flying.values())]
        if rest:
            await self._in(self._writes, lambda: self._return(rest))

    def _return(self, rest: Sequence[Claimed]) -> None:
        with transaction(self.engine) as connection:
            deliveries.give_back(connection, self.owner, rest)

    async def _in(self, pool: ThreadPoolExecutor | None, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, work)


class _Outlet:
    """The Source of one connection."""

    def __init__(self, sender: Sender, relay: Relay) -> None:
        self._sender, self._relay = sender, relay
        self.progress = 0

    async def take(self) -> Job | None:
        while (job := self._sender.pop(self._relay)) is None:
            if not await self._sender.wait_for_more():
                return None
        return job

    def peek(self) -> Job | None:
        return self._sender.pop(self._relay)

    def may_go(self, job: Job) -> bool:
        return self._sender.may_go(job)

    def give_back(self, job: Job) -> None:
        self._sender.give_back(job)

    def decided(self, job: Job, reply: Reply | None) -> asyncio.Future[None]:
        self.progress += 1
        return self._sender.decided(job, reply)


def _relay_id(relay: Relay, reply: Reply | None) -> str | None:
    """A relay that rewrites Message-ID says its own in its reply: ``250 Ok 0102018…`` (Amazon SES)."""
    if relay.profile != "ses" or reply is None or not 200 <= reply.code < 300:
        return None
    words = [word for word in reply.text.split() if len(word) > 20]
    return words[-1] if words else None
