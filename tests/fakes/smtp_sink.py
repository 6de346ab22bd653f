"""A recording SMTP server with a fluent set-up: what arrives is kept as the recipients' mailboxes would hold it.

``with Sink().refusing("joe@example.org", "550 5.1.1 no such user") as sink: …; sink.mails``. It runs in a thread of its
own and speaks PIPELINING, CHUNKING, SMTPUTF8 and SIZE unless told not to, and TLS and AUTH where it is told to.
"""

import asyncio
import base64
import re
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.fakes.certificate import write_certificate

ALL = ("PIPELINING", "SIZE 10485760", "SMTPUTF8", "8BITMIME", "CHUNKING", "ENHANCEDSTATUSCODES")


@dataclass(frozen=True, slots=True)
class Mail:
    sender: str
    recipient: str
    data: bytes

    def header(self, name: str) -> str:
        found = re.search(
            rb"^%s:([^\r]*(?:\r\n[ \t][^\r]*)*)" % name.encode(), self.data.partition(b"\r\n\r\n")[0], re.M | re.I
        )
        return re.sub(r"\r\n", "", found[1].decode()).strip() if found else ""


@dataclass
class Plan:
    """What it does instead of taking everything."""

    offers: tuple[str, ...] = ALL
    refused: dict[str, list[str]] = field(default_factory=dict)
    refused_once: dict[str, list[str]] = field(default_factory=dict)
    greeting: str = "220 sink.example ESMTP"
    no_ehlo: str | None = None
    at_mail: Callable[[str], str | None] = lambda sender: None
    at_end: Callable[[Mail, int], str | None] = lambda mail, number: "250 2.0.0 taken"
    drop_at_body: Callable[[str], bool] = lambda recipient: False
    delay: float = 0.0
    silent_after: int | None = None
    patience: int | None = None
    on_a_line: int | None = None
    then: str = ""
    tls: ssl.SSLContext | None = None
    at_once: bool = False
    login: tuple[str, str] | None = None
    after_starttls: bytes = b""


class Sink:
    """``at_end`` answers None to keep the mail and drop the connection without a word."""

    def __init__(self) -> None:
        self.plan = Plan()
        self.mails: list[Mail] = []
        self.commands: list[str] = []
        self.connections = 0
        self.most_connections = 0
        self.open = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._transports: set[asyncio.Transport] = set()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def offering(self, *extensions: str) -> Self:
        self.plan.offers = extensions
        return self

    def refusing_ehlo(self, reply: str = "502 5.5.1 command not implemented") -> Self:
        """As servers of before 1995 do, which know HELO alone."""
        self.plan.no_ehlo = reply
        return self

    def refusing(self, recipient: str, *replies: str) -> Self:
        """Every RCPT of this address gets the replies in turn, the last one for ever."""
        self.plan.refused[recipient] = list(replies)
        return self

    def refusing_once(self, recipient: str, *replies: str) -> Self:
        self.plan.refused_once[recipient] = list(replies)
        return self

    def ending(self, decide: Callable[[Mail, int], str | None]) -> Self:
        """``decide(mail, number)`` gives the reply to the final dot; None keeps the mail and cuts the line."""
        self.plan.at_end = decide
        return self

    def cutting_bodies_of(self, decide: Callable[[str], bool]) -> Self:
        """Cut the line when the body of such a recipient begins."""
        self.plan.drop_at_body = decide
        return self

    def delaying(self, seconds: float) -> Self:
        """Every burst of commands is answered so much later, as over a long line."""
        self.plan.delay = seconds
        return self

    def silent_after(self, mails: int | None) -> Self:
        """Once it holds so many mails it answers nothing more, and keeps the line."""
        self.plan.silent_after = mails
        return self

    def losing_patience_after(self, refusals: int) -> Self:
        """So many refusals on a line end it, as Postfix does: 421 in answer to the RSET."""
        self.plan.patience = refusals
        return self

    def taking_on_a_line(self, mails: int, then: str = "421 too many messages in this connection") -> Self:
        """So many mails on a line, and in answer to the next MAIL this; 421 ends it, as Exim does."""
        self.plan.on_a_line, self.plan.then = mails, then
        return self

    def with_tls(self, folder: Path, *, at_once: bool = False, injecting: bytes = b"") -> Self:
        """STARTTLS, or TLS from the first byte; its certificate is written into the folder. ``injecting`` is what
        somebody on the way adds, in clear text, to the reply to STARTTLS."""
        self.certificate, key = write_certificate(folder)
        self.plan.tls, self.plan.at_once = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), at_once
        self.plan.tls.load_cert_chain(self.certificate, key)
        self.plan.after_starttls = injecting
        return self

    def wanting_login(self, user: str, password: str) -> Self:
        self.plan.login = user, password
        return self

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?tls=off&connections=4"

    def secure_url(self, user: str = "", password: str = "") -> str:
        """What trusts its certificate."""
        who = f"{user}:{password}@" if user else ""
        tls = "implicit" if self.plan.at_once else "starttls"
        return f"smtp://{who}127.0.0.1:{self.port}?tls={tls}&ca={self.certificate}&connections=4"

    def recipients(self) -> Counter[str]:
        return Counter(mail.recipient for mail in self.mails)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        at_once = self.plan.tls if self.plan.at_once else None
        server = self._loop.run_until_complete(
            self._loop.create_server(lambda: _Session(self), "127.0.0.1", self.port, backlog=256, ssl=at_once)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for transport in list(self._transports):
            transport.abort()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


class _Session(asyncio.Protocol):
    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.buffer = bytearray()
        self.sender: str | None = None
        self.recipient: str | None = None
        self.in_data = False
        self.chunk: int | None = None
        self.last = False
        self.body = bytearray()
        self.out: list[bytes] = []
        self.refusals = 0
        self.taken = 0
        self.secure, self.shaking_hands = sink.plan.at_once, False
        self.known = sink.plan.login is None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.sink._transports.add(transport)
        self.sink.connections += 1
        self.sink.open += 1
        self.sink.most_connections = max(self.sink.most_connections, self.sink.open)
        self.say(self.sink.plan.greeting)
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.sink._transports.discard(self.transport)
        self.sink.open -= 1

    def say(self, line: str) -> None:
        self.out.append(line.encode() + b"\r\n")

    def flush(self) -> None:
        if not self.out:
            return
        data, self.out = b"".join(self.out), []
        if self.sink.plan.delay:
            self.sink._loop.call_later(self.sink.plan.delay, self.transport.write, data)
        else:
            self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        quiet = self.sink.plan.silent_after
        if quiet is not None and len(self.sink.mails) >= quiet:
            return
        self.buffer += data
        if not self.shaking_hands:
            self.answer()

    def answer(self) -> None:
        while not self.transport.is_closing() and self.step():
            pass
        if not self.transport.is_closing():
            self.flush()

    def step(self) -> bool:
        if self.in_data:
            return self.take_body()
        if self.chunk is not None:
            return self.take_chunk()
        line, end, rest = self.buffer.partition(b"\r\n")
        if not end:
            return False
        self.buffer = rest
        self.command(line.decode())
        return True

    def take_body(self) -> bool:
        if self.buffer.startswith(b".\r\n"):
            end = 0
        else:
            found = self.buffer.find(b"\r\n.\r\n")
            if found < 0:
                return False
            end = found + 2
        body = bytes(self.buffer[:end]).replace(b"\r\n..", b"\r\n.")
        del self.buffer[: end + 3]
        self.in_data = False
        self.finish(body)
        return True

    def take_chunk(self) -> bool:
        assert self.chunk is not None
        if len(self.buffer) < self.chunk:
            return False
        self.body += self.buffer[: self.chunk]
        del self.buffer[: self.chunk]
        self.chunk = None
        if self.recipient is None:
            self.say("503 5.5.1 no valid recipients")
        elif self.last:
            self.finish(bytes(self.body))
        else:
            self.say("250 2.0.0 more")
        return True

    def finish(self, body: bytes) -> None:
        sender, recipient, self.sender, self.recipient, self.body = self.sender, self.recipient, None, None, bytearray()
        if sender is None or recipient is None:
            self.say("554 5.5.1 no valid recipients")
            return
        mail = Mail(sender, recipient, body)
        reply = self.sink.plan.at_end(mail, len(self.sink.mails) + 1)
        if reply is None or reply.startswith("2"):
            self.sink.mails.append(mail)
            self.taken += 1
        if reply is None:
            self.transport.abort()
        else:
            self.say(reply)
            if reply.startswith("421"):
                self.flush()
                self.transport.close()

    def command(self, line: str) -> None:
        self.sink.commands.append(line)
        verb, _, rest = line.partition(" ")
        match verb.upper():
            case "EHLO" if self.sink.plan.no_ehlo:
                self.say(self.sink.plan.no_ehlo)
            case "EHLO":
                lines = ["sink.example", *self.sink.plan.offers, *self.more_offers()]
                for place, words in enumerate(lines):
                    self.say(f"250{' ' if place == len(lines) - 1 else '-'}{words}")
            case "STARTTLS" if self.sink.plan.tls and not self.secure:
                self.flush()
                self.transport.write(b"220 2.0.0 go on\r\n" + self.sink.plan.after_starttls)
                self.task = self.sink._loop.create_task(self.become_secure())
            case "AUTH":
                self.known = self.sink.plan.login is not None and rest == self.plain_login(*self.sink.plan.login)
                self.say("235 2.7.0 welcome" if self.known else "535 5.7.8 wrong name or password")
            case "MAIL" if not self.known:
                self.say("530 5.7.0 log in first")
            case "HELO" | "NOOP":
                self.say("250 2.0.0 ok")
            case "RSET":
                self.sender = self.recipient = None
                if self.sink.plan.patience is not None and self.refusals >= self.sink.plan.patience:
                    self.say("421 4.7.0 too many errors")
                    self.flush()
                    self.transport.close()
                    return
                self.say("250 2.0.0 ok")
            case "MAIL":
                self.mail(rest)
            case "RCPT":
                self.rcpt(rest)
            case "DATA":
                self.data()
            case "BDAT":
                size, _, last = rest.partition(" ")
                self.chunk, self.last = int(size), last.upper() == "LAST"
                if self.recipient and self.sink.plan.drop_at_body(self.recipient):
                    self.cut()
            case "QUIT":
                self.say("221 2.0.0 bye")
                self.flush()
                self.transport.close()
            case _:
                self.say("502 5.5.2 what?")

    def more_offers(self) -> list[str]:
        tls = ["STARTTLS"] if self.sink.plan.tls and not self.secure else []
        return tls + (["AUTH PLAIN"] if self.sink.plan.login and self.secure else [])

    @staticmethod
    def plain_login(user: str, password: str) -> str:
        """RFC 4616."""
        return f"PLAIN {base64.b64encode(f'{chr(0)}{user}{chr(0)}{password}'.encode()).decode()}"

    async def become_secure(self) -> None:
        assert self.sink.plan.tls is not None
        self.secure = self.shaking_hands = True
        self.buffer.clear()
        try:
            secured = await self.sink._loop.start_tls(self.transport, self, self.sink.plan.tls, server_side=True)
        except (OSError, ssl.SSLError):
            return
        assert secured is not None
        self.sink._transports.discard(self.transport)
        self.transport = secured
        self.sink._transports.add(secured)
        self.shaking_hands = False
        self.answer()  # what came before this task went on

    def cut(self) -> None:
        """Hang up; what was said about earlier messages has left before."""
        self.flush()
        self.transport.abort()

    def mail(self, rest: str) -> None:
        if self.sender is not None:
            self.say("503 5.5.1 nested MAIL")
            return
        if self.sink.plan.on_a_line is not None and self.taken >= self.sink.plan.on_a_line:
            self.say(self.sink.plan.then)
            if self.sink.plan.then.startswith("421"):
                self.flush()
                self.transport.close()
            return
        sender = rest.partition("<")[2].partition(">")[0]
        refusal = self.sink.plan.at_mail(sender)
        if refusal:
            self.say(refusal)
            return
        self.sender = sender
        self.say("250 2.1.0 ok")

    def rcpt(self, rest: str) -> None:
        if self.sender is None:
            self.say("503 5.5.1 MAIL first")
            return
        recipient = rest.partition("<")[2].partition(">")[0]
        for replies, for_ever in ((self.sink.plan.refused_once, False), (self.sink.plan.refused, True)):
            waiting = replies.get(recipient)
            if waiting:
                self.refusals += 1
                self.say(waiting[0] if for_ever and len(waiting) == 1 else waiting.pop(0))
                return
        self.recipient = recipient
        self.say("250 2.1.5 ok")

    def data(self) -> None:
        if self.recipient is None:
            self.say("503 5.5.1 no valid recipients")
            return
        if self.sink.plan.drop_at_body(self.recipient):
            self.cut()
            return
        self.in_data = True
        self.say("354 go on")
