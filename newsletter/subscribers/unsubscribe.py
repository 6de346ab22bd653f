"""Unsubscribe: at once, whatever the state, and as often as asked (RFC 8058 senders repeat themselves)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from db.engine import transaction
from db.letters import withdraw_letters
from db.states import SubscriberState
from db.subscribers import ConsentRow, add_consent, add_event, consents_of, move_subscriber, subscriber_by_id
from newsletter.subscribers.lifecycle import MAY_LEAVE


@dataclass(frozen=True, slots=True)
class UnsubscribeReport:
    """``was`` is the state before, None for nobody (an erased subscriber's old link)."""

    was: SubscriberState | None
    changed: bool


def unsubscribe(engine: Engine, subscriber_id: int, *, now: datetime, issue_id: int | None = None) -> UnsubscribeReport:
    """``issue_id`` is the issue whose link was used, if one was. Who complained stays in that state: it says more."""
    with transaction(engine) as connection:
        subscriber = subscriber_by_id(connection, subscriber_id)
        if subscriber is None:
            return UnsubscribeReport(None, False)
        changed = move_subscriber(connection, subscriber_id, SubscriberState.UNSUBSCRIBED, now, where=MAY_LEAVE)
        if changed:
            withdraw_letters(connection, subscriber_id)
            add_event(connection, "unsubscribed", subscriber_id, now, issue_id)
        return UnsubscribeReport(subscriber.state, changed)


def undo_unsubscribe(engine: Engine, subscriber_id: int, *, now: datetime) -> bool:
    """Take back an unsubscription that was a slip; the door checks that it was made a moment ago.

    Returns whether the subscription is active now; a second press of the button changes nothing.
    """
    with transaction(engine) as connection:
        allowed = (SubscriberState.UNSUBSCRIBED,)
        if move_subscriber(connection, subscriber_id, SubscriberState.ACTIVE, now, where=allowed):
            _note_undo(connection, subscriber_id, now)
            return True
        subscriber = subscriber_by_id(connection, subscriber_id)
        return subscriber is not None and subscriber.state is SubscriberState.ACTIVE


def _note_undo(connection: Connection, subscriber_id: int, now: datetime) -> None:
    """The earlier consent stands; that it was taken back and given again is part of the evidence."""
    earlier = next(iter(consents_of(connection, subscriber_id)), None)
    words = earlier.words if earlier else None
    add_consent(connection, subscriber_id, ConsentRow(now, "undo of an unsubscription", None, None, words, None, None))
    add_event(connection, "subscribed", subscriber_id, now)
