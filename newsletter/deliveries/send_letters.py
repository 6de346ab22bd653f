"""Send letters: confirmation, sign-in, test, welcome and notice mail, within seconds of being queued.

Any process may call this at any time: a letter is claimed by a conditional update with a lease on real time, and one
whose sender died is taken over when the lease is past, with the same Message-ID. What fails for now is tried again
with growing pauses for two days.
"""

import asyncio
import hashlib
import logging
import os
import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from threading import Event

from jinja2 import TemplateError
from sqlalchemy import Connection, Engine

from db.archive import newest_issues, values_of
from db.confirmations import confirmation_by_id, keep_token_hash
from db.editors import set_sign_in_token, sign_in_nonce
from db.engine import reading, shared_now, transaction
from db.keys import newest_link_key
from db.letters import (
    DueLetter,
    claim_letters,
    finish_letter,
    give_back_letters,
    hold_letter,
    is_letter_due,
    retry_letter,
)
from db.states import LetterKind, LetterStatus, SubscriberState
from db.subscribers import subscriber_by_id
from newsletter.clock import Clock, real_now
from newsletter.deliveries import headers
from newsletter.deliveries.dkim import Signer, Unsigned, canonical_fields, sign, signed_head
from newsletter.deliveries.letters import Sender, Words, letter_bytes, words_of
from newsletter.deliveries.message import Envelope
from newsletter.deliveries.outcomes import WANTS_MORE, Reply, blame_of, is_permanent
from newsletter.deliveries.read_keys import left_out, signers_of
from newsletter.deliveries.transport import RelayError, submit
from newsletter.issues.values import load_values
from newsletter.settings import Settings, required
from newsletter.subscribers.tokens import Link, hash_token, one_time_token, sign_link
from newsletter.verdicts.stamps import stamp

log = logging.getLogger(__name__)

_BATCH = 50
_LEASE = timedelta(minutes=5)  # while it waits for its turn
_HANDING_OVER = timedelta(minutes=10)  # longer than a relay may take
_AT_ONCE = 4
_PAUSES = (1, 2, 5, 10, 20, 30)  # minutes; then every hour
_GIVE_UP_AFTER = 50  # attempts, which takes two days


@dataclass(frozen=True, slots=True)
class Ready:
    """A letter as it goes out."""

    letter: DueLetter
    message: bytes


def letters_are_due(engine: Engine) -> bool:
    """Cheap enough to ask every second."""
    with reading(engine) as connection:
        return is_letter_due(connection, real_now())


def send_letters(engine: Engine, settings: Settings, clock: Clock, stop: Event | None = None) -> int:
    """Send what is due and return how many letters a relay took. Needs a From mailbox and a secret key.

    When ``stop`` is set, what is being handed over finishes and the rest is given back.
    """
    if not letters_are_due(engine):
        return 0
    required(settings, "from_", "secret_key")
    signers = signers_of(settings)
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    stop, sent = stop or Event(), 0
    prepare = partial(_prepare, engine, owner, settings, signers, clock)
    while not stop.is_set() and (ids := _claim(engine, owner)):
        sent += asyncio.run(_send(engine, ids, prepare, owner, settings, stop))
    if stop.is_set():
        with transaction(engine) as connection:
            give_back_letters(connection, owner)
    return sent


def _claim(engine: Engine, owner: str) -> list[int]:
    with transaction(engine) as connection:
        return claim_letters(connection, owner, real_now(), shared_now(connection) + _LEASE, _BATCH)


def _prepare(
    engine: Engine, owner: str, settings: Settings, signers: Sequence[Signer], clock: Clock, letter_id: int
) -> Ready | None:
    """Write a claimed letter whose turn has come; None where it is not ours any more: a relay that is slow with those
    before may have outlasted its lease, and its reader may be erased. One that nobody needs any more ends here, and so
    does one that cannot be written: it must not hold up the others."""
    with transaction(engine) as connection:
        letter = hold_letter(connection, letter_id, owner, shared_now(connection) + _HANDING_OVER)
        if letter is None:
            return None
        try:
            message = _write(connection, letter, settings, clock)
            failure = "no longer needed"
        except (LookupError, TypeError, ValueError, TemplateError) as error:
            log.exception("a %s letter cannot be written", letter.kind)
            message, failure = None, f"cannot be written: {type(error).__name__}"
        if message is None:
            finish_letter(connection, letter_id, owner, LetterStatus.FAILED, real_now(), failure)
            return None
    return Ready(letter, _signed(message, settings, signers))


def _signed(message: bytes, settings: Settings, signers: Sequence[Signer]) -> bytes:
    head, _, body = message.partition(b"\r\n\r\n")
    fields = signed_head(canonical_fields(head.decode()), left_out(settings))
    return sign(signers, [Unsigned(fields, hashlib.sha256(body).digest())])[0] + message


def _write(connection: Connection, letter: DueLetter, settings: Settings, clock: Clock) -> bytes | None:
    words, more = _words(connection, letter, settings, clock)
    if words is None:
        return None
    _, key = newest_link_key(connection)
    return letter_bytes(words, _sender(settings), letter.email, letter.id, key, letter.created_at, more)


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
            folder = "confirm_again" if letter.data.get("again") else "confirm"
            return words_of(folder, sender, {"link": f"{base}/confirm/{token}"}) if token else None, []
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
    latest = next((load_values(values_of(connection, one.id)) for one in newest_issues(connection, 1)), None)
    values = {
        "latest": latest,
        "latest_link": f"{base}/issues/{latest.week}" if latest else None,
        "tools_link": f"{base}/tools",
        "stamp": stamp,
        "preferences_link": f"{base}/preferences/{token}",
        "unsubscribe_link": f"{base}/unsubscribe/{token}",
    }
    more = [
        headers.structured("List-Unsubscribe", f"<{base}/unsubscribe/{token}>"),
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
    ]
    return words_of("welcome", sender, values), more


async def _send(
    engine: Engine, ids: Sequence[int], prepare: Callable[[int], Ready | None], owner: str, settings: Settings,
    stop: Event,
) -> int:  # fmt: skip
    """Hand the letters over, a few at a time, and record each reply as it comes; returns how many were taken."""
    lanes = asyncio.Semaphore(min(_AT_ONCE, settings.smtp[0].connections))
    return_path = _sender(settings).return_path

    async def hand_over(letter_id: int) -> bool:
        async with lanes:
            one = None if stop.is_set() else await asyncio.to_thread(prepare, letter_id)
            if one is None:
                return False
            try:
                reply = await submit(settings.smtp, return_path, one.letter.email, one.message)
            except RelayError as error:
                log.warning("letters wait: %s", error)
                reply = Reply(0, str(error))
            await asyncio.to_thread(_record, engine, one.letter, owner, reply)
            return reply.ok

    taken = 0
    for fate in await asyncio.gather(*map(hand_over, ids), return_exceptions=True):  # what is under way finishes
        if isinstance(fate, BaseException):
            raise fate
        taken += fate
    return taken


def _record(engine: Engine, letter: DueLetter, owner: str, reply: Reply) -> None:
    """A letter whose fate is unknown is sent again with the same Message-ID."""
    now, said = real_now(), str(reply)[:500]
    with transaction(engine) as connection:
        for_good = reply.ok or is_permanent(reply, blame_of(reply))
        later = reply.code < 200 or reply.code == WANTS_MORE or not for_good
        if later and letter.attempts < _GIVE_UP_AFTER:
            pause = _PAUSES[letter.attempts - 1] if letter.attempts <= len(_PAUSES) else 60
            retry_letter(connection, letter.id, owner, now + timedelta(minutes=pause), said)
        else:
            status = LetterStatus.SENT if reply.ok else LetterStatus.FAILED
            finish_letter(connection, letter.id, owner, status, now, said)
