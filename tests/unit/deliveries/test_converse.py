"""What is said on a line, where a relay does what relays seldom do."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiosmtplib
import pytest

from newsletter.deliveries.assembling import Job
from newsletter.deliveries.converse import converse
from newsletter.deliveries.outcomes import Reply
from newsletter.deliveries.transport import Connected, Line, Offers
from newsletter.setting_values import Relay

CHUNKING = Offers(pipelining=True, chunking=True, smtputf8=True, size=True)
PIPELINING = Offers(pipelining=True, chunking=False, smtputf8=True, size=True)
ONE_BY_ONE = Offers(pipelining=False, chunking=False, smtputf8=True, size=True)
OFFERS = pytest.mark.parametrize(
    "offers", [CHUNKING, PIPELINING, ONE_BY_ONE], ids=["chunking", "pipelining", "one by one"]
)

Said = bytes | None
"""A reply of the relay, or that it hangs up."""


class Wire(asyncio.Transport):
    """A relay that answers each write as it is told to, each piece in a turn of the loop of its own."""

    def __init__(self, answer: Callable[[bytes], list[Said]]) -> None:
        super().__init__()
        self.answer, self.cut = answer, False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, Line)
        self.line = protocol

    def is_closing(self) -> bool:
        return self.cut

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.say(self.answer(bytes(data)) if not self.cut else [])

    def say(self, pieces: list[Said]) -> None:
        if pieces:
            asyncio.get_running_loop().call_soon(self.come, pieces)

    def come(self, pieces: list[Said]) -> None:
        if self.cut:
            return
        self.say(pieces[1:])
        if pieces[0] is None:
            self.line.eof_received()
            self.end(None)
            return
        try:
            self.line.data_received(pieces[0])
        except Exception as error:  # as the loop does
            self.end(error)

    def end(self, why: Exception | None) -> None:
        if not self.cut:
            self.cut = True
            asyncio.get_running_loop().call_soon(self.line.connection_lost, why)

    def abort(self) -> None:
        self.end(None)


class Outbox:
    """The Source of so many messages, which keeps what became of each."""

    slack = 0

    def __init__(self, count: int, fails: Callable[[Job], None] = lambda job: None) -> None:
        self.jobs = [
            Job(number, "b@x.example", f"r{number}@x.example", b"A: b\r\n\r\n", (b"hi\r\n",), b"", 12)
            for number in range(count)
        ]
        self.became: dict[int, Reply | None] = {}
        self.given_back: list[int] = []
        self._fails = fails

    async def ready(self) -> bool:
        await asyncio.sleep(0)
        return bool(self.jobs)

    def take(self) -> Job | None:
        return self.jobs.pop(0) if self.jobs else None

    peek = take

    def may_go(self) -> bool:
        return True

    def left_to_others(self, job: Job) -> bool:
        return False

    def give_back(self, job: Job) -> None:
        self.given_back.append(job.delivery_id)

    def turned_away(self, job: Job, reply: Reply) -> None:
        self.give_back(job)

    def decided(self, job: Job, reply: Reply | None, committed: Callable[[], None]) -> None:
        self._fails(job)
        self.became[job.delivery_id] = reply
        committed()

    def took(self, seconds: float) -> None: ...
    def hurry(self) -> None: ...


def talk(offers: Offers, outbox: Outbox, answer: Callable[[bytes], list[Said]], early: bytes = b"") -> None:
    async def held() -> None:
        line = Line()
        wire = Wire(answer)
        line.take_over(wire)
        if early:
            line.data_received(early)
        relay: Any = Relay("127.0.0.1", 9)
        client: Any = aiosmtplib.SMTP
        try:
            await asyncio.wait_for(converse(Connected(relay, line, offers, client), outbox), 20)
        finally:
            line.close()
            await asyncio.sleep(0)

    asyncio.run(held())


def answering(refused: str = "", after_reset: list[Said] | None = None) -> Callable[[bytes], list[Said]]:
    """A relay that refuses one recipient, and says this to RSET."""

    def answer(data: bytes) -> list[Said]:
        if data == b"RSET\r\n":
            return after_reset or [b"250 ok\r\n"]
        replies = []
        nobody = f"RCPT TO:<{refused}>".encode() in data
        for line in data.split(b"\r\n"):
            verb = line.split(b" ")[0]
            if verb == b"MAIL":
                replies.append(b"250 ok\r\n")
            elif verb == b"RCPT":
                replies.append(b"550 5.1.1 no such user\r\n" if nobody else b"250 ok\r\n")
            elif verb == b"DATA":
                replies.append(b"503 no recipient\r\n" if nobody else b"354 go on\r\n")
            elif line == b"." or (verb == b"BDAT" and not nobody):
                replies.append(b"250 taken\r\n")
            elif verb == b"BDAT":
                replies.append(b"503 no recipient\r\n")
        return [b"".join(replies)]

    return answer


@OFFERS
def test_all_is_sent_and_refusals_are_of_their_own_recipients(offers: Offers) -> None:
    outbox = Outbox(5)
    talk(offers, outbox, answering("r2@x.example"))
    assert {number: reply and reply.code for number, reply in outbox.became.items()} == {
        0: 250, 1: 250, 2: 550, 3: 250, 4: 250,
    }  # fmt: skip


def test_a_relay_that_takes_chunks_and_does_not_offer_pipelining_gets_one_command_at_a_time() -> None:
    said: list[bytes] = []
    answer = answering()

    def listening(data: bytes) -> list[Said]:
        said.append(data)
        return answer(data)

    talk(Offers(pipelining=False, chunking=True, smtputf8=True, size=True), Outbox(1), listening)
    assert [data.split()[0] for data in said] == [b"MAIL", b"RCPT", b"DATA", b"A:"]


@OFFERS
def test_a_relay_that_hangs_up_after_a_refusal_without_a_word_has_no_message_in_doubt(offers: Offers) -> None:
    outbox = Outbox(3)
    talk(offers, outbox, answering("r0@x.example", after_reset=[b"250 ok\r\n", None]))
    assert {number: reply and reply.code for number, reply in outbox.became.items()} == {0: 550}


def test_a_relay_that_hangs_up_and_reads_no_more_is_left_at_once() -> None:
    """The loop would keep such a line until what is written to it has gone out."""

    class Unread(Wire):
        def come(self, pieces: list[Said]) -> None:
            self.line.eof_received()

    heard: list[list[Reply]] = []

    async def held() -> None:
        line = Line()
        line.take_over(Unread(lambda data: [None]))
        line.ask(b"a long message", 1, 20, heard.append)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(held())
    assert heard == [[]]


@OFFERS
@pytest.mark.parametrize("early", [b"", b"250 ok\r\n250 ok\r\n250 ok\r\n"], ids=["in turn", "too early"])
def test_what_fails_here_ends_the_conversation_and_is_told(offers: Offers, early: bytes) -> None:
    def fails(job: Job) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        talk(offers, Outbox(3, fails), answering(), early)


@OFFERS
def test_what_fails_here_when_the_line_is_lost_is_told(offers: Offers) -> None:
    def fails(job: Job) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        talk(offers, Outbox(3, fails), lambda data: [None])
