"""The shapes that settings take, and how each is read from text.

Every reader raises ValueError with words that finish the sentence "NEWSLETTER_X …".
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from email.headerregistry import Address
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo

from newsletter.clock import in_utc
from newsletter.hostnames import a_labels

Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class Relay:
    """One SMTP relay. ``rate`` is in messages a second for the whole installation, None for no limit; ``weight`` is its
    share among the relays that have one, None for as much as it can take; ``warmup`` is the first day of its ramp;
    ``ehlo`` is what we call ourselves, None for the machine's own name."""

    host: str
    port: int
    tls: str = "starttls"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    connections: int = 4
    rate: float | None = None
    weight: int | None = None
    warmup: date | None = None
    profile: str | None = None
    ca: str | None = None
    ehlo: str | None = None

    @cached_property
    def name(self) -> str:
        """What logs and pages call it: never with its password."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A private key by file, and where its public half is published: ``selector._domainkey.domain``."""

    selector: str
    domain: str
    path: Path


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where returned mail arrives: the Maildir at ``path``, or an IMAP folder where that is None. ``ca`` is a file of
    certificates to trust."""

    path: Path | None
    host: str = ""
    port: int = 993
    user: str = ""
    password: str = field(default="", repr=False)
    folder: str = "INBOX"
    ca: str | None = None


_RATE = re.compile(r"(\d+(?:\.\d+)?)/(s|min|h)", re.ASCII)
_PER = {"s": 1.0, "min": 60.0, "h": 3600.0}
_IN_A_HEADER = re.compile(r"[!#-;=?-\[\]-~]+")  # one that stands in <…> as it is
_LOCAL = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)  # a dot-atom (RFC 5322)
_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*\.?", re.I | re.ASCII)


def text(value: str) -> str:
    cleaned = _utf_8(value.strip())
    if any(ord(c) < 32 or ord(c) == 127 for c in cleaned):
        raise ValueError("must be one line without control characters")
    return cleaned


def paragraph(value: str) -> str:
    """Text that may have line breaks, such as a postal address; other control characters are refused."""
    cleaned = _utf_8(value.strip().replace("\r\n", "\n"))
    if any(ord(c) < 32 and c != "\n" for c in cleaned):
        raise ValueError("must be text without control characters")
    return cleaned


def _utf_8(value: str) -> str:
    """Bytes of the environment that are no text arrive as lone surrogates, which no mail can carry."""
    if any("\ud800" <= c <= "\udfff" for c in value):
        raise ValueError("must be text in UTF-8")
    return value


def flag(value: str) -> bool:
    match value.strip().lower():
        case "true" | "yes" | "on" | "1":
            return True
        case "false" | "no" | "off" | "0":
            return False
    raise ValueError(f"must be true or false, not {value!r}")


def positive(value: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,8}", value.strip(), re.ASCII):
        raise ValueError(f"must be a whole number above 0, not {value!r}")
    return int(value)


def one_of(*choices: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value.strip().lower() in choices:
            return value.strip().lower()
        raise ValueError(f"must be one of {', '.join(choices)}, not {value!r}")

    return read


def zone(value: str) -> ZoneInfo:
    try:
        return ZoneInfo(value.strip())
    except (ValueError, OSError, LookupError):
        raise ValueError(f"must name a time zone such as Europe/Berlin, not {value!r}") from None


def instant(value: str) -> datetime:
    """An ISO 8601 instant; one without an offset is in UTC."""
    try:
        found = datetime.fromisoformat(value.strip())
        if not 1970 <= found.year < 9999:  # computing with others ends outside of what a calendar has
            raise ValueError
        return in_utc(found)
    except ValueError:
        raise ValueError(f"must be an ISO 8601 instant such as 2026-11-23T09:00:00Z, not {value!r}") from None


def _parts(url: str) -> SplitResult:
    """What is wrong is said without the URL: there may be a password in it."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        advice = "; in a password / is written %2F, ? %3F, # %23" if "@" in url else ""
        raise ValueError(f"has a host or a port that is none{advice}") from None
    return parts


def web_url(value: str) -> str:
    """An http or https base without query or fragment, its host in A-labels; the trailing slash goes."""
    parts = _parts(text(value).rstrip("/"))
    host = parts.hostname or ""
    if not host.isascii():
        parts = parts._replace(netloc=parts.netloc.lower().replace(host, a_labels(host)))
    found = parts.geturl()
    if (
        parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or parts.username
        or parts.port == 0 or not _IN_A_HEADER.fullmatch(found)
    ):  # fmt: skip
        raise ValueError(f"must be an address such as https://news.example.com, without user or query, not {value!r}")
    return found


def domain(value: str) -> str:
    cleaned = a_labels(text(value).lower())
    if not _HOST.fullmatch(cleaned) or len(cleaned) > 253:
        raise ValueError(f"must be a domain such as bounces.example.com, not {value!r}")
    return cleaned


def mailbox_address(value: str) -> Address:
    """``Name <local@domain>`` or a bare address, as a From or Reply-To takes it."""
    cleaned = text(value)
    found = re.fullmatch(r"(?:(.*?)\s*<([^<>\s]+)>|([^<>\s]+))", cleaned)
    spec = (found[2] or found[3]) if found else ""
    local, _, host = spec.rpartition("@")
    name = (found[1] or "") if found else ""
    if (
        not found or not _LOCAL.fullmatch(local) or len(local) > 64 or "<" in name or ">" in name
        or not _HOST.fullmatch(a_labels(host.lower()))
    ):  # fmt: skip
        raise ValueError(f"must be a mailbox such as Weekly Verdicts <news@example.com>, not {value!r}")
    name = name.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return Address(name, local, a_labels(host.lower()))


def secrets_list(value: str) -> tuple[str, ...]:
    """Comma-separated keys, newest first. Whether they are good ones says `newsletter doctor`."""
    keys = tuple(key for key in (part.strip() for part in value.split(",")) if key)
    if not keys:
        raise ValueError("must hold a key; `newsletter init --write-settings` makes one")
    return keys


def networks(value: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(part) for part in re.split(r"[\s,]+", value.strip()) if part)
    except ValueError as error:
        raise ValueError(f"must be networks such as 10.0.0.0/8: {error}") from None


def relays(value: str) -> tuple[Relay, ...]:
    found = tuple(_relay(part) for part in value.split())
    if not found:
        raise ValueError("must name at least one relay, such as smtp://127.0.0.1:25?tls=off")
    return found


_RELAY_OPTIONS = ("tls", "connections", "rate", "weight", "warmup", "profile", "ca", "ehlo")


def _relay(url: str) -> Relay:
    parts = _parts(url)
    shown = f"{parts.scheme}://{parts.hostname or ''}"
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError(f"must begin with smtp:// or smtps:// and name a host: {shown}")
    port = parts.port or (465 if parts.scheme == "smtps" else 587 if parts.username else 25)
    given = parse_qsl(parts.query, keep_blank_values=True)
    options = dict(given)
    unknown = options.keys() - set(_RELAY_OPTIONS)
    if unknown:
        raise ValueError(f"has an unknown option {sorted(unknown)[0]!r}; known: {', '.join(_RELAY_OPTIONS)}")
    if len(options) < len(given):
        raise ValueError(f"has an option twice: {shown}")
    tls = options.get("tls", "implicit" if parts.scheme == "smtps" else "starttls")
    if tls not in ("implicit", "starttls", "off"):
        raise ValueError(f"has tls={tls!r}; it is implicit, starttls or off")
    if tls == "off" and parts.scheme == "smtps":
        raise ValueError("smtps:// cannot have tls=off")
    profile = options.get("profile")
    if profile not in (None, "ses"):
        raise ValueError(f"has profile={profile!r}; the only one is ses")
    if parts.path not in ("", "/") or parts.fragment or parts.port == 0:  # of a password that is not escaped, mostly
        raise ValueError(f"has a port 0, or more than options, behind {shown}; in a password / is %2F, and # is %23")
    ehlo = options.get("ehlo")
    if ehlo is not None and not (_HOST.fullmatch(ehlo) and "." in ehlo):
        raise ValueError(f"has ehlo={ehlo!r}; it is the whole name of this machine, such as news.example.com")
    return Relay(
        host=parts.hostname,
        port=port,
        tls=tls,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        connections=_number(options, "connections") or 4,
        rate=_rate(options["rate"]) if "rate" in options else None,
        weight=_number(options, "weight"),
        warmup=_day(options["warmup"]) if "warmup" in options else None,
        profile=profile,
        ca=options.get("ca"),
        ehlo=ehlo,
    )


def _number(options: dict[str, str], name: str) -> int | None:
    try:
        return positive(options[name]) if name in options else None
    except ValueError as error:
        raise ValueError(f"has {name}={options[name]!r}, which {error}") from None


def _rate(value: str) -> float:
    found = _RATE.fullmatch(value)
    if not found or float(found[1]) == 0:
        raise ValueError(f"has rate={value!r}; a rate looks like 50/s, 300/min or 1000/h")
    return float(found[1]) / _PER[found[2]]


def _day(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"has warmup={value!r}; it is the first day of the relay, such as 2026-11-24") from None


def domain_rates(value: str) -> tuple[tuple[str, float], ...]:
    """``google.com=20/s example.com=10/min *=50/s``; in messages a second."""
    found: dict[str, float] = {}
    for part in value.split():
        name, equals, rate = part.lower().partition("=")
        if not equals or (name != "*" and not _HOST.fullmatch(name)):
            raise ValueError(f"must be pairs such as google.com=20/s or *=50/s, not {part!r}")
        if name in found:
            raise ValueError(f"names {name} twice")
        found[name] = _rate(rate)
    return tuple(found.items())


def duration(value: str) -> timedelta:
    found = re.fullmatch(r"([1-9]\d{0,5})\s*(min|h)", value.strip(), re.ASCII)
    if not found:
        raise ValueError(f"must be a time such as 90min or 4h, not {value!r}")
    return timedelta(seconds=int(found[1]) * _PER[found[2]])


def dkim_keys(value: str) -> tuple[DkimKey, ...]:
    keys = []
    for part in value.split():
        selector, _, rest = part.partition(":")
        host, _, path = rest.partition(":")
        host = a_labels(host)
        if not (_HOST.fullmatch(selector) and _HOST.fullmatch(host) and path):
            raise ValueError(f"must be selector:domain:path-to-private-key, not {part!r}")
        keys.append(DkimKey(selector.lower(), host.lower(), Path(path)))
    return tuple(keys)


def bounce_mailbox(value: str) -> Mailbox:
    kind, _, rest = value.strip().partition(":")
    if kind == "maildir" and rest:
        return Mailbox(Path(rest))
    parts = _parts(value.strip())
    if parts.scheme == "imaps" and parts.hostname and parts.username and parts.password:
        folder = unquote(parts.path.lstrip("/")) or "INBOX"
        user, password = unquote(parts.username), unquote(parts.password)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        if options.keys() - {"ca"}:
            raise ValueError(f"has an unknown option {min(options.keys() - {'ca'})!r}; known: ca")
        return Mailbox(None, parts.hostname, parts.port or 993, user, password, folder, options.get("ca"))
    raise ValueError("must be maildir:PATH or imaps://user:password@host/FOLDER")
