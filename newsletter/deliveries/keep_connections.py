"""A relay's connections: kept busy, replaced when they are lost, given up when the relay is not there."""

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from db import slots
from newsletter.deliveries import pacing
from newsletter.deliveries.assembling import Job
from newsletter.deliveries.converse import converse
from newsletter.deliveries.outcomes import Reply
from newsletter.deliveries.transport import RelayError, connect
from newsletter.logs import redacted
from newsletter.setting_values import Relay

CONNECT_TRIES = 4
BUSY_TRIES = 20  # of a relay that asks to wait: three minutes, and Postfix counts by the minute
FIRST_TRIES = 2
IDLE_SECONDS = 20.0  # a connection that would wait longer for its turn is closed; servers drop idle ones anyhow
LOOK_SECONDS = 0.5  # how often a connection that waits for its turn looks whether anything is left
SHARE_SECONDS = 0.02  # how often a relay that is ahead of its share looks again
SLOT_SECONDS = 0.4  # how often a connection that other processes hold is asked for again


class Outbox(Protocol):
    """What all connections of a sender take from, and bring back to."""

    trouble: str | None
    working: int
    """How many connections are talking to their relays."""

    @property
    def slack(self) -> int:
        """How many outcomes of a connection may be unwritten when its next body begins."""

    @property
    def begun(self) -> bool:
        """Whether any message was decided yet."""

    async def anything(self, relay: Relay) -> bool:
        """Wait for a message; False once there is none left for this relay or the sending stops."""

    def pop(self, relay: Relay) -> Job | None:
        """The next message; None when none is ready, or this relay is ahead of its share."""

    def failed(self, relay: Relay, why: str) -> None:
        """It cannot be used now."""

    def may_take(self, relay: Relay) -> bool:
        """False while this relay is ahead of its share."""

    def may_go(self) -> bool: ...
    def give_back(self, job: Job) -> None: ...
    def left_to_others(self, job: Job, relay: Relay) -> bool: ...
    def turned_away(self, job: Job, reply: Reply, relay: Relay) -> None: ...
    def decided(self, job: Job, reply: Reply | None, relay: Relay, committed: Callable[[], None]) -> None: ...

    def took(self, relay: Relay, seconds: float) -> None: ...

    @property
    def hurry(self) -> Callable[[], None]: ...

    def queues(self, relay: Relay) -> list[pacing.Queue]:
        """The lines that a message through this relay stands in."""

    async def in_line(self, queue: pacing.Queue, count: int) -> float:
        """Places in a queue: the instant of the first of ``count``, in seconds since 1970."""

    async def wait(self, seconds: float) -> None:
        """Unless the sending stops meanwhile."""


async def keep_connection(outbox: Outbox, relay: Relay, folder: Path) -> None:
    """One connection to a relay, as long as there is anything to send; ``folder`` has the locks that count them."""
    tries = 0
    turns = _Turns(outbox, relay)
    while await outbox.anything(relay):
        if not outbox.may_go():  # leases ended while the machine stood still; who watches them stops the sending
            await outbox.wait(SLOT_SECONDS)
            continue
        if not await turns.come():
            return
        try:
            with slots.connection_slot(folder, relay.name, relay.connections) as ours:
                if not ours:
                    await outbox.wait(SLOT_SECONDS)
                    continue
                outlet = await _connected(outbox, relay, turns)
        except PermissionError as error:
            outbox.failed(relay, f"{error.filename} belongs to another user, who ran a command here; remove it")
            return
        tries = 0 if outlet.progress else tries + 1
        # A relay that never answered is told of at once; one that goes away in the middle may come back. While others
        # work there is time to look for it now and then.
        most = BUSY_TRIES if outlet.asked_to_wait else CONNECT_TRIES if outbox.begun else FIRST_TRIES
        if tries >= most and not outbox.working:
            return
        delay = pacing.connect_delay(tries, asked_to_wait=outlet.asked_to_wait)
        if not outlet.progress and not await _patient(outbox, relay, delay):
            return


async def _patient(outbox: Outbox, relay: Relay, seconds: float) -> bool:
    """Wait so long; False when meanwhile there is nothing left to send."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        await outbox.wait(min(left, LOOK_SECONDS))
        if not await outbox.anything(relay):
            return False
    return True


async def _connected(outbox: Outbox, relay: Relay, turns: "_Turns") -> "_Outlet":
    """One connection from greeting to QUIT."""
    outlet = _Outlet(outbox, relay, turns)
    try:
        connected = await connect(relay)
    except RelayError as error:
        outbox.failed(relay, str(error))
        return outlet
    outbox.working += 1
    try:
        await converse(connected, outlet)
    finally:
        outbox.working -= 1
        await connected.quit()
    if outlet.progress:
        outbox.trouble = None
    else:
        words = f"says {redacted(str(outlet.parting))}" if outlet.parting else "closes its connections"
        outbox.failed(relay, f"the relay {relay.name} {words} before it takes a message")
    return outlet


class _Turns:
    """The places of one connection in the lines that its messages stand in. A place is kept until it is used."""

    def __init__(self, outbox: Outbox, relay: Relay) -> None:
        self._outbox, self._relay = outbox, relay
        self._places: dict[str, deque[float]] = {}
        self._next: float | None = None

    async def seconds(self) -> float:
        """Until this connection's turn; 0 when it has come, or there are no lines."""
        if self._next is None:
            found = [await self._place(queue) for queue in self._outbox.queues(self._relay)]
            if not found:
                return 0.0
            self._next = max(found)
        return max(self._next - time.monotonic(), 0.0)

    async def come(self) -> bool:
        """Wait for it; False when meanwhile there is nothing left to send."""
        return await _patient(self._outbox, self._relay, await self.seconds())

    def used(self) -> None:
        self._next = None

    async def _place(self, queue: pacing.Queue) -> float:
        places = self._places.setdefault(queue.name, deque())
        if not places:
            count = pacing.stretch(queue.rate / self._relay.connections)
            start = await self._outbox.in_line(queue, count)
            places.extend(start + number / queue.rate for number in range(count))
        return places.popleft()


class _Outlet:
    """The Source of one connection: where its turn is waited for. ``progress`` says whether any message was decided on
    it, or it ended for no fault of the relay's; ``parting`` what the relay said when it took no more."""

    def __init__(self, outbox: Outbox, relay: Relay, turns: _Turns) -> None:
        self._outbox, self._relay, self._turns = outbox, relay, turns
        self._turn = False
        self.progress = False
        self.parting: Reply | None = None
        self.slack = outbox.slack
        self.give_back, self.hurry = outbox.give_back, outbox.hurry
        self.took = partial(outbox.took, relay)

    @property
    def asked_to_wait(self) -> bool:
        return self.parting is not None and self.parting.code < 500

    async def ready(self) -> bool:
        while await self._outbox.anything(self._relay):
            if await self._turns.seconds() > IDLE_SECONDS:
                self.progress = True  # it was not the relay who ended this
                return False
            if not await self._turns.come() or not self.may_go():
                self.progress = True  # nor this: nothing is left, or the sending stops
                return False
            if self._outbox.may_take(self._relay):
                self._turn = True
                return True
            await self._outbox.wait(SHARE_SECONDS)
        self.progress = True  # nor this: others took the last message
        return False

    def may_go(self) -> bool:
        goes = self._outbox.may_go()
        self.progress = self.progress or not goes  # the relay is not to blame for what is not sent now
        return goes

    def take(self) -> Job | None:
        """Uses up the turn where there are lines to stand in."""
        if not self._turn and self._outbox.queues(self._relay):
            return None
        self._turn = False
        job = self._outbox.pop(self._relay)
        if job is not None:
            self._turns.used()
        return job

    def peek(self) -> Job | None:
        return None if self._outbox.queues(self._relay) else self._outbox.pop(self._relay)

    def left_to_others(self, job: Job) -> bool:
        return self._outbox.left_to_others(job, self._relay)

    def turned_away(self, job: Job, reply: Reply) -> None:
        self.parting = reply
        self._outbox.turned_away(job, reply, self._relay)

    def decided(self, job: Job, reply: Reply | None, committed: Callable[[], None]) -> None:
        self.progress = True
        self._outbox.decided(job, reply, self._relay, committed)
