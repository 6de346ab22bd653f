"""An operator says that an address must never be mailed, or lifts what anybody said of it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from db.engine import transaction
from db.keys import address_key
from db.letters import withdraw_letters
from db.states import SubscriberState, SuppressionReason
from db.subscribers import move_subscriber, subscriber_by_hash
from db.suppressions import lift_suppression, suppress
from newsletter.errors import NotFoundError
from newsletter.subscribers.addresses import address_named, hash_address


@dataclass(frozen=True, slots=True)
class SuppressReport:
    email: str
    changed: bool


def suppress_address(engine: Engine, email: str, *, now: datetime, note: str | None = None) -> SuppressReport:
    """Put an address on the list. A subscriber stays what they are, and gets no mail while the address is listed.
    Raises BadInputError for what cannot be an address."""
    address = address_named(email)
    with transaction(engine) as connection:
        email_hash = hash_address(address, address_key(connection))
        changed = suppress(connection, email_hash, address, SuppressionReason.MANUAL, now, note)
        subscriber = subscriber_by_hash(connection, email_hash)
        if subscriber is not None:
            withdraw_letters(connection, subscriber.id)
        return SuppressReport(address, changed)


def lift(engine: Engine, email: str, *, now: datetime) -> SuppressReport:
    """Take an address off the list. It is not subscribed by that: who bounced or complained becomes unsubscribed, and
    may sign up again. Raises NotFoundError for an address that is not listed."""
    address = address_named(email)
    with transaction(engine) as connection:
        email_hash = hash_address(address, address_key(connection))
        if not lift_suppression(connection, email_hash):
            raise NotFoundError(f"{address} is not suppressed; `newsletter suppressions list` shows who is")
        subscriber = subscriber_by_hash(connection, email_hash)
        if subscriber is not None:
            shut = (SubscriberState.BOUNCED, SubscriberState.COMPLAINED)
            move_subscriber(connection, subscriber.id, SubscriberState.UNSUBSCRIBED, now, where=shut)
        return SuppressReport(address, True)
