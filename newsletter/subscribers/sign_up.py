"""Sign up: somebody typed an address into a form; its mailbox is asked whether that was its owner.

Whoever asks learns nothing: a new, a pending, an active and a suppressed address do the same work and get the same
answer. What differs is whether a letter is queued, and only the mailbox sees that.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from db.confirmations import add_confirmation, confirmations_since, keep_token_hash
from db.engine import alone, transaction
from db.keys import address_key
from db.letters import add_letter
from db.limits import hit
from db.states import LetterKind, SubscriberState
from db.subscribers import SubscriberRow, add_subscriber, subscriber_by_hash
from db.suppressions import suppression_of
from newsletter.settings import Settings, required
from newsletter.subscribers import haste
from newsletter.subscribers.addresses import hash_address
from newsletter.subscribers.lifecycle import CONFIRMATION_VALID, UNANSWERED_WITHIN, Asked, may_ask, may_opt_in
from newsletter.subscribers.selections import Selection
from newsletter.subscribers.tokens import hash_token, one_time_token

_HOUR = timedelta(hours=1)
_LOOPBACK_PER_HOUR = 100


@dataclass(frozen=True, slots=True)
class SignUp:
    """What a form said. ``email`` is as `parse_address` returns it; ``form`` and ``words`` are what its sender saw.

    ``household`` and ``network`` are the client's address and the network around it, None for an operator's own hand;
    ``address`` is kept as evidence.
    """

    email: str
    name: str = ""
    categories: tuple[str, ...] = ()
    form: str = "landing"
    words: str = ""
    address: str | None = None
    household: str | None = None
    network: str | None = None
    loopback: bool = False
    hasty: bool = False


@dataclass(frozen=True, slots=True)
class SignUpReport:
    """For operators and tests; a page never shows it. ``not_before`` is when the letter may leave, if there is one."""

    letter_queued: bool
    state: SubscriberState
    not_before: datetime | None = None


def sign_up(
    engine: Engine, request: SignUp, *, now: datetime, real_now: datetime, settings: Settings, nonce: bytes,
    chance: float,
) -> SignUpReport:  # fmt: skip
    """Record the request and queue its confirmation letter, where one may be sent.

    ``nonce`` is 32 random bytes, ``chance`` a random number from 0 to 1. Limits run on ``real_now``.
    """
    required(settings, "secret_key")
    with transaction(engine) as connection:
        crowded = _is_crowded(connection, request, settings, real_now)
        known, allowed = _standing(connection, request.email, now)
        subscriber_id = known.id if known else _add(connection, request.email, now) if allowed else None
        if allowed and subscriber_id is None:  # an import, or another sign-up, has just brought them in
            known, allowed = _standing(connection, request.email, now)
            subscriber_id = known.id if known else None
        if not allowed or subscriber_id is None:
            return SignUpReport(False, known.state if known else SubscriberState.PENDING)
        confirmation = _ask(connection, subscriber_id, request, now, nonce, settings)
        not_before = real_now + haste.delay(request.hasty or crowded, chance)
        data = {"confirmation": confirmation}
        add_letter(connection, LetterKind.CONFIRM, request.email, data, not_before, now, subscriber_id)
        return SignUpReport(True, known.state if known else SubscriberState.PENDING, not_before)


def _standing(connection: Connection, email: str, now: datetime) -> tuple[SubscriberRow | None, bool]:
    """Who that is, and whether its mailbox may be asked now: by one at a time."""
    email_hash = hash_address(email, address_key(connection))
    alone(connection, f"asking {email_hash.hex()}")
    known = subscriber_by_hash(connection, email_hash)
    suppression = suppression_of(connection, email_hash)
    since = now - UNANSWERED_WITHIN
    asked = [
        Asked(row.created_at, row.confirmed_at is not None)
        for row in (confirmations_since(connection, known.id, since) if known else [])
    ]
    open_door = may_opt_in(known.state if known else None, suppression.reason if suppression else None)
    return known, open_door and may_ask(asked, now)


def _add(connection: Connection, email: str, now: datetime) -> int | None:
    return add_subscriber(connection, email, hash_address(email, address_key(connection)), SubscriberState.PENDING, now)


def _ask(
    connection: Connection, subscriber_id: int, request: SignUp, now: datetime, nonce: bytes, settings: Settings
) -> int:
    confirmation = add_confirmation(
        connection, subscriber_id=subscriber_id, nonce=nonce, name=request.name,
        selection=Selection(categories=request.categories).key(), address=request.address, form=request.form,
        words=request.words, created_at=now, expires_at=now + CONFIRMATION_VALID,
    )  # fmt: skip
    assert settings.secret_key is not None
    token = one_time_token("confirm", confirmation, nonce, settings.secret_key)
    keep_token_hash(connection, confirmation, hash_token(token))
    return confirmation


def _is_crowded(connection: Connection, request: SignUp, settings: Settings, real_now: datetime) -> bool:
    """Counts this sign-up against the client, its network and everybody; whether any of them is over its limit.

    Behind a proxy that nobody declared, all readers come from loopback: it has a limit of its own.
    """
    if request.household is None or request.network is None:
        return False
    per_address, per_network = settings.sign_ups_per_address, settings.sign_ups_per_network
    if request.loopback:
        per_address, per_network = max(per_address, _LOOPBACK_PER_HOUR), max(per_network, _LOOPBACK_PER_HOUR)
    counts = (
        hit(connection, "sign_up", f"client {request.household}", _HOUR, real_now) > per_address,
        hit(connection, "sign_up", f"network {request.network}", _HOUR, real_now) > per_network,
        hit(connection, "sign_up", "everybody", _HOUR, real_now) > settings.sign_ups_in_all,
    )
    return any(counts)
