"""Send letters: confirmation, sign-in, test, welcome and notice mail, within seconds of being queued.

Any process may call this at any time: a letter is claimed by a conditional update with a lease on real time, and one
whose sender died is taken over when the lease is past, with the same Message-ID. What fails for now is tried again
with growing pauses for two days.
"""

import asyncio
import logging
import os
import secrets
import socket
import ssl
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address

import aiosmtplib
from sqlalchemy import Connection, Engine

from db.confirmations import confirmation_by_id, keep_token_hash
from db.editors import set_sign_in_token, sign_in_nonce
from db.engine import reading, transaction
from db.keys import newest_link_key
from db.letters import DueLetter, claim_letters, claimed_letter, finish_letter, is_letter_due, retry_letter
from db.readership import latest_issue
from db.states import LetterKind, LetterStatus, SubscriberState
from db.subscribers import subscriber_by_id
from newsletter.clock import Clock, real_now
from newsletter.deliveries import headers
from newsletter.deliveries.letters import Sender, Words, letter_bytes, words_of
from newsletter.deliveries.message import Envelope
from newsletter.setting_values import Relay
from newsletter.settings import Settings, required
from newsletter.subscribers.tokens import Link, hash_token, one_time_token, sign_link

log = logging.getLogger(__name__)

_BATCH = 50
_LEASE = timedelta(minutes=5)
_TIMEOUT = 30.0
_PAUSES = (1, 2, 5, 10, 20, 30)  # minutes; then every hour
_GIVE_UP_AFTER = 50  # attempts, which takes two days


@dataclass(frozen=True, slots=True)
class Ready:
    """A letter as it goes out."""

    letter: DueLetter
    message: bytes


@dataclass(frozen=True, slots=True)
class Result:
    """What the relay said. ``again``: it may take the letter later."""

    sent: bool
    again: bool
    reply: str


def letters_are_due(engine: Engine) -> bool:
    """Cheap enough to ask every second."""
    with reading(engine) as connection:
        return is_letter_due(connection, real_now())


def send_letters(engine: Engine, settings: Settings, clock: Clock) -> int:
    """Send what is due and return how many letters a relay took. Needs a From mailbox and a secret key."""
    if not letters_are_due(engine):
        return 0
    required(settings, "from_", "secret_key")
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    sent = 0
    while ids := _claim(engine, owner):
        ready = [one for letter_id in ids if (one := _prepare(engine, letter_id, owner, settings, clock))]
        sent += asyncio.run(_send(engine, ready, owner, settings))
    return sent


def _claim(engine: Engine, owner: str) -> list[int]:
    now = real_now()
    with transaction(engine) as connection:
        return claim_letters(connection, owner, now, now + _LEASE, _BATCH)


def _prepare(engine: Engine, letter_id: int, owner: str, settings: Settings, clock: Clock) -> Ready | None:
    """Render a claimed letter; one that nobody needs any more ends here."""
    with transaction(engine) as connection:
        letter = claimed_letter(connection, letter_id, owner)
        if letter is None:
            return None
        words, more = _words(connection, letter, settings, clock)
        if words is None:
            finish_letter(connection, letter_id, owner, LetterStatus.FAILED, real_now(), "no longer needed")
            return None
        _, key = newest_link_key(connection)
    message = letter_bytes(words, _sender(settings), letter.email, letter.id, key, letter.created_at, more)
    return Ready(letter, message)


def _sender(settings: Settings) -> Sender:
    envelope = Envelope.of(settings, 0, "")
    return_path = f"letters@{envelope.bounce_domain}" if envelope.bounce_domain else envelope.from_address
    return Sender(envelope.from_name, envelope.from_address, return_path, envelope.title, envelope.postal_address)


def _words(
    connection: Connection, letter: DueLetter, settings: Settings, clock: Clock
) -> tuple[Words | None, list[bytes]]:
    """The letter's content and further header fields; None when its reason is gone."""
    sender, base = _sender(settings), settings.public_url
    match LetterKind(letter.kind):
        case LetterKind.CONFIRM:
            token = _confirmation_token(connection, int(letter.data["confirmation"]), settings, clock)
            return words_of("confirm", sender, {"link": f"{base}/confirm/{token}"}) if token else None, []
        case LetterKind.SIGN_IN:
            token = _sign_in_token(connection, int(letter.data["sign_in_id"]), settings)
            return words_of("sign_in", sender, {"link": f"{base}/editor/sign-in/{token}"}) if token else None, []
        case LetterKind.WELCOME:
            return _welcome(connection, letter, sender, base)
        case LetterKind.NOTICE:
            values = {
                "notice_subject": letter.data["subject"],
                "paragraphs": letter.data["paragraphs"],
                "link": base + letter.data["link"] if letter.data.get("link") else None,
            }
            return words_of("notice", sender, values), []
        case LetterKind.TEST:
            return Words(letter.data["subject"], letter.data["text"], letter.data["html"]), []


def _confirmation_token(connection: Connection, confirmation_id: int, settings: Settings, clock: Clock) -> str | None:
    row = confirmation_by_id(connection, confirmation_id)
    if row is None or row.confirmed_at is not None or row.expires_at < clock.now():
        return None
    assert settings.secret_key
    token = one_time_token("confirm", row.id, row.nonce, settings.secret_key)
    keep_token_hash(connection, row.id, hash_token(token))  # the newest key may be newer than the sign-up
    return token


def _sign_in_token(connection: Connection, sign_in_id: int, settings: Settings) -> str | None:
    nonce = sign_in_nonce(connection, sign_in_id)
    if nonce is None:
        return None
    assert settings.secret_key
    token = one_time_token("sign_in", sign_in_id, nonce, settings.secret_key)
    set_sign_in_token(connection, sign_in_id, hash_token(token))
    return token


def _welcome(connection: Connection, letter: DueLetter, sender: Sender, base: str) -> tuple[Words | None, list[bytes]]:
    subscriber = subscriber_by_id(connection, letter.subscriber_id or 0)
    if subscriber is None or subscriber.state is not SubscriberState.ACTIVE:
        return None, []
    token = sign_link(Link(subscriber.id), *newest_link_key(connection))
    latest = latest_issue(connection)
    values = {
        "latest_link": f"{base}/issues/{latest.week}" if latest else None,
        "preferences_link": f"{base}/preferences/{token}",
        "unsubscribe_link": f"{base}/unsubscribe/{token}",
    }
    more = [
        headers.structured("List-Unsubscribe", f"<{base}/unsubscribe/{token}>"),
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
    ]
    return words_of("welcome", sender, values), more


async def _send(engine: Engine, ready: list[Ready], owner: str, settings: Settings) -> int:
    """Hand the letters to a relay, one after the other, and record each reply as it comes."""
    if not ready:
        return 0
    smtp, refused = await _connect(settings.smtp)
    return_path, sent = _sender(settings).return_path, 0
    for one in ready:
        result = await _hand_over(smtp, return_path, one) if smtp else Result(False, True, refused)
        if smtp is not None and not smtp.is_connected:
            smtp, refused = await _connect(settings.smtp)
        await asyncio.to_thread(_record, engine, one.letter, owner, result)
        sent += result.sent
    if smtp is not None:
        await _quit(smtp)
    return sent


async def _connect(relays: tuple[Relay, ...]) -> tuple[aiosmtplib.SMTP | None, str]:
    """A session with the first relay that answers, or None and why the last one did not."""
    reason = "no relay"
    for relay in relays:
        if relay.user and relay.tls == "off" and not _is_loopback(relay.host):
            reason = f"{relay.name}: a password is never sent in clear text; use tls=starttls"
            continue
        context = None if relay.tls == "off" else _tls(relay)
        smtp = aiosmtplib.SMTP(
            hostname=relay.host, port=relay.port, username=relay.user, password=relay.password, timeout=_TIMEOUT,
            use_tls=relay.tls == "implicit", start_tls=relay.tls == "starttls", tls_context=context,
        )  # fmt: skip
        try:
            await smtp.connect()
            await _greet(smtp)
            return smtp, ""
        except (aiosmtplib.SMTPException, OSError) as error:
            reason = f"{relay.name}: {_one_line(error)}"
            log.warning("letters wait: %s", reason)
    return None, reason


async def _greet(smtp: aiosmtplib.SMTP) -> None:
    """EHLO, so that the extensions are known; HELO for relays that know nothing better (RFC 5321, 3.2)."""
    try:
        await smtp.ehlo()
    except aiosmtplib.SMTPHeloError:
        await smtp.helo()


def _tls(relay: Relay) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=relay.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _hand_over(smtp: aiosmtplib.SMTP, return_path: str, ready: Ready) -> Result:
    """One SMTP transaction. A connection lost after the final dot is tried again with the same Message-ID."""
    options = []
    if not ready.letter.email.isascii():
        if not smtp.supports_extension("smtputf8"):
            return Result(False, False, "unsupported: this relay takes no addresses beyond ASCII (SMTPUTF8)")
        options.append("SMTPUTF8")
    try:
        await smtp.mail(return_path, options=options, encoding="utf-8" if options else "ascii")
        await smtp.rcpt(ready.letter.email, encoding="utf-8" if options else "ascii")
        response = await smtp.data(ready.message)
        return Result(True, False, f"{response.code} {_one_line(response.message)}")
    except aiosmtplib.SMTPResponseException as error:
        await _reset(smtp)
        return Result(False, error.code < 500 or error.code == 521, f"{error.code} {_one_line(error.message)}")
    except (aiosmtplib.SMTPException, OSError) as error:
        smtp.close()
        return Result(False, True, _one_line(error))


def _record(engine: Engine, letter: DueLetter, owner: str, result: Result) -> None:
    now = real_now()
    with transaction(engine) as connection:
        if result.again and letter.attempts < _GIVE_UP_AFTER:
            pause = _PAUSES[letter.attempts - 1] if letter.attempts <= len(_PAUSES) else 60
            retry_letter(connection, letter.id, owner, now + timedelta(minutes=pause), result.reply)
        else:
            status = LetterStatus.SENT if result.sent else LetterStatus.FAILED
            finish_letter(connection, letter.id, owner, status, now, result.reply)


async def _reset(smtp: aiosmtplib.SMTP) -> None:
    try:
        await smtp.rset()
    except (aiosmtplib.SMTPException, OSError):
        smtp.close()


async def _quit(smtp: aiosmtplib.SMTP) -> None:
    try:
        await smtp.quit()
    except (aiosmtplib.SMTPException, OSError):
        smtp.close()


def _one_line(reason: object) -> str:
    return " ".join(str(reason).split())[:500] or type(reason).__name__
