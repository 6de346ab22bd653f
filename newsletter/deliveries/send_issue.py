"""One process sending one issue: claims in, messages out, outcomes back into the ledger.

One event loop talks on all connections (keep_connections.py) and claims ahead of them (supply.py). Outcomes go into the
ledger on PostgreSQL by a thread that waits for it (record_outcomes.py), into one on SQLite by way of a log, from the
loop itself (log_outcomes.py).
"""

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from random import Random
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from db import ownership
from db.claims import Claimed
from db.engine import PATIENCE, is_sqlite
from db.outcome_log import OutcomeLog
from db.outcomes import Written
from db.states import DeliveryStatus
from newsletter.clock import Clock, real_now
from newsletter.deliveries import outcomes, pacing
from newsletter.deliveries.assembling import Job, Work
from newsletter.deliveries.hold_leases import Leases
from newsletter.deliveries.keep_connections import keep_connection
from newsletter.deliveries.log_outcomes import LogRecorder
from newsletter.deliveries.note_latencies import Notes
from newsletter.deliveries.outcomes import Blame, Outcome, Reply
from newsletter.deliveries.pace_domains import DomainLines, MailHosts
from newsletter.deliveries.pauses import Hold
from newsletter.deliveries.record_outcomes import Decided, Held, LedgerRecorder, Recorder
from newsletter.deliveries.refusals import Refusals
from newsletter.deliveries.senders import signing_threads
from newsletter.deliveries.supply import Supply
from newsletter.deliveries.transport import NO_SMTPUTF8
from newsletter.logs import redacted
from newsletter.setting_values import Relay
from newsletter.settings import Settings

T = TypeVar("T")

LOOK_SECONDS = 0.4  # how often a pause is looked for
EXTEND_SECONDS = 60.0
LEFT_SECONDS = 10.0  # how often it is asked who has left of those that are claimed: a paced relay has them for hours
TELL_SECONDS = 1.0
BATCH = 500  # deliveries claimed at once
BUSY_SECONDS = 0.001  # until a claim is tried again that another writer was in the way of


@dataclass(slots=True)
class Tally:
    """What this process did, by status, and why it could not go on."""

    statuses: Counter[str] = field(default_factory=Counter)
    trouble: str | None = None


class Sender:
    """Sends what is due of one issue, until nothing is, or the issue is paused, or ``stop`` is set."""

    def __init__(
        self, engine: Engine, settings: Settings, clock: Clock, owner: str, work: Work, stop: threading.Event,
        processes: int = 1, tell: Callable[[], None] | None = None, pace: pacing.Queue | None = None,
        slowed: Mapping[str, pacing.Slowed] | None = None,
    ) -> None:  # fmt: skip
        self.engine, self.settings, self.clock, self.owner, self.work = engine, settings, clock, owner, work
        self.week = work.frozen.envelope.week
        self.statuses: Counter[str] = Counter()
        self.trouble: str | None = None
        self.working = 0
        self._stop, self._processes, self._tell = stop, processes, tell
        # Where the clock stands, for a rehearsal, receivers recover all the same: pacing uses real time.
        self._lines = DomainLines(self, dict(settings.domain_rates), slowed or {}, MailHosts(), Clock(clock.now()).now)
        self._pace, self._shares = pace, pacing.Shares(settings.smtp, time.monotonic())
        self._random = Random()  # noqa: S311 -- jitter keeps no secret
        self._log = OutcomeLog(engine, owner) if is_sqlite(engine) else None
        telling = self._log.telling if self._log else None
        self._leases = Leases(engine, clock, work.issue_id, owner, stop, BATCH, processes, telling)
        self._halted = False
        self._failure: Exception | None = None
        self._flying: dict[int, Claimed] = {}
        self._given_back: list[Claimed] = []
        self._refusals = Refusals()
        self._notes = Notes(engine)
        self._paused_because: str | None = None

    @property
    def slack(self) -> int:
        return self._recorder.slack

    @property
    def hurry(self) -> Callable[[], None]:
        return self._recorder.hurry

    @property
    def begun(self) -> bool:
        return bool(self.statuses)

    def run(self) -> Tally:
        asyncio.run(self._run())
        return Tally(self.statuses, self._paused_because or self.trouble)

    async def _run(self) -> None:
        self._waits = ThreadPoolExecutor(4, "waits")
        self._over = asyncio.Event()
        self._recorder, self._supply = self._new_recorder(), self._new_supply()
        watching, telling = self._helper(self._watch()), asyncio.create_task(self._tell_progress())
        refilling = self._helper(self._supply.refill())
        folder = ownership.lock_folder(self.engine)
        try:
            async with asyncio.TaskGroup() as group:
                for relay in self.settings.smtp:
                    for _ in range(pacing.share(relay, self._processes)):
                        group.create_task(keep_connection(self, relay, folder))
            for claimed in [] if self._halted else self._supply.beyond_ascii():
                self._not_taken(claimed, NO_SMTPUTF8, self.settings.smtp[0], lambda: None)
        finally:
            self._halt()
            telling.cancel()
            ended = await asyncio.gather(refilling, watching, return_exceptions=True)
            self._supply.close()
            await self._lines.close()
            await self._recorder.close()
            with contextlib.suppress(OperationalError):
                await self._give_back_rest()
            await self._in_ledger(partial(self._notes.write, LOOK_SECONDS))
            self._waits.shutdown()
        for error in (*ended, self._supply.failure, self._recorder.failure, self._failure):
            if isinstance(error, BaseException):
                raise error

    def _new_recorder(self) -> Recorder:
        held = Held(self.work.issue_id, self.owner, self.week, self.clock.now)
        if self._log:
            return LogRecorder(self._log, held, self._stop, self._halt)
        return LedgerRecorder(self.engine, held, self._stop, self._halt)

    def _new_supply(self) -> Supply:
        threads = signing_threads(self._processes) if self.work.signers else 0
        ahead = 3 * sum(pacing.share(relay, self._processes) for relay in self.settings.smtp)
        return Supply(self.work, self._leases, self._lines, self._claim, threads, ahead, self._halt, self.settings.smtp)

    def _helper(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """A task without which nothing goes on: when it fails, the sending stops and tells why."""
        task = asyncio.create_task(work)
        task.add_done_callback(lambda done: self._halt() if not done.cancelled() and done.exception() else None)
        return task

    def _halt(self) -> None:
        """No new message begins; what is in flight finishes."""
        self._halted = True
        self._over.set()
        self._supply.halt()

    # What the connections take from, and bring back to.

    async def anything(self, relay: Relay) -> bool:
        return await self._supply.anything(relay)

    def failed(self, relay: Relay, why: str) -> None:
        self.trouble = why
        self._shares.gone(relay)

    def may_take(self, relay: Relay) -> bool:
        return self._shares.may_take(relay, time.monotonic())

    def pop(self, relay: Relay) -> Job | None:
        """The next message, None when none is ready or this relay is ahead of its share."""
        if self._halted or not self._supply.ready(relay) or not self._shares.take(relay, time.monotonic()):
            return None
        if (taken := self._supply.take(relay)) is None:
            return None
        claimed, job = taken
        self._flying[claimed.delivery_id] = claimed
        return job

    def may_go(self) -> bool:
        return not self._halted and time.monotonic() < self._leases.end

    def give_back(self, job: Job) -> None:
        claimed = self._flying.pop(job.delivery_id)
        if self._halted:
            self._given_back.append(claimed)
        else:
            self._supply.put_first(claimed)

    def left_to_others(self, job: Job, relay: Relay) -> bool:
        if left := self._supply.left_to_others(self._flying[job.delivery_id], job, relay):
            del self._flying[job.delivery_id]
        return left

    def turned_away(self, job: Job, reply: Reply, relay: Relay) -> None:
        self.give_back(job)
        if outcomes.blame_of(reply) in (Blame.ISSUE, Blame.LIMIT):
            self._pause(f"the relay {relay.name} refuses this issue: {redacted(str(reply))}")

    def decided(self, job: Job, reply: Reply | None, relay: Relay, committed: Callable[[], None]) -> None:
        """What becomes of a delivery; calls back when the ledger has it."""
        claimed = self._flying.pop(job.delivery_id)
        if reply is not None and reply.took:
            self._lines.sent(claimed.email.rpartition("@")[2])
            self._refusals.taken(relay.name)
            self._record(claimed, outcomes.SENT, reply, str(reply), relay, committed)
        else:
            self._not_taken(claimed, reply, relay, committed)

    def _not_taken(self, claimed: Claimed, reply: Reply | None, relay: Relay, committed: Callable[[], None]) -> None:
        now = self.clock.now()
        first = claimed.first_attempt_at if claimed.attempts > 1 and claimed.first_attempt_at else now
        if reply is None:
            what = outcomes.unknown(first, now, self._random, retry=self.settings.uncertain == "retry")
        else:
            what = outcomes.outcome(reply, claimed.attempts, first, now, self._random)
        words = str(reply) if reply else "the connection dropped after the final dot"
        until = outcomes.domain_waits_until(what, now)
        hold = self._hold(claimed.email.rpartition("@")[2], what.blame, words, until) if until else None
        self._record(claimed, what, reply, words, relay, committed, hold)
        if reply is not None:
            first_time = claimed.was == DeliveryStatus.QUEUED
            self._refusals.remember(relay.name, claimed.email, what, reply, first=first_time)
            self._think_of_a_pause()  # nothing new begins from the reply on that makes it one too many

    def _record(
        self, claimed: Claimed, what: Outcome, reply: Reply | None, words: str, relay: Relay,
        committed: Callable[[], None], hold: Hold | None = None,
    ) -> None:  # fmt: skip
        self.statuses[what.status] += 1
        code = reply.code if reply else None
        own = outcomes.relay_id(reply) if reply and relay.profile == "ses" else None
        written = Written(claimed.delivery_id, what.status, what.next_attempt_at, code, words, relay.name, own)
        self._recorder.add(Decided(written, what.blame, claimed.subscriber_id, hold, committed))

    def _think_of_a_pause(self) -> None:
        reason = self._refusals.why_pause(self.statuses[DeliveryStatus.SENT])
        if reason is not None:
            self._pause(reason)

    def _pause(self, reason: str) -> None:
        if not self._halted:
            self._paused_because = reason
            self._halt()

    def took(self, relay: Relay, seconds: float) -> None:
        self._notes.took(relay.name, seconds)

    def _hold(self, domain: str, blame: Blame, words: str, until: datetime) -> Hold:
        """Drop what is claimed for a domain that pauses; the commit that writes the pause puts it off."""
        aside = self._supply.put_aside(domain)
        slowed = self._lines.slow_down(domain, until) if blame is Blame.BUSY else None
        return Hold(domain, blame, until, words, aside, slowed)

    # What the lines of slow receivers ask for.

    def going(self) -> bool:
        return not self._halted

    def ready(self, claimed: Claimed) -> None:
        self._supply.put_first(claimed)

    def room(self) -> None:
        self._supply.room()

    def queues(self, relay: Relay) -> list[pacing.Queue]:
        if self._pace is None and relay.rate is None and relay.warmup is None:
            return []
        return pacing.queues(relay, self._pace, real_now().date())

    async def in_line(self, queue: pacing.Queue, count: int) -> float:
        try:
            return await self._in_ledger(lambda: self._leases.stand_in_line(queue, count))
        except (OperationalError, OSError) as error:  # the database stays away
            self._failure = error
            self._halt()
            return time.monotonic()

    async def wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()

    # Ahead of the connections and beside them.

    async def _claim(self, without: frozenset[str]) -> list[Claimed]:
        """The connections go on while another writer of SQLite is waited for; only one that stays long stops them."""
        claimed, until = None, time.monotonic() + PATIENCE
        while self._log and claimed is None and not self._halted and time.monotonic() < until:
            claimed = self._leases.claim_if_free(without)
            if claimed is None:
                await asyncio.sleep(BUSY_SECONDS)
        if self._halted:
            return claimed or []
        if claimed is None:
            claimed = await self._in_ledger(partial(self._leases.claim, without))
        if self.settings.domain_rates:
            await self._beside(partial(self._lines.look_up, claimed))
        return claimed

    async def _watch(self) -> None:
        """Look for a pause, a stop, readers who leave, and leases that have to be longer; pause the issue where replies
        asked for it."""
        extended = looked = time.monotonic()
        while not self._stop.is_set():
            await self.wait(LOOK_SECONDS)
            self._think_of_a_pause()
            if self._halted:
                break
            with contextlib.suppress(OperationalError):
                if not await self._in_ledger(self._leases.being_sent):
                    break
                if time.monotonic() - looked > LEFT_SECONDS:
                    looked = time.monotonic()
                    self._supply.leave_out(await self._in_ledger(self._leases.left_meanwhile))
                if time.monotonic() - extended > EXTEND_SECONDS:
                    extended = time.monotonic()
                    if not await self._in_ledger(self._leases.extend):
                        break
            await self._in_ledger(partial(self._notes.write, 0.0))
        self._halt()
        if self._paused_because is not None:
            with contextlib.suppress(OperationalError):
                await self._in_ledger(partial(self._leases.hold_issue, self.week, self._paused_because))

    async def _tell_progress(self) -> None:
        """Every second; less often where counting a long list takes long itself."""
        while self._tell is not None:
            began = time.monotonic()
            with contextlib.suppress(OperationalError):
                await self._beside(self._tell)
            await asyncio.sleep(max(TELL_SECONDS, 20 * (time.monotonic() - began)))

    async def _give_back_rest(self) -> None:
        rest = [*self._given_back, *self._supply.rest(), *self._flying.values()]
        if rest:
            await self._in_ledger(lambda: self._leases.give_back(rest))

    async def _in_ledger(self, work: Callable[[], T]) -> T:
        """SQLite at once, PostgreSQL in a thread."""
        return work() if self._log else await self._beside(work)

    async def _beside(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._waits, work)
