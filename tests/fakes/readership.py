"""Who reads and who must not be mailed, and addresses that bounced or complained, as returned mail leaves them."""

from datetime import datetime

from sqlalchemy import Engine, select

from db.engine import reading, transaction
from db.keys import address_key
from db.letters import withdraw_letters
from db.models import Subscriber, Suppression
from db.states import SubscriberState, SuppressionReason
from db.subscribers import add_event, move_subscriber, subscriber_by_hash
from db.suppressions import suppress
from newsletter.subscribers.addresses import hash_address


def stop(engine: Engine, email: str, state: SubscriberState, now: datetime) -> bool:
    """A stranger's is suppressed alone; whether it was not before."""
    with transaction(engine) as connection:
        email_hash = hash_address(email, address_key(connection))
        new = suppress(connection, email_hash, email, SuppressionReason(state), now)
        if (subscriber := subscriber_by_hash(connection, email_hash)) is not None:
            withdraw_letters(connection, subscriber.id)
            if move_subscriber(connection, subscriber.id, state, now):
                add_event(connection, state, subscriber.id, now)
    return new


def states(engine: Engine) -> dict[str, str]:
    with reading(engine) as connection:
        return {row.email: row.state for row in connection.execute(select(Subscriber.email, Subscriber.state))}


def suppressed(engine: Engine) -> dict[str | None, str]:
    """Why; None is the address of whoever was erased."""
    with reading(engine) as connection:
        return {row.email: row.reason for row in connection.execute(select(Suppression.email, Suppression.reason))}
