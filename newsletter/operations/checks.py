"""What doctor says: one line per thing looked at, how it stands, and what to do.

Everything here is pure; `doctor.py` looks and hands over what it saw.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from newsletter.hostnames import is_loopback
from newsletter.setting_values import Relay
from newsletter.settings import NEEDED_TO_SEND, Settings, missing

MEGABYTE = 1_000_000


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Check:
    """``what`` was found, in one sentence; ``advice`` is what to do, '' where nothing is."""

    name: str
    level: Level
    what: str
    advice: str = ""


def ok(name: str, what: str) -> Check:
    return Check(name, Level.OK, what)


def warning(name: str, what: str, advice: str) -> Check:
    return Check(name, Level.WARNING, what, advice)


def error(name: str, what: str, advice: str) -> Check:
    return Check(name, Level.ERROR, what, advice)


def settings_checks(settings: Settings) -> list[Check]:
    """Whether what sending needs is set, and set well."""
    if labels := missing(settings, *NEEDED_TO_SEND):
        found = [error("settings", f"{', '.join(labels)} not set", "set them; sending refuses to start without")]
    else:
        found = [ok("settings", "everything that sending needs is set")]
    return [
        *found,
        _secrets(settings),
        _public_url(settings),
        *_proxies(settings),
        _returned_mail(settings),
        *_rehearsal(settings),
    ]


def files_check(readable: list[str]) -> Check:
    """``readable`` are the files with addresses, passwords and keys that everybody on this machine can read."""
    if readable:
        names = ", ".join(readable)
        return warning("files", f"everybody on this machine can read {names}", f"chmod o-rwx {' '.join(readable)}")
    return ok("files", "nobody else on this machine can read them")


def _secrets(settings: Settings) -> Check:
    keys = settings.secret_key or ()
    if any(_is_weak(key) for key in keys):
        return error(
            "secrets", "a secret key can be guessed",
            "put a new one before it, with a comma (`newsletter init --write-settings` in an empty folder makes one)",
        )  # fmt: skip
    if keys and len(keys[0]) < 32:
        return warning("secrets", "the newest secret key is shorter than 32 characters", "put a longer one before it")
    return ok("secrets", "no key is weak") if keys else error("secrets", "there is no secret key", "set one")


def _is_weak(key: str) -> bool:
    folded = key.lower()
    words = ("changeme", "change-me", "secret", "password", "example", "1234567890", "qwerty")
    return len(key) < 16 or len(set(key)) < 8 or any(word in folded for word in words)


def _public_url(settings: Settings) -> Check:
    parts = urlsplit(settings.public_url)
    if is_local(parts.hostname or ""):
        return warning(
            "public address", f"{settings.public_url} is reached from this machine alone",
            "set NEWSLETTER_PUBLIC_URL to where readers reach the service, before the first issue is sent",
        )  # fmt: skip
    if parts.scheme != "https":
        return error(
            "public address", f"{settings.public_url} is not https",
            "serve it over https; one-click unsubscribing (RFC 8058) needs it",
        )  # fmt: skip
    if parts.path:
        return warning(
            "public address", f"{settings.public_url} has a path, and our pages lead to the host's root",
            "give the service a host name of its own, such as news.example.com",
        )  # fmt: skip
    return ok("public address", settings.public_url)


_WIDEST = {4: 8, 6: 7}  # 10.0.0.0/8 and fc00::/7: no private network is wider, and no provider's of proxies


def _proxies(settings: Settings) -> list[Check]:
    """We speak no TLS: an https address is that of a web server in front, without whose word we see but one client."""
    if wide := [str(one) for one in settings.trusted_proxies if one.prefixlen < _WIDEST[one.version]]:
        what = f"{', '.join(wide)} is trusted, so whoever writes X-Forwarded-For is another client each time"
        return [warning("proxies", what, "name the address of the web server in front, or its network")]
    if urlsplit(settings.public_url).scheme != "https" or settings.trusted_proxies:
        return []
    what = "none is trusted, so all readers count as one client, and share its limits of sign-ups and votes"
    return [warning("proxies", what, "set NEWSLETTER_TRUSTED_PROXIES to where the web server with TLS reaches us from")]


def _returned_mail(settings: Settings) -> Check:
    hooks = [name for name in ("ses", "sendgrid", "postmark", "mailgun") if getattr(settings, f"hook_{name}")]
    if settings.bounce_domain and settings.bounce_mailbox:
        return ok("returned mail", f"comes back to {settings.bounce_domain}")
    if hooks:
        return ok("returned mail", f"told by {', '.join(hooks)}")
    return warning(
        "returned mail", "bounces and complaints are not read",
        "set NEWSLETTER_BOUNCE_DOMAIN and NEWSLETTER_BOUNCE_MAILBOX, or the key of your provider's hook",
    )  # fmt: skip


def _rehearsal(settings: Settings) -> list[Check]:
    """Left over from a rehearsal, it lets every start of the service live that time once more."""
    if settings.now is None:
        return []
    what = f"NEWSLETTER_NOW is set, so the service begins at {settings.now:%Y-%m-%d %H:%M} UTC whenever it starts"
    return [warning("rehearsal", what, "take it out of the settings, if this is none")]


def relay_check(relay: Relay, what: str, called: str) -> Check:
    """Of a relay that answers: how safely mail goes there, and whether it may dislike what we call ourselves."""
    name = f"relay {relay.name}"
    if relay.tls == "off" and not is_local(relay.host):
        return warning(name, f"{what}; mail goes there unencrypted", "set tls=starttls or tls=implicit")
    if "." not in called and not is_local(relay.host):
        advice = "some relays refuse that; set ehlo= in NEWSLETTER_SMTP to the whole name of this machine"
        return warning(name, f"{what}; we call ourselves {called}, which is no whole name", advice)
    return ok(name, what)


def is_local(host: str) -> bool:
    """Loopback, by name or number, or every address of this machine."""
    return is_loopback(host) or host == "0.0.0.0"  # noqa: S104


def schema_check(found: str | None, needed: str) -> Check:
    if found == needed:
        return ok("database", f"schema {found}")
    if found is None:
        return error("database", "there is no newsletter database", "run `newsletter init`")
    advice = "run `newsletter init`" if found < needed else "upgrade this installation"
    return error("database", f"its schema is {found}, this version needs {needed}", advice)


def disk_check(free: int, database: int) -> Check:
    """In bytes. A sending writes a row per reader, and a backup is as large as the database."""
    shown = f"{free / MEGABYTE:,.0f} MB free"
    if free < 100 * MEGABYTE:
        return error("disk", shown, "make room; the service stops when the disk is full")
    if free < max(1000 * MEGABYTE, 2 * database):
        return warning("disk", shown, "make room for twice the database, at least 1 GB")
    return ok("disk", shown)


def clock_check(here: datetime, others: dict[str, datetime], newest: datetime | None) -> Check:
    """This machine's clock against those of others, and against the last thing that the service noted."""
    for name, theirs in others.items():
        apart = abs((theirs - here).total_seconds())
        if apart > 60:
            advice = "let the machine follow a time server (`timedatectl set-ntp true`)"
            say = error if apart > 600 else warning
            return say("clock", f"{apart:,.0f} s apart from {name}", advice)
    if newest is not None and newest - here > timedelta(minutes=10):
        last = f"{newest:%Y-%m-%d %H:%M} UTC"
        return error("clock", f"it shows a time before the last run of a job ({last})", "set it right")
    return ok("clock", f"{here:%Y-%m-%d %H:%M:%S} UTC")


def backup_check(last: datetime | None, now: datetime, *, embedded: bool) -> Check:
    if not embedded:
        return ok("backup", "PostgreSQL is backed up by its own tools; see that somebody does")
    if last is None:
        return warning("backup", "there has never been one", "run `newsletter backup FILE` every day")
    age = now - last
    if age > timedelta(days=7):
        return warning("backup", f"the last one is {age.days} days old", "see the job back_up in `newsletter status`")
    return ok("backup", f"the last one was made {last:%Y-%m-%d %H:%M} UTC")
