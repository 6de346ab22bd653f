"""Receivers that take no more than so much: what is claimed for them waits in lines until its turn at the socket.

A line is for a recipient domain or for all domains of one receiver (mail_hosts.py). Its places come from the database,
so that they hold over all processes. Receivers get a line by NEWSLETTER_DOMAIN_RATES, or because they said that it was
too much (421): then at half of what they got, growing again as long as they are silent about it.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from db.claims import Claimed
from newsletter.deliveries import pacing
from newsletter.deliveries.mail_hosts import line_of

LOOK_SECONDS = 0.5
LATE_SECONDS = 0.25
READY_SECONDS = 0.05
LOOK_UPS = 16  # at once
GIVE_UP = 3


class Outbox(Protocol):
    def going(self) -> bool: ...
    def ready(self, claimed: Claimed) -> None:
        """Its turn has come."""

    def room(self) -> None:
        """A line has become short enough to claim for it again."""

    async def in_line(self, queue: pacing.Queue, count: int) -> float: ...
    async def wait(self, seconds: float) -> None: ...


@dataclass(slots=True)
class _Line:
    name: str
    waiting: deque[Claimed] = field(default_factory=deque)
    domains: set[str] = field(default_factory=set)
    ready: int = 0
    """How many had their turn and are not sent yet."""

    task: "asyncio.Task[None] | None" = None


class DomainLines:
    """``rates`` are those that are asked for, ``slowed`` those of receivers that complained, both by line."""

    def __init__(
        self, outbox: Outbox, rates: Mapping[str, float], slowed: Mapping[str, pacing.Slowed],
        mail_hosts: Callable[[str], Sequence[str]], now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._outbox, self._rates, self._slowed = outbox, rates, dict(slowed)
        self._mail_hosts, self._now = mail_hosts, now
        self._names: dict[str, str | None] = {}
        self._lines: dict[str, _Line] = {}
        self._ready: dict[int, _Line] = {}
        self._sent: Counter[str] = Counter()
        self._began = time.monotonic()

    @property
    def held(self) -> bool:
        return any(line.waiting for line in self._lines.values())

    def look_up(self, rows: Sequence[Claimed]) -> None:
        """Find out whose line each is in. Asks the DNS where that may matter: to be called in a thread."""
        if self._rates:
            domains = list({_domain(row) for row in rows} - self._names.keys())
            with ThreadPoolExecutor(LOOK_UPS) as pool:
                names = pool.map(lambda domain: line_of(domain, self._rates.keys(), self._mail_hosts), domains)
                self._names.update(zip(domains, names, strict=True))

    def sort(self, rows: Sequence[Claimed]) -> list[Claimed]:
        """Put those with a line into it; returns the others."""
        if not self._rates and not self._slowed:
            return list(rows)
        return [row for row in rows if not self._stands(row)]

    def _stands(self, row: Claimed) -> bool:
        domain = _domain(row)
        name = self._name(domain)
        if self._rate(name) is None:
            return False
        line = self._lines.setdefault(name, _Line(name))
        line.domains.add(domain)
        line.waiting.append(row)
        if line.task is None:
            line.task = asyncio.create_task(self._run(line))
        return True

    def full(self) -> frozenset[str]:
        """The domains that enough is held for."""
        full = [line for line in self._lines.values() if len(line.waiting) > self._room(line)]
        return frozenset(domain for line in full for domain in line.domains)

    def drop(self, domain: str) -> list[Claimed]:
        """Forget what waits for a domain; returns the deliveries."""
        dropped = []
        for line in self._lines.values():
            if domain in line.domains:
                dropped += [row for row in line.waiting if _domain(row) == domain]
                line.waiting = deque(row for row in line.waiting if _domain(row) != domain)
        return dropped

    def taken(self, row: Claimed) -> None:
        """A connection sends it."""
        if self._ready and (line := self._ready.pop(row.delivery_id, None)) is not None:
            line.ready -= 1

    def sent(self, domain: str) -> None:
        self._sent[domain] += 1

    def slow_down(self, domain: str, until: datetime) -> tuple[str, float]:
        """The receiver said that it was too much: its line, and the rate at which it goes on after its pause."""
        name = self._name(domain)
        known = self._slowed.get(name)
        if known is not None and known.since > self._now():
            return name, known.rate  # what was on its way when it said so first
        sent = sum(count for other, count in self._sent.items() if self._name(other) == name)
        rate = pacing.slower(self._rate(name), sent, time.monotonic() - self._began)
        self._slowed[name] = pacing.Slowed(rate, until)
        return name, rate

    def rest(self) -> list[Claimed]:
        return [row for line in self._lines.values() for row in line.waiting]

    async def close(self) -> None:
        tasks = [line.task for line in self._lines.values() if line.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _name(self, domain: str) -> str:
        return self._names.get(domain) or domain

    def _rate(self, name: str) -> float | None:
        """Messages a second of a line; None where it needs none (any more)."""
        asked = self._rates.get(name, self._rates.get("*") if self._names.get(name) == name else None)
        slowed = self._slowed[name].recovered(self._now()) if name in self._slowed else None
        if slowed is None or slowed > pacing.FREE:
            return asked
        return min(slowed, asked or slowed)

    def _room(self, line: _Line) -> float:
        return max((self._rate(line.name) or pacing.FREE) * pacing.ROOM_SECONDS, 10.0)

    async def _run(self, line: _Line) -> None:
        while line.waiting and self._outbox.going():
            rate = self._rate(line.name) or pacing.FREE
            if line.ready >= pacing.stretch(rate):  # no connection takes them: another process may hold them all
                await self._outbox.wait(READY_SECONDS)
                continue
            count = min(pacing.stretch(rate), len(line.waiting))
            first = await self._outbox.in_line(pacing.Queue(f"domain {line.name}", rate), count)
            for number in range(count):
                if await self._comes(first + number / rate) and line.waiting:
                    self._release(line)
                    if len(line.waiting) <= self._room(line):
                        self._outbox.room()
        line.task = None

    def _release(self, line: _Line) -> None:
        row = line.waiting.popleft()
        line.ready += 1
        self._ready[row.delivery_id] = line
        self._outbox.ready(row)

    async def _comes(self, at: float) -> bool:
        """Wait until an instant of ``time.monotonic``; False when the sending stops meanwhile, or the instant is long
        past: after a halt nobody gets at once all that was due in it."""
        while self._outbox.going() and (seconds := at - time.monotonic()) > 0:
            await self._outbox.wait(min(seconds, LOOK_SECONDS))
        return self._outbox.going() and time.monotonic() - at < LATE_SECONDS


class MailHosts:
    """The mail hosts of a domain by the DNS; none once it has failed to answer three times."""

    def __init__(self) -> None:
        self._failures = 0
        self._resolver: Any = None

    def __call__(self, domain: str) -> list[str]:
        if self._failures >= GIVE_UP:
            return []
        if self._resolver is None:
            from newsletter.operations.dns_resolver import SystemResolver

            self._resolver = SystemResolver()
        try:
            found: list[str] = self._resolver.mx(domain)
        except LookupError:
            self._failures += 1
            return []
        return found


def _domain(row: Claimed) -> str:
    return row.email.rpartition("@")[2].lower()
