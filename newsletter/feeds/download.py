"""Getting one address over HTTP, as a good citizen and without being led astray.

Every name is resolved here and the connection made to the address that was checked, on every redirect anew: a name
that answers differently the second time (DNS rebinding) gains nothing. Proxies and cookies are not used. Nor is a
connection used twice by what GETs: to the pool it is one to an address, and the next name there may be another one's,
for which nobody has looked at a certificate, and servers with many names refuse it (421, RFC 9110 15.5.20).
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from ipaddress import ip_address

import httpx

from newsletter.feeds.decoding import ACCEPTED, Body, TooLargeError, UndecodableError
from newsletter.feeds.private_addresses import is_of_the_link, is_public
from newsletter.feeds.words import web_address

REDIRECTS = 5
_PERMANENT = (301, 308)
_REDIRECT = (301, 302, 303, 307, 308)
ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml, "
    "application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, text/html;q=0.5, */*;q=0.1"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes; ``size`` is counted after decompression, ``parse`` is what reading a document may take."""

    connect: float = 10.0
    read: float = 15.0
    whole: float = 40.0
    size: int = 5_000_000
    parse: float = 10.0


Resolve = Callable[[str, int], Awaitable[list[str]]]
"""A host and a port -> the network addresses to try, in that order. Raises OSError for an unknown host."""


class DownloadError(Exception):
    """It could not be had. ``gone`` says that the server said 410; ``retry_after`` is what it asked for; ``status`` is
    what it answered, None where nobody answered."""

    def __init__(
        self, why: str, *, gone: bool = False, retry_after: timedelta | None = None, status: int | None = None
    ) -> None:
        super().__init__(why)
        self.gone = gone
        self.retry_after = retry_after
        self.status = status


@dataclass(frozen=True, slots=True)
class Download:
    """``body`` is None when the server said 304 or when it was not wanted. ``moved_to`` is set where every redirect was
    a permanent one."""

    url: str
    moved_to: str | None
    body: bytes | None
    content_type: str
    etag: str | None
    last_modified: str | None
    max_age: timedelta


class Downloader:
    """Made by ``open_downloader``."""

    def __init__(
        self, transport: httpx.AsyncHTTPTransport, agent: str, allow_private: bool, limits: Limits, resolve: Resolve
    ) -> None:
        self._transport, self._agent, self._resolve = transport, agent, resolve
        self._allow_private, self._limits = allow_private, limits

    async def get(
        self,
        url: str,
        *,
        now: datetime,
        etag: str | None = None,
        last_modified: str | None = None,
        whole: bool = True,
    ) -> Download:
        """Raises DownloadError. ``now`` is real time, which a Retry-After date is compared with. Not ``whole``: its
        body is left where it is."""
        headers = {"User-Agent": self._agent, "Accept": ACCEPT, "Accept-Encoding": ACCEPTED, "Connection": "close"}
        headers |= {"If-None-Match": etag} if etag else {}
        headers |= {"If-Modified-Since": last_modified} if last_modified else {}
        async with self._within_limits():
            return await self._follow(url, headers, now, whole)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """The status that was answered; redirects are not followed. Raises DownloadError."""
        async with (
            self._within_limits(),
            self._answer(url, {"User-Agent": self._agent, **headers}, body) as response,
        ):
            return response.status_code

    @asynccontextmanager
    async def _within_limits(self) -> AsyncIterator[None]:
        """Whatever goes wrong inside is a DownloadError in words."""
        try:
            async with asyncio.timeout(self._limits.whole):
                yield
        except TimeoutError:
            raise DownloadError(f"it took more than {self._limits.whole:g} seconds") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise DownloadError(_in_words(error)) from None
        except TooLargeError:
            raise DownloadError(f"it is larger than {self._limits.size // 1_000_000} MB") from None
        except UndecodableError as error:
            raise DownloadError(str(error)) from None

    async def _follow(self, url: str, headers: Mapping[str, str], now: datetime, whole: bool) -> Download:
        here, permanent = url, True
        for _ in range(REDIRECTS + 1):
            async with self._answer(here, headers) as response:
                if response.status_code not in _REDIRECT:
                    moved_to = here if permanent and here != url else None
                    return await self._take(response, here, moved_to, now, whole)
                permanent = permanent and response.status_code in _PERMANENT
                there = web_address(response.headers.get("location"), here)
                if there is None:
                    raise DownloadError("it redirects to something that is no web address")
                here = there
        raise DownloadError(f"it redirects more than {REDIRECTS} times")

    async def _take(
        self, response: httpx.Response, url: str, moved_to: str | None, now: datetime, whole: bool
    ) -> Download:
        status = response.status_code
        if status == 410:
            raise DownloadError("the server says that it is gone for good (410)", gone=True, status=status)
        if status not in (200, 203, 206, 226, 304):
            raise DownloadError(
                f"the server answered {status}{_phrase(status)}",
                retry_after=_retry_after(response.headers.get("retry-after"), now) if status in (429, 503) else None,
                status=status,
            )
        body = None
        if whole and status != 304:
            content = Body(response.headers.get("content-encoding", ""), self._limits.size)
            async for chunk in response.aiter_raw(1 << 16):
                content.add(chunk)
            body = content.whole()
        header = response.headers.get
        return Download(
            url=url,
            moved_to=moved_to,
            body=body,
            content_type=header("content-type", ""),
            etag=_validator(header("etag")),
            last_modified=_validator(header("last-modified")),
            max_age=_max_age(header("cache-control", "")),
        )

    @asynccontextmanager
    async def _answer(
        self, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> AsyncIterator[httpx.Response]:
        """The answer's head, to a POST where there is a body; connects to the addresses of the host in turn."""
        target = httpx.URL(url)
        problem: Exception | None = None
        for address in await self._addresses(target):
            try:
                response = await self._transport.handle_async_request(self._request(target, address, headers, body))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                problem = error
                continue
            try:
                yield response
            finally:
                await response.aclose()
            return
        raise problem or DownloadError(f"there is no host {target.host}")

    def _request(
        self, target: httpx.URL, address: str, headers: Mapping[str, str], body: bytes | None
    ) -> httpx.Request:
        limits = self._limits
        host = target.netloc.decode("ascii")
        timeouts = {"connect": limits.connect, "read": limits.read, "write": limits.read, "pool": limits.whole}
        return httpx.Request(
            "GET" if body is None else "POST",
            target.copy_with(host=address, fragment=None),
            content=body,
            headers={"Host": host, **headers},
            extensions={"timeout": timeouts, "sni_hostname": target.raw_host.decode("ascii")},
        )

    async def _addresses(self, target: httpx.URL) -> list[str]:
        host = target.raw_host.decode("ascii")
        port = target.port or (443 if target.scheme == "https" else 80)
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise DownloadError(f"there is no host {target.host}") from None
        farther = [address for address in addresses if not is_of_the_link(ip_address(address))]
        if not farther:
            raise DownloadError(
                f"{target.host} has a link-local address, where clouds keep passwords, and such are never fetched; "
                "serve it at another"
            )
        allowed = [address for address in farther if self._allow_private or is_public(ip_address(address))]
        if not allowed:
            raise DownloadError(f"{target.host} is on a private network; NEWSLETTER_FETCH_PRIVATE=true allows such")
        return allowed[:4]


def _validator(value: str | None) -> str | None:
    """What can be sent back as it came: a header is visible ASCII (RFC 9110 5.5)."""
    return value if value and value.isascii() and value.isprintable() else None


def user_agent(public_url: str) -> str:
    """Who asks, and where its operator can be found."""
    return f"WeeklyVerdicts/{version('weekly-verdicts')} (+{public_url})"


@asynccontextmanager
async def open_downloader(
    *,
    agent: str,
    allow_private: bool,
    limits: Limits | None = None,
    connections: int = 16,
    resolve: Resolve | None = None,
) -> AsyncIterator[Downloader]:
    """Connections of what is POSTed, all to one name, are kept for the time of the run. ``resolve`` is the system's
    resolver unless given."""
    pool = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    async with httpx.AsyncHTTPTransport(verify=ssl.create_default_context(), limits=pool, trust_env=False) as transport:
        yield Downloader(transport, agent, allow_private, limits or Limits(), resolve or _resolve)


async def _resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))


def _retry_after(value: str | None, now: datetime) -> timedelta | None:
    """RFC 9110, 10.2.3: seconds or a date."""
    if value is None:
        return None
    if value.strip().isdecimal() and value.isascii():
        return timedelta(seconds=min(int(value.strip()[:9]), 10**8))
    try:
        return max(parsedate_to_datetime(value) - now, timedelta())
    except (ValueError, TypeError):
        return None


def _max_age(cache_control: str) -> timedelta:
    for part in cache_control.lower().split(","):
        name, _, value = part.strip().partition("=")
        if name == "max-age" and value.isdecimal() and value.isascii():
            return timedelta(seconds=min(int(value[:9]), 10**8))
    return timedelta()


def _phrase(status: int) -> str:
    phrase = httpx.codes.get_reason_phrase(status)
    return f" {phrase}" if phrase else ""


def _in_words(error: Exception) -> str:
    match error:
        case httpx.ConnectTimeout() | httpx.ReadTimeout() | httpx.PoolTimeout() | httpx.WriteTimeout():
            return "the server does not answer"
        case httpx.ConnectError():
            return f"no connection ({' '.join(str(error).split())[:120] or 'refused'})"
        case httpx.InvalidURL():
            return "its address cannot be used"
    return f"the connection broke ({type(error).__name__})"
