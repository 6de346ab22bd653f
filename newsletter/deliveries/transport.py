"""SMTP: aiosmtplib connects, speaks TLS and authenticates; then our own protocol takes over its transport.

``submit`` is the plain way, one message over aiosmtplib alone: letters go by it, and tests hold the fast way to it byte
for byte. ``connect`` gives a Line, on which converse.py pipelines.
"""

import asyncio
import re
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import aiosmtplib

from newsletter.deliveries.outcomes import Reply
from newsletter.errors import NewsletterError
from newsletter.setting_values import Relay
from newsletter.settings import gives_its_password_away

CONNECT_SECONDS = 30.0
COMMAND_SECONDS = 120.0
FINAL_SECONDS = 300.0  # half of RFC 5321, 4.5.3.2.6: a reply later than a lease is of no use
LOOK_SECONDS = 1.0
_READ_AHEAD = 1 << 20
_MOST_EARLY = 100  # replies to nobody, of which 421 before a relay hangs up is the usual one
_MOST_LINES = 100  # of a reply; nobody says so many, and what has no end must not be kept
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")  # which no database and no terminal should see
_MULTILINE = re.compile(rb"(\d{3})([ -]?)(.*)", re.S)


class RelayError(NewsletterError):
    """A relay cannot be used at all: it is not there, or refuses to talk, TLS or login."""


@dataclass(frozen=True, slots=True)
class Offers:
    """What EHLO offered."""

    pipelining: bool
    chunking: bool
    smtputf8: bool
    size: bool


Then = Callable[[list[Reply]], None]


class Line(asyncio.Protocol):
    """A connection past EHLO and AUTH. Bytes go out as they are; replies come back whole and in order.

    Who asks is called back, since a task and a future a message cost more than the message.
    """

    def __init__(self) -> None:
        self.lost = False
        self.failure: Exception | None = None  # of what was called back
        self.failed: Callable[[], None] = lambda: None  # who is told of it
        self._rest = b""
        self._text: list[str] = []
        self._replies: list[Reply] = []  # not handed over yet
        self._asked: deque[tuple[int, float, Then]] = deque()
        self._deadline = 0.0
        self._transport: asyncio.Transport | None = None

    def take_over(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_protocol(self)
        self.lost = transport.is_closing()
        self._look()

    def _look(self) -> None:
        """One timer a connection, since one a reply costs more than the reply."""
        if self._asked and time.monotonic() > self._deadline:
            self.close()
        if not self.lost:
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self.lost:
            self._transport.write(data)

    def expect(self, count: int, seconds: float, then: Then) -> None:
        """Call back with the next ``count`` replies that nobody expects yet; with fewer when the line is lost, or
        silent for so long after the replies before them, and it is lost then."""
        if not self._asked:
            self._deadline = time.monotonic() + seconds
        self._asked.append((count, seconds, then))
        if self.lost:
            asyncio.get_running_loop().call_soon(self._give_up)
        elif self._replies:
            asyncio.get_running_loop().call_soon(self._hand_over)

    def ask(self, data: bytes, count: int, seconds: float, then: Then) -> None:
        self.write(data)
        self.expect(count, seconds, then)

    async def replies(self, count: int, seconds: float) -> list[Reply]:
        """As ``expect``, for those who have time to wait."""
        found: asyncio.Future[list[Reply]] = asyncio.get_running_loop().create_future()
        self.expect(count, seconds, lambda replies: None if found.done() else found.set_result(replies))
        return await found

    def close(self) -> None:
        """Cut the line without a word; a message whose final dot was not written is dropped by the relay."""
        self.lost = True
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            reply = None if self._text or len(line) >= 200 else _single(line)
            if reply is not None:
                self._replies.append(reply)
            elif not self._take(line.rstrip(b"\r")):
                self.close()
                return
        self._hand_over()
        if self.lost:
            self._replies.clear()  # of a line that was cut for what it said
        if len(self._rest) > _READ_AHEAD or len(self._replies) > _MOST_EARLY:
            self.close()

    def eof_received(self) -> None:
        """Nothing more is answered. What is still unwritten would be waited for, by whoever does not read it either."""
        self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if exc is not None and not isinstance(exc, OSError):
            self._fail(exc)
        self._give_up()

    def _hand_over(self) -> None:
        """To each who asked, in their order, as soon as it has all that it asked for."""
        try:
            while self._asked and len(self._replies) >= self._asked[0][0] and not self.lost:
                then, replies = self._next()
                if self._asked:
                    self._deadline = time.monotonic() + self._asked[0][1]
                then(replies)
        except Exception as error:  # whatever it is, the conversation has to end with it
            self._fail(error)

    def _give_up(self) -> None:
        while self._asked:
            then, replies = self._next()
            try:
                then(replies)
            except Exception as error:  # the others that asked wait, too
                self._fail(error)

    def _fail(self, error: Exception) -> None:
        self.failure = self.failure or error
        self.close()
        self.failed()

    def _next(self) -> tuple[Then, list[Reply]]:
        """Who asked first, and what there is for it."""
        count, _, then = self._asked.popleft()
        replies = self._replies[:count]
        del self._replies[:count]
        return then, replies

    def _take(self, line: bytes) -> bool:
        """What may be part of a reply of several lines; False where it is none at all, or has no end."""
        found = _MULTILINE.fullmatch(line)
        if found is None or len(self._text) == _MOST_LINES:
            return False
        self._text.append(_readable(found[3]))
        if found[2] != b"-":
            text, self._text = " ".join(part for part in self._text if part)[:1000], []
            self._replies.append(Reply(int(found[1]), text))
        return True


@lru_cache(maxsize=64)
def _single(line: bytes) -> Reply | None:
    """A reply of one line, as nearly all are; most say the same over and over."""
    found = _MULTILINE.fullmatch(line.rstrip(b"\r"))
    if found is None or found[2] == b"-":
        return None
    return Reply(int(found[1]), _readable(found[3])[:1000])


def _readable(text: bytes) -> str:
    return _CONTROLS.sub(" ", text.decode("utf-8", "replace"))


@dataclass(slots=True)
class Connected:
    """A Line, what its relay offers, and the client that has to outlive it."""

    relay: Relay
    line: Line
    offers: Offers
    _client: aiosmtplib.SMTP

    async def quit(self) -> None:
        if not self.line.lost:
            self.line.write(b"QUIT\r\n")
            await self.line.replies(1, 5.0)
        self.line.close()


async def connect(relay: Relay) -> Connected:
    """Raises RelayError with a line that names the relay and the reason."""
    client = await _client(relay)
    transport = client.transport
    if transport is None:
        raise RelayError(f"the relay {relay.name} closed the connection at once")
    offers = Offers(
        pipelining=client.supports_extension("pipelining"),
        chunking=client.supports_extension("chunking"),
        smtputf8=client.supports_extension("smtputf8"),
        size=client.supports_extension("size"),
    )
    line = Line()
    line.take_over(transport)
    return Connected(relay, line, offers, client)


async def submit(relays: Sequence[Relay], sender: str, recipient: str, message: bytes) -> Reply:
    """Send one message through the first relay that answers, and takes such an address at all, by aiosmtplib alone;
    returns the reply that decided.

    Code 0 stands for a connection that dropped when nobody knows whether the message arrived.
    """
    failure = None if relays else RelayError("no relay is set")
    for relay in relays:
        try:
            client = await _client(relay)
        except RelayError as error:
            failure = error
            continue
        if recipient.isascii() or client.supports_extension("smtputf8"):
            return await _submit(client, sender, recipient, message)
        _hang_up(client)
    if failure is not None:  # one that is away now may take it
        raise failure
    return UNSUPPORTED


async def _submit(client: aiosmtplib.SMTP, sender: str, recipient: str, message: bytes) -> Reply:
    options = [] if recipient.isascii() else ["SMTPUTF8"]
    encoding = "utf-8" if options else "ascii"
    try:
        await client.mail(sender, options=options, encoding=encoding)
        await client.rcpt(recipient, encoding=encoding)
        response = await client.data(message, timeout=FINAL_SECONDS)
    except aiosmtplib.SMTPResponseException as error:
        return Reply(error.code, _one_line(error.message))
    except (aiosmtplib.SMTPException, OSError) as error:
        return Reply(0, f"the connection dropped: {_one_line(error)}")
    else:
        return Reply(response.code, _one_line(response.message))
    finally:
        _hang_up(client)


NO_EHLO = (500, 502)  # what a relay of before 1995 says to EHLO, or a filter on the way: RFC 5321, 3.2
UNSUPPORTED = Reply(553, "5.6.7 unsupported: this address needs SMTPUTF8, which the relay does not offer")
NO_SMTPUTF8 = Reply(451, "4.6.7 this address needs SMTPUTF8, and no relay that may offer it is there")


async def _client(relay: Relay) -> aiosmtplib.SMTP:
    """Connected, secured as asked, logged in. STARTTLS never falls back, and AUTH needs TLS or a loopback host."""
    if gives_its_password_away(relay):
        raise RelayError(f"the relay {relay.name} has a password and tls=off: set tls=starttls or tls=implicit")
    client = aiosmtplib.SMTP(
        hostname=relay.host,
        port=relay.port,
        username=relay.user,
        password=relay.password,
        local_hostname=relay.ehlo,
        timeout=CONNECT_SECONDS,
        use_tls=relay.tls == "implicit",
        start_tls=relay.tls == "starttls",
        tls_context=tls_context(relay) if relay.tls != "off" else None,
    )
    try:
        await client.connect()
        if not client.is_ehlo_or_helo_needed:
            return client
        try:
            await client.ehlo()
        except aiosmtplib.SMTPHeloError as error:
            if error.code not in NO_EHLO:
                raise
            await client.helo()
    except (aiosmtplib.SMTPException, OSError, ssl.SSLError) as error:
        _hang_up(client)
        told = f"{error.code} {error.message}" if isinstance(error, aiosmtplib.SMTPResponseException) else error
        raise RelayError(f"the relay {relay.name} cannot be used: {_one_line(told)}") from None
    return client


def _hang_up(client: aiosmtplib.SMTP) -> None:
    """At once: over TLS, closing would wait half a minute for the other side to say goodbye."""
    transport = client.transport
    client.close()
    if isinstance(transport, asyncio.Transport):
        transport.abort()


def tls_context(relay: Relay) -> ssl.SSLContext:
    """Certificate and host name verified, TLS 1.2 at least; ``ca=`` names a file of certificates to trust instead."""
    try:
        context = ssl.create_default_context(cafile=relay.ca)
    except OSError as error:
        raise RelayError(f"the relay {relay.name} has ca={relay.ca}, which cannot be read: {error}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _one_line(words: object) -> str:
    return " ".join(str(words).split()) or type(words).__name__
