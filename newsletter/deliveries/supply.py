"""What a sender sends next: deliveries are claimed ahead of the connections, wait in lines where their receivers are
slow, and are signed ahead where keys are set."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from db.claims import Claimed
from newsletter.deliveries.assembling import Job, Work
from newsletter.deliveries.hold_leases import Leases
from newsletter.deliveries.pace_domains import DomainLines
from newsletter.deliveries.sign_ahead import SigningAhead
from newsletter.setting_values import Relay

LOW = 250  # deliveries; when fewer are at hand, or half of what was claimed last, more are claimed


class Supply:
    """Made in a running loop. ``claim`` claims what is due, but of those domains; ``threads`` sign ``ahead`` messages
    where the work has keys; ``failed`` is called when signing fails, and ``failure`` says why."""

    def __init__(
        self, work: Work, leases: Leases, lines: DomainLines,
        claim: Callable[[frozenset[str]], Awaitable[list[Claimed]]],
        threads: int, ahead: int, failed: Callable[[], None], relays: Sequence[Relay],
    ) -> None:  # fmt: skip
        self._work, self._leases, self._lines, self._claim = work, leases, lines, claim
        self._more, self._low = asyncio.Event(), asyncio.Event()
        self._low.set()
        self._halted = self._exhausted = False
        self._claimed: deque[Claimed] = deque()
        self._mark = LOW
        self._left_meanwhile: frozenset[int] = frozenset()
        self._left_out: list[Claimed] = []
        self._beyond_ascii: deque[tuple[Claimed, Job]] = deque()
        self._relays, self._without_smtputf8 = frozenset(relays), set[Relay]()
        self._ahead = SigningAhead(self._sign, threads, ahead, self._more.set, failed)

    @property
    def failure(self) -> Exception | None:
        return self._ahead.failure

    def halt(self) -> None:
        """Nothing more is given out, and who waits is told."""
        self._halted = True
        self._more.set()
        self._low.set()

    def close(self) -> None:
        self._ahead.close()

    async def anything(self, relay: Relay) -> bool:
        """Wait for a message; False when nothing is left for this relay, or after a halt."""
        while not self.ready(relay) and not self._halted:
            if self._exhausted and not self._ahead.out and not self._lines.held:
                return False
            self._more.clear()
            await self._more.wait()
        return not self._halted

    def ready(self, relay: Relay) -> bool:
        """Whether there is a message for this relay."""
        if self._claimed or self._ahead.ready():
            return True
        return bool(self._beyond_ascii) and relay not in self._without_smtputf8

    def left_to_others(self, claimed: Claimed, job: Job, relay: Relay) -> bool:
        """Keep it for a relay that takes addresses beyond ASCII, as this one does not; False where none does."""
        self._without_smtputf8.add(relay)
        none_does = self._without_smtputf8 >= self._relays
        if none_does:
            self._claimed.extendleft(self.beyond_ascii())
        else:
            self._beyond_ascii.append((claimed, job))
        self._more.set()
        return not none_does

    def beyond_ascii(self) -> list[Claimed]:
        """Take out what waits for a relay that takes such addresses."""
        found = [claimed for claimed, _ in self._beyond_ascii]
        self._beyond_ascii.clear()
        return found

    def leave_out(self, deliveries: frozenset[int]) -> None:
        """Give out none of these from now on; they stay among the rest. It replaces those of the call before."""
        self._left_meanwhile = deliveries

    def take(self, relay: Relay) -> tuple[Claimed, Job] | None:
        """The next message that is not left out; None when none is ``ready``."""
        while self.ready(relay):
            claimed, job = self._next() if self._claimed or self._ahead.ready() else self._beyond_ascii.popleft()
            if claimed.delivery_id not in self._left_meanwhile:
                return claimed, job
            self._left_out.append(claimed)
        return None

    def _next(self) -> tuple[Claimed, Job]:
        if self._work.signers:
            claimed, job = self._ahead.take(self._claimed)
        else:
            claimed = self._claimed.popleft()
            job = self._work.job(claimed, claimed.link_key_id)
        if len(self._claimed) < self._mark:
            self._low.set()
        self._lines.taken(claimed)
        return claimed, job

    def put_first(self, claimed: Claimed) -> None:
        """It comes next."""
        self._claimed.appendleft(claimed)
        self._more.set()

    def room(self) -> None:
        """More may be claimed."""
        self._low.set()

    def put_aside(self, domain: str) -> list[Claimed]:
        """Forget what is claimed for a domain; returns the deliveries."""
        self._claimed.extend(self.beyond_ascii())
        rows = [row for row in self._claimed if row.email.rpartition("@")[2] == domain]
        for row in rows:
            self._lines.taken(row)
        if rows:
            aside = {row.delivery_id for row in rows}
            self._claimed = deque(row for row in self._claimed if row.delivery_id not in aside)
        found = [*rows, *self._lines.drop(domain)]
        if found:
            self._low.set()
            self._more.set()
        return found

    def rest(self) -> list[Claimed]:
        """What was claimed and not taken."""
        return [
            *self._left_out, *self._claimed, *self._ahead.rest(), *self._lines.rest(), *self.beyond_ascii(),
        ]  # fmt: skip

    async def refill(self) -> None:
        """Claim whenever little is left, until nothing is due any more."""
        nothing_but: frozenset[str] = frozenset()
        while not self._exhausted:
            await self._low.wait()
            self._low.clear()
            if self._halted:
                break
            full = self._lines.full()
            if full and full == nothing_but:
                continue
            claimed = await self._claim(full)
            nothing_but = frozenset() if claimed else full
            if not claimed and self._leases.skipped:
                self._leases.from_the_beginning()
                if not full:
                    self._low.set()
                continue
            self._exhausted = not claimed
            self._mark = min(LOW, max(len(claimed) // 2, 1))
            self._claimed.extend(self._lines.sort(claimed))
            self._ahead.feed(self._claimed)
            self._more.set()

    def _sign(self, rows: Sequence[Claimed]) -> list[Job]:
        return self._work.signed_jobs([(claimed, claimed.link_key_id) for claimed in rows])
