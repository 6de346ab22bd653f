"""SMTP: aiosmtplib connects, speaks TLS and authenticates; then our own protocol takes over its transport.

``submit`` is the plain way, one message over aiosmtplib alone: letters go by it, and tests hold the fast way to it byte
for byte. ``connect`` gives a Line, on which converse.py pipelines.
"""

import asyncio
import ipaddress
import re
import ssl
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import aiosmtplib

from newsletter.deliveries.outcomes import Reply
from newsletter.errors import NewsletterError
from newsletter.setting_values import Relay

CONNECT_SECONDS = 30.0
COMMAND_SECONDS = 120.0
FINAL_SECONDS = 300.0  # half of RFC 5321, 4.5.3.2.6: a reply later than a lease is of no use
LOOK_SECONDS = 1.0
_READ_AHEAD = 1 << 20
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


class Line(asyncio.Protocol):
    """A connection past EHLO and AUTH. Bytes go out as they are; replies come back whole and in order."""

    def __init__(self) -> None:
        self.lost = False
        self._rest = b""
        self._text: list[str] = []
        self._replies: deque[Reply] = deque()
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self._patience = 0.0
        self._transport: asyncio.Transport | None = None

    def take_over(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_protocol(self)
        self.lost = transport.is_closing()
        self._look()

    def _look(self) -> None:
        """One timer a connection, since one a reply costs more than the reply."""
        loop = asyncio.get_running_loop()
        if self._waiter is not None and loop.time() > self._patience:
            self.close()
        if not self.lost:
            loop.call_later(LOOK_SECONDS, self._look)

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self.lost:
            self._transport.write(data)

    async def replies(self, count: int, seconds: float) -> list[Reply]:
        """The next ``count`` replies; fewer when the line is lost or silent for so long, and it is lost then."""
        if len(self._replies) < count and not self.lost:
            self._wanted = count
            loop = asyncio.get_running_loop()
            self._waiter, self._patience = loop.create_future(), loop.time() + seconds
            try:
                await self._waiter
            finally:
                self._waiter = None
        return [self._replies.popleft() for _ in range(min(count, len(self._replies)))]

    def close(self) -> None:
        """Cut the line without a word; a message whose final dot was not written is dropped by the relay."""
        self.lost = True
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            self._take(line.rstrip(b"\r"))
        if len(self._rest) > _READ_AHEAD:
            self.close()
        if self._waiter is not None and len(self._replies) >= self._wanted and not self._waiter.done():
            self._waiter.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _take(self, line: bytes) -> None:
        if not self._text and len(line) < 200 and (reply := _single(line)) is not None:
            self._replies.append(reply)
            return
        found = _MULTILINE.fullmatch(line)
        if found is None:
            self.close()
            return
        self._text.append(found[3].decode("utf-8", "replace"))
        if found[2] != b"-":
            self._replies.append(Reply(int(found[1]), " ".join(part for part in self._text if part)[:1000]))
            self._text = []


@lru_cache(maxsize=64)
def _single(line: bytes) -> Reply | None:
    """A reply of one line, as nearly all are; most say the same over and over."""
    found = _MULTILINE.fullmatch(line)
    if found is None or found[2] == b"-":
        return None
    return Reply(int(found[1]), found[3].decode("utf-8", "replace")[:1000])


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
    """Send one message through the first relay that answers, by aiosmtplib alone; returns the reply that decided.

    Code 0 stands for a connection that dropped when nobody knows whether the message arrived.
    """
    failure: RelayError | None = None
    for relay in relays:
        try:
            client = await _client(relay)
        except RelayError as error:
            failure = error
            continue
        return await _submit(client, sender, recipient, message)
    raise failure or RelayError("no relay is set")


async def _submit(client: aiosmtplib.SMTP, sender: str, recipient: str, message: bytes) -> Reply:
    options = []
    if not recipient.isascii():
        if not client.supports_extension("smtputf8"):
            client.close()
            return UNSUPPORTED
        options.append("SMTPUTF8")
    encoding = "utf-8" if options else "ascii"
    try:
        await client.mail(sender, options=options, encoding=encoding)
        await client.rcpt(recipient, encoding=encoding)
        response = await client.data(message)
    except aiosmtplib.SMTPResponseException as error:
        return Reply(error.code, _one_line(error.message))
    except (aiosmtplib.SMTPException, OSError) as error:
        return Reply(0, f"the connection dropped: {_one_line(error)}")
    else:
        return Reply(response.code, _one_line(response.message))
    finally:
        client.close()


UNSUPPORTED = Reply(553, "5.6.7 unsupported: this address needs SMTPUTF8, which the relay does not offer")


async def _client(relay: Relay) -> aiosmtplib.SMTP:
    """Connected, secured as asked, logged in. STARTTLS never falls back, and AUTH needs TLS or a loopback host."""
    if relay.user and relay.tls == "off" and not is_loopback(relay.host):
        raise RelayError(f"the relay {relay.name} has a password and tls=off: set tls=starttls or tls=implicit")
    client = aiosmtplib.SMTP(
        hostname=relay.host,
        port=relay.port,
        username=relay.user,
        password=relay.password,
        timeout=CONNECT_SECONDS,
        use_tls=relay.tls == "implicit",
        start_tls=relay.tls == "starttls",
        tls_context=tls_context(relay) if relay.tls != "off" else None,
    )
    try:
        await client.connect()
        if not client.is_ehlo_or_helo_needed:
            return client
        await client.ehlo()
    except (aiosmtplib.SMTPException, OSError, ssl.SSLError) as error:
        client.close()
        raise RelayError(f"the relay {relay.name} cannot be used: {_one_line(error)}") from None
    return client


def tls_context(relay: Relay) -> ssl.SSLContext:
    """Certificate and host name verified, TLS 1.2 at least; ``ca=`` names a file of certificates to trust instead."""
    try:
        context = ssl.create_default_context(cafile=relay.ca)
    except OSError as error:
        raise RelayError(f"the relay {relay.name} has ca={relay.ca}, which cannot be read: {error}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _one_line(words: object) -> str:
    return " ".join(str(words).split()) or type(words).__name__
