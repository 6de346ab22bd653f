"""A relay's connections: kept busy, replaced when they are lost, given up when the relay is not there."""

import asyncio
import time
from collections import deque
from pathlib import Path
from typing import Protocol

from db import slots
from newsletter.deliveries import pacing
from newsletter.deliveries.assembling import Job
from newsletter.deliveries.converse import converse
from newsletter.deliveries.outcomes import Reply
from newsletter.deliveries.transport import RelayError, connect
from newsletter.setting_values import Relay

CONNECT_TRIES = 4
FIRST_TRIES = 2
SLOT_SECONDS = 0.4  # how often a connection that other processes hold is asked for again


class Outbox(Protocol):
    """What all connections of a sender take from, and bring back to."""

    trouble: str | None

    @property
    def begun(self) -> bool:
        """Whether any message was decided yet."""

    async def anything(self) -> bool:
        """Wait for a message; False once there is none left or the sending stops."""

    def pop(self) -> Job | None: ...
    def may_go(self) -> bool: ...
    def give_back(self, job: Job) -> None: ...
    def decided(self, job: Job, reply: Reply | None, relay: Relay) -> "asyncio.Future[None]": ...

    async def in_line(self, relay: Relay, count: int) -> float:
        """Places in the relay's queue: the instant of the first of ``count``, in seconds since 1970."""

    async def wait(self, seconds: float) -> None:
        """Unless the sending stops meanwhile."""


async def keep_connection(outbox: Outbox, relay: Relay, folder: Path) -> None:
    """One connection to a relay, as long as there is anything to send; ``folder`` has the locks that count them."""
    tries = 0
    while await outbox.anything():
        with slots.connection_slot(folder, relay.name, relay.connections) as ours:
            if not ours:
                await outbox.wait(SLOT_SECONDS)
                continue
            progress = await _connected(outbox, relay)
        tries = 0 if progress else tries + 1
        # A relay that never answered is told of at once; one that goes away in the middle may come back.
        if tries >= (CONNECT_TRIES if outbox.begun else FIRST_TRIES):
            return
        if not progress:
            await outbox.wait(pacing.connect_delay(tries))


async def _connected(outbox: Outbox, relay: Relay) -> bool:
    """One connection from greeting to QUIT; whether any message was decided on it."""
    outlet = _Outlet(outbox, relay)
    try:
        connected = await connect(relay)
    except RelayError as error:
        outbox.trouble = str(error)
        return False
    try:
        await converse(connected, outlet)
    finally:
        await connected.quit()
    if outlet.progress:
        outbox.trouble = None
    else:
        outbox.trouble = f"the relay {relay.name} closes its connections before it takes a message"
    return outlet.progress


class _Outlet:
    """The Source of one connection: where its relay's rate is kept."""

    def __init__(self, outbox: Outbox, relay: Relay) -> None:
        self._outbox, self._relay = outbox, relay
        self._places: deque[float] = deque()
        self.progress = False

    async def take(self) -> Job | None:
        while True:
            if not await self._outbox.anything() or not await self._turn():
                return None
            job = self._outbox.pop()
            if job is not None:
                return job

    async def _turn(self) -> bool:
        """Wait for the next place in the relay's queue; False when the sending stops meanwhile."""
        rate = self._relay.rate
        if rate is None:
            return True
        if not self._places:
            count = pacing.stretch(rate / self._relay.connections)
            start = await self._outbox.in_line(self._relay, count)
            self._places.extend(start + number / rate for number in range(count))
        await self._outbox.wait(max(self._places.popleft() - time.time(), 0.0))
        return self._outbox.may_go()

    def peek(self) -> Job | None:
        return self._outbox.pop() if self._relay.rate is None else None

    def may_go(self, job: Job) -> bool:
        return self._outbox.may_go()

    def give_back(self, job: Job) -> None:
        self._outbox.give_back(job)

    def decided(self, job: Job, reply: Reply | None) -> "asyncio.Future[None]":
        self.progress = True
        return self._outbox.decided(job, reply, self._relay)
