"""One process sending one issue: claims in, messages out, outcomes back into the ledger.

One event loop talks on all connections. Threads beside it touch the database (one claims ahead; one commits outcomes
without pause, each commit taking what arrived during the last) and sign, where keys are set.
"""

import asyncio
import contextlib
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import NamedTuple, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from db import deliveries, ownership, slots
from db.deliveries import Claimed, Written
from db.engine import is_sqlite, reading, transaction
from db.states import IssueStatus
from newsletter.clock import Clock, real_now
from newsletter.deliveries import outcomes, pacing
from newsletter.deliveries.assembling import Job, Work
from newsletter.deliveries.converse import converse
from newsletter.deliveries.message import Recipient
from newsletter.deliveries.outcomes import Blame, Reply
from newsletter.deliveries.transport import RelayError, connect
from newsletter.setting_values import Relay
from newsletter.settings import Settings

T = TypeVar("T")

LEASE = timedelta(minutes=10)
BATCH = 500
LOOK_SECONDS = 0.4  # how often a pause is looked for
EXTEND_SECONDS = 60.0
CONNECT_TRIES = 4
DATABASE_SECONDS = 120.0  # how long a database may be gone before a sender gives up
BLAMING_DOMAINS = 3


@dataclass(slots=True)
class Tally:
    """What this process did, by status, and why it could not go on."""

    statuses: Counter[str] = field(default_factory=Counter)
    trouble: str | None = None


class _Decided(NamedTuple):
    written: Written
    blame: Blame
    subscriber_id: int
    domain: str
    done: asyncio.Future[None]


class Sender:
    """Sends what is due of one issue, until nothing is, or the issue is paused, or ``stop`` is set."""

    def __init__(
        self, engine: Engine, settings: Settings, clock: Clock, owner: str, work: Work, stop: threading.Event,
        processes: int = 1,
    ) -> None:  # fmt: skip
        self.engine, self.settings, self.clock, self.owner, self.work = engine, settings, clock, owner, work
        self.tally = Tally()
        self._stop, self._processes = stop, processes
        self._random = Random()  # noqa: S311 -- jitter keeps no secret
        self._folder = ownership.lock_folder(engine)
        self._ledger = deliveries.OutcomeLedger(engine)
        self._halted = self._exhausted = False
        self._after = 0
        self._lease_ends = 0.0
        self._claimed: deque[Claimed] = deque()
        self._signed: deque[tuple[Claimed, Job]] = deque()
        self._signing: list[Claimed] = []
        self._flying: dict[int, Claimed] = {}
        self._given_back: list[Claimed] = []
        self._unwritten: list[_Decided] = []
        self._writing: list[_Decided] = []
        self._closed = self._ledger_lost = False
        self._blaming: set[str] = set()

    def run(self) -> Tally:
        asyncio.run(self._run())
        return self.tally

    async def _run(self) -> None:
        self._claims = ThreadPoolExecutor(1, "claims")
        # SQLite has one writer at a time and makes others sleep: two of ours take turns better in one thread.
        self._writes = self._claims if is_sqlite(self.engine) else ThreadPoolExecutor(1, "writes")
        self._signs = ThreadPoolExecutor(1, "signs")
        self._more, self._low, self._to_write = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._over, self._to_sign = asyncio.Event(), asyncio.Event()
        self._low.set()
        watch = asyncio.create_task(self._watch())
        refill, write = self._helper(self._refill()), self._helper(self._write())
        sign = self._helper(self._sign_ahead()) if self.work.signers else None
        try:
            async with asyncio.TaskGroup() as group:
                for relay in self.settings.smtp:
                    for _ in range(pacing.share(relay, self._processes)):
                        group.create_task(self._serve(relay))
        finally:
            self._closed = True
            self._halt()
            watch.cancel()
            ended = await asyncio.gather(*filter(None, (refill, write, sign)), return_exceptions=True)
            with contextlib.suppress(OperationalError):
                await self._give_back_rest()
            await self._in(self._writes, self._ledger.close)
            for pool in (self._claims, self._writes, self._signs):
                pool.shutdown()
        for error in ended:
            if isinstance(error, BaseException):
                raise error

    def _helper(self, work: object) -> "asyncio.Task[None]":
        """A task without which nothing goes on: when it fails, the sending stops and tells why."""
        task: asyncio.Task[None] = asyncio.create_task(work)  # type: ignore[arg-type]
        task.add_done_callback(lambda done: self._halt() if not done.cancelled() and done.exception() else None)
        return task

    def _halt(self) -> None:
        """No new message begins; what is in flight finishes."""
        self._halted = True
        for event in (self._over, self._more, self._low, self._to_sign, self._to_write):
            event.set()

    # Connections.

    async def _serve(self, relay: Relay) -> None:
        """Keep one connection busy; a lost one is replaced, a relay that is not there is given up after a while."""
        tries = 0
        while await self.anything():
            with slots.connection_slot(self._folder, relay.name, relay.connections) as ours:
                if not ours:
                    await self._sleep(LOOK_SECONDS)
                    continue
                progress = await self._connected(relay)
            tries = 0 if progress else tries + 1
            if tries >= CONNECT_TRIES:
                return
            if not progress:
                await self._sleep(pacing.connect_delay(tries))

    async def _connected(self, relay: Relay) -> bool:
        """One connection from greeting to QUIT; whether any message was decided on it."""
        outlet = _Outlet(self, relay)
        try:
            connected = await connect(relay)
        except RelayError as error:
            self.tally.trouble = str(error)
            return False
        try:
            await converse(connected, outlet)
        finally:
            await connected.quit()
        if outlet.progress:
            self.tally.trouble = None
        else:
            self.tally.trouble = f"the relay {relay.name} closes its connections before it takes a message"
        return outlet.progress

    async def anything(self) -> bool:
        """Wait for work; False once there is none left or the sending stops."""
        while not self._waiting() and not self._halted:
            if self._exhausted and not self._claimed and not self._signing:
                return False
            self._more.clear()
            await self._more.wait()
        return not self._halted

    def _waiting(self) -> bool:
        return bool(self._signed if self.work.signers else self._claimed)

    async def _sleep(self, seconds: float) -> None:
        """Unless the sending stops meanwhile."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()

    def pop(self) -> Job | None:
        """The next message, None when none is ready."""
        if self._halted or not self._waiting():
            return None
        if self.work.signers:
            claimed, job = self._signed.popleft()
            self._to_sign.set()
        else:
            claimed = self._claimed.popleft()
            job = self._assemble(claimed)
        if len(self._claimed) < BATCH // 2:
            self._low.set()
        self._flying[claimed.id] = claimed
        return job

    def _assemble(self, claimed: Claimed) -> Job:
        recipient = Recipient(
            claimed.subscriber_id, claimed.id, claimed.email, claimed.name, claimed.format, claimed.selection
        )
        return self.work.job(recipient, claimed.link_key_id)

    def may_go(self) -> bool:
        return not self._halted and time.monotonic() < self._lease_ends

    def give_back(self, job: Job) -> None:
        claimed = self._flying.pop(job.delivery_id)
        if self._halted:
            self._given_back.append(claimed)
        else:
            self._claimed.appendleft(claimed)
            self._to_sign.set()
            self._more.set()

    def decided(self, job: Job, reply: Reply | None, relay: Relay) -> "asyncio.Future[None]":
        """What becomes of a delivery; the future is done when the ledger has it."""
        claimed, now = self._flying.pop(job.delivery_id), self.clock.now()
        first = claimed.first_attempt_at or now
        if reply is None:
            what = outcomes.unknown(first, now, self._random, retry=self.settings.uncertain == "retry")
        else:
            what = outcomes.outcome(reply, claimed.attempts, first, now, self._random)
        domain = claimed.email.rpartition("@")[2]
        words = str(reply) if reply else "the connection dropped after the final dot"
        written = Written(
            claimed.id, what.status, what.next_attempt_at, reply.code if reply else None, words, relay.name,
            _relay_id(relay, reply), now,
        )  # fmt: skip
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._unwritten.append(_Decided(written, what.blame, claimed.subscriber_id, domain, done))
        self._to_write.set()
        if self._ledger_lost:
            self._settle(self._unwritten)
        self.tally.statuses[what.status] += 1
        if what.blame is Blame.ISSUE:
            self._blaming.add(domain)
        return done

    # Signing.

    async def _sign_ahead(self) -> None:
        """Keep a few signed messages ready: no more than the connections can take soon."""
        ahead = 3 * sum(pacing.share(relay, self._processes) for relay in self.settings.smtp)
        while not self._halted:
            while self._claimed and len(self._signed) < ahead and not self._halted:
                self._signing = [self._claimed.popleft() for _ in range(min(8, len(self._claimed)))]
                if len(self._claimed) < BATCH // 2:
                    self._low.set()
                jobs = await self._in(self._signs, lambda: [self._assemble(row) for row in self._signing])
                self._signed.extend(zip(self._signing, jobs, strict=True))
                self._signing = []
                self._more.set()
            self._to_sign.clear()
            if not self._halted and not (self._claimed and len(self._signed) < ahead):
                await self._to_sign.wait()

    # The database.

    async def _refill(self) -> None:
        while not self._exhausted:
            await self._low.wait()
            self._low.clear()
            if self._over.is_set():
                break
            claimed = await self._in(self._claims, lambda: self._stubbornly(self._claim))
            self._exhausted = not claimed
            self._claimed.extend(claimed)
            self._to_sign.set()
            self._more.set()

    def _claim(self) -> list[Claimed]:
        ends = time.monotonic() + LEASE.total_seconds()
        with transaction(self.engine) as connection:
            if deliveries.issue_status(connection, self.work.issue_id) != IssueStatus.SENDING:
                return []
            claimed, self._after = deliveries.claim(
                connection, self.work.issue_id, self.owner, self.clock.now(), real_now() + LEASE, BATCH, self._after
            )
        self._lease_ends = self._lease_ends or ends
        return claimed

    async def _watch(self) -> None:
        """Look for a pause, a stop, and leases that have to be longer."""
        extended = time.monotonic()
        while not self._stop.is_set():
            await asyncio.sleep(LOOK_SECONDS)
            with contextlib.suppress(OperationalError):
                if await self._in(None, self._status) != IssueStatus.SENDING:
                    break
                if len(self._blaming) >= BLAMING_DOMAINS:
                    await self._in(self._writes, self._pause_issue)
                    break
                if time.monotonic() - extended > EXTEND_SECONDS:
                    began = time.monotonic()
                    await self._in(self._writes, self._extend)
                    extended, self._lease_ends = began, began + LEASE.total_seconds()
        self._halt()

    def _status(self) -> str | None:
        with reading(self.engine) as connection:
            return deliveries.issue_status(connection, self.work.issue_id)

    def _extend(self) -> None:
        with transaction(self.engine) as connection:
            deliveries.extend_leases(connection, self.owner, real_now() + LEASE)

    def _pause_issue(self) -> None:
        reason = f"{BLAMING_DOMAINS} recipient domains refuse what this issue says: {', '.join(sorted(self._blaming))}"
        self.tally.trouble = reason
        with transaction(self.engine) as connection:
            deliveries.move_issue(
                connection, self.work.issue_id, [IssueStatus.SENDING], IssueStatus.PAUSED, self.clock.now(), reason
            )

    async def _write(self) -> None:
        """Commit outcomes until all connections are closed and none is left."""
        try:
            while not self._closed or self._unwritten:
                await self._to_write.wait()
                self._to_write.clear()
                while self._unwritten:
                    self._writing, self._unwritten = self._unwritten, []
                    await self._in(self._writes, lambda: self._stubbornly(self._commit))
                    self._settle(self._writing)
        finally:
            self._ledger_lost = not self._closed
            self._settle([*self._writing, *self._unwritten])

    def _settle(self, decided: Sequence[_Decided]) -> None:
        for row in decided:
            if not row.done.done():
                row.done.set_result(None)

    def _commit(self) -> None:
        batch = self._writing
        gone = [row.subscriber_id for row in batch if row.blame is Blame.MAILBOX]
        with self._ledger.transaction() as connection:
            deliveries.write_outcomes(connection, self.owner, [row.written for row in batch])
            if gone:
                deliveries.mark_bounced(connection, gone, self.clock.now())
            for row in batch:
                if row.blame is Blame.DOMAIN:
                    until = self.clock.now() + outcomes.DOMAIN_PAUSE
                    deliveries.pause_domain(connection, row.domain, until, row.written.reply or "")

    def _stubbornly(self, work: Callable[[], T]) -> T:
        """A database that is gone, or a disk that is full, may come back: connections wait with their outcomes."""
        until = time.monotonic() + DATABASE_SECONDS
        while True:
            try:
                return work()
            except OperationalError:
                if time.monotonic() > until or self._stop.is_set():
                    raise
                time.sleep(0.5)

    async def _give_back_rest(self) -> None:
        rest = [*self._given_back, *self._claimed, *self._signing, *(claimed for claimed, _ in self._signed)]
        rest += self._flying.values()
        if rest:
            await self._in(self._writes, lambda: self._return(rest))

    def _return(self, rest: Sequence[Claimed]) -> None:
        with transaction(self.engine) as connection:
            deliveries.give_back(connection, self.owner, rest)

    def reserve(self, relay: Relay, count: int) -> float:
        assert relay.rate is not None
        with transaction(self.engine) as connection:
            return slots.reserve(connection, relay.name, count, relay.rate, time.time())

    async def in_line(self, relay: Relay, count: int) -> float:
        return await self._in(self._writes, lambda: self.reserve(relay, count))

    async def wait(self, seconds: float) -> None:
        await self._sleep(seconds)

    async def _in(self, pool: ThreadPoolExecutor | None, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, work)


class _Outlet:
    """The Source of one connection: where its relay's rate is kept."""

    def __init__(self, sender: Sender, relay: Relay) -> None:
        self._sender, self._relay = sender, relay
        self._places: deque[float] = deque()
        self.progress = False

    async def take(self) -> Job | None:
        while True:
            if not await self._sender.anything() or not await self._turn():
                return None
            job = self._sender.pop()
            if job is not None:
                return job

    async def _turn(self) -> bool:
        """Wait for the next place in the relay's queue; False when the sending stops meanwhile."""
        rate = self._relay.rate
        if rate is None:
            return True
        if not self._places:
            count = pacing.stretch(rate / self._relay.connections)
            start = await self._sender.in_line(self._relay, count)
            self._places.extend(start + number / rate for number in range(count))
        await self._sender.wait(max(self._places.popleft() - time.time(), 0.0))
        return self._sender.may_go()

    def peek(self) -> Job | None:
        return self._sender.pop() if self._relay.rate is None else None

    def may_go(self, job: Job) -> bool:
        return self._sender.may_go()

    def give_back(self, job: Job) -> None:
        self._sender.give_back(job)

    def decided(self, job: Job, reply: Reply | None) -> "asyncio.Future[None]":
        self.progress = True
        return self._sender.decided(job, reply, self._relay)


def _relay_id(relay: Relay, reply: Reply | None) -> str | None:
    """A relay that rewrites Message-ID says its own in its reply: ``250 Ok 0102018…`` (Amazon SES)."""
    if relay.profile != "ses" or reply is None or not 200 <= reply.code < 300:
        return None
    words = [word for word in reply.text.split() if len(word) > 20]
    return words[-1] if words else None
