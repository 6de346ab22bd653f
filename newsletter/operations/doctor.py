"""Look at everything that sending depends on, and say how it stands: the settings, the machine, the relay, the DNS."""

import asyncio
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from sqlalchemy import Engine

from db import status
from db.engine import is_sqlite, make_engine, reading
from db.keys import newest_link_key
from db.migrate import current_revision, newest_revision
from db.runs import overdue_since
from newsletter.clock import real_now
from newsletter.hook_keys import key_files, topics
from newsletter.operations import checks
from newsletter.operations.ask_dns import Resolver, dns, guarded, identity, line
from newsletter.operations.backup import BACKED_UP
from newsletter.operations.checks import Check, error, ok, warning
from newsletter.setting_values import Mailbox, Relay
from newsletter.settings import FILE, Settings
from newsletter.subscribers.tokens import Link, sign_link
from newsletter.templating import markup_environment, templates_folder, text_environment

_PATIENCE = 10.0


def examine(settings: Settings, resolver: Resolver, *, now: datetime) -> Iterator[Check]:
    """Every check, as it is done. Nothing is changed, and nothing that goes wrong stops the others."""
    engine = make_engine(settings.database_url, pool_size=1)
    try:
        yield from _examine(engine, settings, resolver, now)
    finally:
        engine.dispose()


def examine_identity(engine: Engine, settings: Settings, resolver: Resolver) -> list[Check]:
    """What receivers judge the mail by: SPF, DKIM and DMARC of its From domain, and whether one-click unsubscribing
    answers. All are asked at once, since a DNS that is silent takes seconds to be given up."""
    looks = [*identity(settings, resolver), ("one-click", lambda: _service(engine, settings, {}, ready=True))]
    with ThreadPoolExecutor(len(looks)) as pool:
        found = pool.map(lambda look: guarded(*look), looks)
        return [check for checks_ in found for check in checks_]


def _examine(engine: Engine, settings: Settings, resolver: Resolver, now: datetime) -> Iterator[Check]:
    yield from checks.settings_checks(settings)
    yield from guarded("files", lambda: [_files(engine)])
    if settings.hook_ses or settings.hook_sendgrid:
        yield from guarded("hooks", lambda: [_hooks(settings)])
    schema = guarded("database", lambda: [_database(engine)])
    yield from schema
    yield from guarded("disk", lambda: [_disk(engine)])
    yield from guarded("templates", lambda: [_templates()])
    for relay in settings.smtp:
        yield from guarded(f"relay {relay.name}", lambda relay=relay: [_relay(relay)])  # type: ignore[misc]
    ready = all(check.level is checks.Level.OK for check in schema)
    clocks: dict[str, datetime] = {}
    yield from guarded("service", lambda: _service(engine, settings, clocks, ready=ready))
    yield from guarded("clock", lambda: [_clock(engine, clocks, ready=ready)])
    yield from guarded("timetable", lambda: _timetable(engine, now) if ready else [])
    yield from guarded("backup", lambda: [_backup(engine, now, ready=ready)])
    if settings.bounce_mailbox is not None:
        mailbox = settings.bounce_mailbox
        yield from guarded("bounce mailbox", lambda: [_mailbox(mailbox)])
    yield from dns(settings, resolver)


def _database(engine: Engine) -> Check:
    found = current_revision(engine)
    if found is not None:
        with reading(engine) as connection:
            if not status.takes_writes(connection):
                advice = (
                    "let NEWSLETTER_DATABASE_URL lead to a server that takes writes, or a file of this user's with room"
                )
                return error("database", "it can be read and not be written", advice)
    return checks.schema_check(found, newest_revision())


def _disk(engine: Engine) -> Check:
    database = Path(str(engine.url.database)) if is_sqlite(engine) else Path("var")
    folder = next(parent for parent in database.absolute().parents if parent.is_dir())
    size = database.stat().st_size if is_sqlite(engine) and database.is_file() else 0
    return checks.disk_check(shutil.disk_usage(folder).free, size)


def _files(engine: Engine) -> Check:
    """Addresses, passwords and keys are for whoever runs the service; a group may be let in on purpose."""
    database = [Path(str(engine.url.database))] if is_sqlite(engine) else []
    held = [path for path in (Path(FILE), *database) if path.is_file()]
    return checks.files_check([str(path) for path in held if path.stat().st_mode & 0o007])


def _hooks(settings: Settings) -> Check:
    """Whether the keys that notices are verified with are some."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    from newsletter.deliveries.bounces_signatures import public_key

    if settings.hook_sendgrid:
        key = public_key(settings.hook_sendgrid.encode())
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return error("hooks", "NEWSLETTER_HOOK_SENDGRID is no key of SendGrid's kind", "copy it from there again")
    for path in key_files(settings.hook_ses or ""):
        if not isinstance(public_key(path.read_bytes()), rsa.RSAPublicKey):
            return error("hooks", f"{path} holds no RSA key", "name Amazon's certificate, or only the topic's ARN")
        if not topics(settings.hook_ses or ""):
            advice = "put the topic's ARN before the file: Amazon signs everybody's topics with one key"
            return warning("hooks", "NEWSLETTER_HOOK_SES names no topic, so any is believed", advice)
    return ok("hooks", "their keys can be read")


def _templates() -> Check:
    """Each is read and compiled, so that a broken one is found before the weekly mail."""
    folder, number = templates_folder(), 0
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".html", ".mjml", ".txt", ".atom", ".xml") and path.is_file():
            environment = text_environment() if path.suffix == ".txt" else markup_environment()
            try:
                environment.get_template(path.relative_to(folder).as_posix())
            except Exception as found:  # whatever a template can do wrong
                return error("templates", f"{path.name}: {line(found)}", "install this version again")
            number += 1
    return ok("templates", f"{number} are whole")


def _clock(engine: Engine, others: dict[str, datetime], *, ready: bool) -> Check:
    newest = None
    if ready:
        with reading(engine) as connection:
            newest = status.newest_run_at(connection)
            if not is_sqlite(engine):
                others["the database"] = status.database_time(connection)
    return checks.clock_check(real_now(), others, newest)


def _timetable(engine: Engine, now: datetime) -> list[Check]:
    """Whether a service runs that gathers, composes and sends. Before the first one there is nothing to say."""
    with reading(engine) as connection:
        since = overdue_since(connection, now)
    if since is None:
        return []
    return [warning("timetable", f"nobody has kept it since {since:%Y-%m-%d %H:%M} UTC", "start `newsletter serve`")]


def _backup(engine: Engine, now: datetime, *, ready: bool) -> Check:
    last = None
    if ready:
        with reading(engine) as connection:
            last = status.last_audited(connection, BACKED_UP)
    return checks.backup_check(last, now, embedded=is_sqlite(engine))


def _relay(relay: Relay) -> Check:
    return asyncio.run(_speak_to(relay))


async def _speak_to(relay: Relay) -> Check:
    """Connect, TLS, AUTH, NOOP and QUIT; no mail is begun."""
    from aiosmtplib import SMTP, SMTPException

    from newsletter.deliveries.transport import tls_context

    name, began = f"relay {relay.name}", time.monotonic()
    implicit = relay.tls == "implicit"
    context = None if relay.tls == "off" else tls_context(relay)
    client = SMTP(
        hostname=relay.host, port=relay.port, local_hostname=relay.ehlo, use_tls=implicit, start_tls=False,
        tls_context=context, timeout=_PATIENCE,
    )  # fmt: skip
    try:
        await client.connect()
        if relay.tls == "starttls":
            await client.starttls()
        if relay.user is not None:
            await client.login(relay.user, relay.password or "")
        await client.noop()
        offers = [one.upper() for one in ("pipelining", "chunking", "smtputf8") if client.supports_extension(one)]
        await client.quit()
    except (SMTPException, OSError, TimeoutError) as found:
        return error(name, f"{type(found).__name__}: {line(found)}", "check NEWSLETTER_SMTP and that the relay is up")
    finally:
        client.close()
    took = (time.monotonic() - began) * 1000
    what = f"answers in {took:.0f} ms, tls {relay.tls}, offers {', '.join(offers) or 'no extras'}"
    return checks.relay_check(relay, what, client.local_hostname or "")


def _service(engine: Engine, settings: Settings, clocks: dict[str, datetime], *, ready: bool) -> list[Check]:
    """Whether the public address leads to this service, and one-click unsubscribing answers as RFC 8058 wants."""
    name = "service"
    try:
        answer = httpx.get(f"{settings.public_url}/healthz", timeout=_PATIENCE, follow_redirects=False)
    except httpx.HTTPError as found:
        local = checks.is_local(urlsplit(settings.public_url).hostname or "")
        say = warning if local else error
        return [
            say(
                name,
                f"{settings.public_url} is not reached: {line(found)}",
                "start `newsletter serve`, or check the proxy",
            )
        ]
    if answer.status_code != 200 or "status" not in answer.text:
        return [error(name, f"{settings.public_url}/healthz answers {answer.status_code}", "let the proxy lead here")]
    if "date" in answer.headers:
        clocks["the public address"] = parsedate_to_datetime(answer.headers["date"])
    return [ok(name, f"{settings.public_url} answers"), *([_one_click(engine, settings)] if ready else [])]


def _one_click(engine: Engine, settings: Settings) -> Check:
    """A POST with the genuine link of nobody: it must be accepted, and must not redirect."""
    with reading(engine) as connection:
        token = sign_link(Link(0), *newest_link_key(connection))
    answer = httpx.post(
        f"{settings.public_url}/unsubscribe/{token}", data={"List-Unsubscribe": "One-Click"}, timeout=_PATIENCE,
        follow_redirects=False,
    )  # fmt: skip
    if answer.is_success:
        return ok("one-click", "a POST without cookies is accepted and not redirected")
    advice = "let the proxy pass POST /unsubscribe/… on as it is, without a challenge, redirect or login"
    return error("one-click", f"the POST that mail clients make is answered {answer.status_code}", advice)


def _mailbox(mailbox: Mailbox) -> Check:
    if mailbox.path is not None:
        if (mailbox.path / "new").is_dir():
            if all(os.access(mailbox.path / folder, os.W_OK | os.X_OK) for folder in ("new", "cur")):
                return ok("bounce mailbox", f"{mailbox.path} is a Maildir")
            return error(
                "bounce mailbox", f"nothing in {mailbox.path} can be marked as read", "let this user write there"
            )
        return error("bounce mailbox", f"{mailbox.path} is no Maildir", "make it, or correct NEWSLETTER_BOUNCE_MAILBOX")
    import imaplib
    import ssl

    try:
        with imaplib.IMAP4_SSL(
            mailbox.host, mailbox.port, ssl_context=ssl.create_default_context(cafile=mailbox.ca), timeout=_PATIENCE
        ) as server:
            server.login(mailbox.user, mailbox.password)
            answer, _ = server.select(f'"{mailbox.folder}"', readonly=True)
    except imaplib.IMAP4.error as found:
        return error("bounce mailbox", f"{mailbox.host}: {line(found)}", "check NEWSLETTER_BOUNCE_MAILBOX")
    if answer != "OK":
        return error("bounce mailbox", f"there is no folder {mailbox.folder}", "check NEWSLETTER_BOUNCE_MAILBOX")
    return ok("bounce mailbox", f"{mailbox.folder} at {mailbox.host}")
