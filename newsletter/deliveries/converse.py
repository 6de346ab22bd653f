"""What is said on one connection, message after message, as pipelined as the relay allows.

With CHUNKING (RFC 3030) a whole message is one write and one round trip. With PIPELINING (RFC 2920) a body goes out
together with the next MAIL, RCPT and DATA, which is one round trip too. Else command by command.

Between two messages a connection waits until the outcome before the last is committed: at a crash at most one outcome
of it is unwritten and one message in flight, so at most two go out twice.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from newsletter.deliveries.assembling import Job
from newsletter.deliveries.outcomes import Reply
from newsletter.deliveries.transport import COMMAND_SECONDS, FINAL_SECONDS, UNSUPPORTED, Connected

DOT = b".\r\n"
LOST_EARLY = Reply(451, "4.4.2 the connection dropped before the message was sent")


class Source(Protocol):
    """Where messages come from and replies go to."""

    async def take(self) -> Job | None:
        """The next message; None when there is none for this connection any more."""

    def peek(self) -> Job | None:
        """The next message if one is ready now."""

    def may_go(self, job: Job) -> bool:
        """Asked before each body: False once the issue is paused or the lease is over."""

    def give_back(self, job: Job) -> None:
        """It was not sent."""

    def decided(self, job: Job, reply: Reply | None) -> asyncio.Future[None]:
        """The relay's word on it, None when it was lost after the final dot. Done when that is committed."""


async def converse(connected: Connected, source: Source) -> None:
    """Send until the source has nothing more, or the line is lost."""
    offers = connected.offers
    if offers.chunking:
        await _Chunked(connected, source).run()
    elif offers.pipelining:
        await _Pipelined(connected, source).run()
    else:
        await _OneByOne(connected, source).run()


class _Conversation:
    def __init__(self, connected: Connected, source: Source) -> None:
        self.line = connected.line
        self.offers = connected.offers
        self.source = source
        self._last: asyncio.Future[None] | None = None
        self._before: asyncio.Future[None] | None = None

    async def next(self) -> Job | None:
        while (job := await self.source.take()) is not None:
            if self.line.lost:  # while it waited: nothing of this message was said on it
                self.source.give_back(job)
                return None
            if self.sendable(job):
                return job
        return None

    def sendable(self, job: Job) -> bool:
        if self.offers.smtputf8 or job.recipient.isascii():
            return True
        self.decided(job, UNSUPPORTED)
        return False

    def decided(self, job: Job, reply: Reply | None) -> None:
        self._before, self._last = self._last, self.source.decided(job, reply)
        if reply is not None and reply.code == 421:
            self.line.close()  # the relay closes it (RFC 5321, 3.8), and a message begun now would be lost with it

    async def settled(self) -> None:
        """Until all outcomes of this connection but the last are committed."""
        if self._before is not None and not self._before.done():
            await self._before

    def envelope(self, job: Job) -> bytes:
        options = f" SIZE={job.size}" if self.offers.size else ""
        if not job.recipient.isascii():
            options += " SMTPUTF8"
        return f"MAIL FROM:<{job.sender}>{options}\r\nRCPT TO:<{job.recipient}>\r\n".encode()


class _Chunked(_Conversation):
    async def run(self) -> None:
        while not self.line.lost and (job := await self.next()) is not None:
            await self.settled()
            if not self.source.may_go(job):
                self.source.give_back(job)
                return
            self.line.write(job.wire(before=self.envelope(job) + b"BDAT %d LAST\r\n" % job.size))
            replies = await self.line.replies(3, FINAL_SECONDS)
            self.decided(job, _verdict(replies, 3))
            if replies and not replies[-1].ok and not self.line.lost:
                await _reset(self)


class _Pipelined(_Conversation):
    async def run(self) -> None:
        job = await self.next()
        opened = False
        while job is not None and not self.line.lost:
            if not opened:
                self.line.write(self.envelope(job) + b"DATA\r\n")
                opened = await self._open(job, fresh=True)
                if not opened:
                    job = await self.next()
                    continue
            await self.settled()
            if not self.source.may_go(job):
                self.source.give_back(job)
                self.line.close()
                return
            following = self._peek()
            ahead = self.envelope(following) + b"DATA\r\n" if following else b""
            self.line.write(job.wire(after=DOT + ahead))
            final = await self.line.replies(1, FINAL_SECONDS)
            self.decided(job, final[0] if final else None)
            if following is not None:
                opened = await self._open(following, fresh=False)
                job = following if opened else None
            else:
                job, opened = None, False
            if job is None and not self.line.lost:
                job = await self.next()
        if job is not None:
            self.source.give_back(job)

    def _peek(self) -> Job | None:
        while (job := self.source.peek()) is not None:
            if self.sendable(job):
                return job
        return None

    async def _open(self, job: Job, *, fresh: bool) -> bool:
        """Read the three replies; True when the relay waits for the body. Else the job is decided or given back."""
        replies = await self.line.replies(3, COMMAND_SECONDS)
        if len(replies) == 3 and all(reply.ok for reply in replies):
            return True
        if not replies and not fresh:
            self.source.give_back(job)
            return False
        self.decided(job, next((reply for reply in replies if not reply.ok), LOST_EARLY))
        if len(replies) == 3 and not self.line.lost:
            if replies[2].ok:  # nobody was accepted, yet it waits for a body (RFC 2920, 3.1): an empty one
                self.line.write(DOT)
                await self.line.replies(1, FINAL_SECONDS)
            else:
                await _reset(self)
        return False


class _OneByOne(_Conversation):
    async def run(self) -> None:
        while not self.line.lost and (job := await self.next()) is not None:
            refused = await self._ask(self.envelope(job) + b"DATA\r\n")
            if refused is not None:
                self.decided(job, refused)
                if not self.line.lost:
                    await _reset(self)
                continue
            await self.settled()
            if not self.source.may_go(job):
                self.source.give_back(job)
                self.line.close()
                return
            self.line.write(job.wire(after=DOT))
            final = await self.line.replies(1, FINAL_SECONDS)
            self.decided(job, final[0] if final else None)

    async def _ask(self, commands: bytes) -> Reply | None:
        """Each command after the reply to the one before; the first refusal, or None."""
        for command in commands.splitlines(keepends=True):
            self.line.write(command)
            replies = await self.line.replies(1, COMMAND_SECONDS)
            if not replies:
                return LOST_EARLY
            if not replies[0].ok:
                return replies[0]
        return None


async def _reset(conversation: _Conversation) -> None:
    """After a refused RCPT the transaction is still open."""
    conversation.line.write(b"RSET\r\n")
    await conversation.line.replies(1, COMMAND_SECONDS)


def _verdict(replies: Sequence[Reply], expected: int) -> Reply | None:
    """The first refusal, else the last reply; None when the line was lost while the message may have arrived."""
    refusal = next((reply for reply in replies if not reply.ok), None)
    if refusal is not None:
        return refusal
    return replies[-1] if len(replies) == expected else None
