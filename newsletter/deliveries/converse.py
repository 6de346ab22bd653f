"""What is said on one connection, message after message, as pipelined as the relay allows.

With PIPELINING (RFC 2920) and CHUNKING (RFC 3030) a whole message is one write and one round trip. With PIPELINING
alone a body goes out together with the next MAIL, RCPT and DATA, which is one round trip too. Else command by command:
who does not offer PIPELINING may refuse whoever does not wait (Postfix's reject_unauth_pipelining).

A body begins only when all outcomes of its connection are written, on PostgreSQL all but the last: at a crash at most
one outcome of it is unwritten and one message in flight, so at most two go out twice.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from newsletter.deliveries.assembling import Job
from newsletter.deliveries.outcomes import Reply, takes_nothing
from newsletter.deliveries.transport import COMMAND_SECONDS, FINAL_SECONDS, UNSUPPORTED, Connected

DOT = b".\r\n"
LOST_EARLY = Reply(451, "4.4.2 the connection dropped before the message was sent")


class Source(Protocol):
    """Where messages come from and replies go to."""

    slack: int
    """How many outcomes may be unwritten when the next body begins."""

    async def ready(self) -> bool:
        """Wait until there may be a message; False when there is none for this connection any more."""

    def take(self) -> Job | None:
        """The next message, if one is ready now."""

    def peek(self) -> Job | None:
        """The one after it, if its envelope may go out already."""

    def may_go(self) -> bool:
        """Asked before each body: False once the issue is paused or the lease is over."""

    def give_back(self, job: Job) -> None:
        """It was not sent."""

    def left_to_others(self, job: Job) -> bool:
        """Its address is beyond ASCII, which this relay does not take; False where no other may take it either."""

    def turned_away(self, job: Job, reply: Reply) -> None:
        """It was not sent, since the relay takes nothing now, for whomever it is."""

    def decided(self, job: Job, reply: Reply | None, committed: Callable[[], None]) -> None:
        """The relay's word on it, None when it was lost after the final dot. Calls back once the ledger has it."""

    def took(self, seconds: float) -> None:
        """The relay answered so long after a message was written."""

    def hurry(self) -> None:
        """The next body waits for the ledger to have what was decided."""


async def converse(connected: Connected, source: Source) -> None:
    """Send until the source has nothing more, or the line is lost."""
    offers = connected.offers
    quick = _Chunked if offers.chunking else _Pipelined
    kind = quick if offers.pipelining else _OneByOne
    await kind(connected, source).run()


class _Conversation(ABC):
    """Goes on from reply to reply without the event loop between; ``run`` waits while there is nothing to say."""

    def __init__(self, connected: Connected, source: Source) -> None:
        self.line = connected.line
        self.offers = connected.offers
        self.source = source
        self._over = False
        self._uncommitted = 0
        self._sent_at = 0.0
        self._settled: Callable[[], None] | None = None
        self._resting: asyncio.Future[None] | None = None
        self.line.failed = self.rest

    async def run(self) -> None:
        while not self.line.lost and not self._over and await self.source.ready():
            job = None if self.line.lost else self.next()
            if job is not None:
                self._resting = asyncio.get_running_loop().create_future()
                self.begin(job)
                await self._resting
        if self.line.failure is not None:
            raise self.line.failure

    @abstractmethod
    def begin(self, job: Job) -> None:
        """Send it, then what follows it, until ``rest``."""

    def go_on(self) -> None:
        job = None if self.line.lost else self.next()
        if job is None:
            self.rest()
        else:
            self.begin(job)

    def rest(self) -> None:
        if self._resting is not None and not self._resting.done():
            self._resting.set_result(None)

    def next(self) -> Job | None:
        return self._sendable(self.source.take)

    def _sendable(self, take: Callable[[], Job | None]) -> Job | None:
        while (job := take()) is not None:
            if self.offers.smtputf8 or job.recipient.isascii():
                return job
            if not self.source.left_to_others(job):
                self.decided(job, UNSUPPORTED)
        return None

    def decided(self, job: Job, reply: Reply | None) -> None:
        self._uncommitted += 1
        self.source.decided(job, reply, self._committed)
        if reply is not None and reply.code == 421:
            self.line.close()  # the relay closes it (RFC 5321, 3.8), and a message begun now would be lost with it

    def turned_away(self, job: Job, replies: Sequence[Reply]) -> bool:
        """Whether the relay takes nothing now, in answer to MAIL or before it. It knows no recipient yet, so neither
        delivery nor domain has to do with it."""
        if not replies or not takes_nothing(replies[0]):
            return False
        self.source.turned_away(job, replies[0])
        self.line.close()
        return True

    def answered(self, job: Job, reply: Reply | None) -> None:
        """The final reply to a body, None when it was lost."""
        if reply is not None:
            self.source.took(time.monotonic() - self._sent_at)
        self.decided(job, reply)

    def _committed(self) -> None:
        self._uncommitted -= 1
        if self._settled is not None and self._uncommitted <= self.source.slack:
            settled, self._settled = self._settled, None
            settled()

    def with_body(self, job: Job, send: Callable[[Job], None]) -> None:
        """``send``, once the outcomes of this connection are written; give back if it may not go."""
        if self._uncommitted > self.source.slack:
            self._settled = partial(self.with_body, job, send)
            self.source.hurry()
        elif self.line.lost or not self.source.may_go():
            self.source.give_back(job)
            self._over = True
            self.line.close()
            self.rest()
        else:
            self._sent_at = time.monotonic()
            send(job)

    def envelope(self, job: Job) -> bytes:
        options = f" SIZE={job.size}" if self.offers.size else ""
        if not job.recipient.isascii():
            options += " SMTPUTF8"
        return f"MAIL FROM:<{job.sender}>{options}\r\nRCPT TO:<{job.recipient}>\r\n".encode()

    def reset(self) -> None:
        """After a refused RCPT the transaction is still open. Some relays end the line here after so many refusals."""
        self.line.ask(b"RSET\r\n", 1, COMMAND_SECONDS, self._after_reset)

    def _after_reset(self, replies: list[Reply]) -> None:
        if any(not reply.ok for reply in replies):
            self.line.close()
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, self.go_on)  # some hang up behind it without a word: that is heard first


class _Chunked(_Conversation):
    def begin(self, job: Job) -> None:
        self.with_body(job, self._send)

    def _send(self, job: Job) -> None:
        whole = job.wire(before=self.envelope(job) + b"BDAT %d LAST\r\n" % job.size)
        self.line.ask(whole, 3, FINAL_SECONDS, partial(self._sent, job))

    def _sent(self, job: Job, replies: list[Reply]) -> None:
        if self.turned_away(job, replies):
            self.rest()
            return
        looked_at = len(replies) == 3 and replies[0].ok and replies[1].ok  # else the last reply is to no message
        (self.answered if looked_at else self.decided)(job, _verdict(_to_mail(replies), 3))
        refused = [reply.code for reply in replies if not reply.ok]
        if 421 in refused:
            self.line.close()
        if refused and not replies[-1].ok and not self.line.lost:
            self.reset()
        else:
            self.go_on()


class _Pipelined(_Conversation):
    def begin(self, job: Job) -> None:
        self.line.ask(self.envelope(job) + b"DATA\r\n", 3, COMMAND_SECONDS, partial(self._opened, job, True))

    def _opened(self, job: Job, fresh: bool, replies: list[Reply]) -> None:
        """Three replies; where all are good, the relay waits for the body. Else the job is decided or given back."""
        if len(replies) == 3 and replies[0].ok and replies[1].ok and replies[2].ok:
            self.with_body(job, self._send)
            return
        if self.turned_away(job, replies):
            self.rest()
            return
        if not replies and not fresh:
            self.source.give_back(job)
        else:
            self.decided(job, next((reply for reply in _to_mail(replies) if not reply.ok), LOST_EARLY))
        if len(replies) < 3 or self.line.lost:
            self.rest()
        elif replies[2].ok:  # nobody was accepted, yet it waits for a body (RFC 2920, 3.1): an empty one
            self.line.ask(DOT, 1, FINAL_SECONDS, lambda _: self.go_on())
        else:
            self.reset()

    def _send(self, job: Job) -> None:
        following = self._sendable(self.source.peek)
        ahead = self.envelope(following) + b"DATA\r\n" if following else b""
        self.line.ask(job.wire(after=DOT + ahead), 1, FINAL_SECONDS, partial(self._sent, job, following is None))
        if following is not None:
            self.line.expect(3, COMMAND_SECONDS, partial(self._opened, following, False))

    def _sent(self, job: Job, last: bool, replies: list[Reply]) -> None:
        self.answered(job, replies[0] if replies else None)
        if last:
            self.go_on()


class _OneByOne(_Conversation):
    def begin(self, job: Job) -> None:
        mail, *others = [*self.envelope(job).splitlines(keepends=True), b"DATA\r\n"]
        self.line.ask(mail, 1, COMMAND_SECONDS, partial(self._greeted, job, others))

    def _greeted(self, job: Job, commands: list[bytes], replies: list[Reply]) -> None:
        if self.turned_away(job, replies):
            self.rest()
        else:
            self._say(job, commands, _to_mail(replies))

    def _say(self, job: Job, commands: list[bytes], replies: Sequence[Reply]) -> None:
        """Each command after the reply to the one before, until one is refused."""
        if not replies or not replies[0].ok:
            self.decided(job, replies[0] if replies else LOST_EARLY)
            if self.line.lost:
                self.rest()
            else:
                self.reset()
        elif commands:
            self.line.ask(commands[0], 1, COMMAND_SECONDS, partial(self._say, job, commands[1:]))
        else:
            self.with_body(job, self._send)

    def _send(self, job: Job) -> None:
        self.line.ask(job.wire(after=DOT), 1, FINAL_SECONDS, partial(self._sent, job))

    def _sent(self, job: Job, replies: list[Reply]) -> None:
        self.answered(job, replies[0] if replies else None)
        self.go_on()


def _to_mail(replies: Sequence[Reply]) -> Sequence[Reply]:
    """Replies of which the first is to MAIL, marked as such where it refuses."""
    return [replace(replies[0], to_mail=True), *replies[1:]] if replies and not replies[0].ok else replies


def _verdict(replies: Sequence[Reply], expected: int) -> Reply | None:
    """The first refusal, else the last reply; None when the line was lost while the message may have arrived."""
    for reply in replies:
        if not reply.ok:
            return reply
    return replies[-1] if len(replies) == expected else None
