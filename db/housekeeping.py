"""What may be forgotten after its time."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, exists, select

from db.models import Confirmation, Consent, Session, SignIn, Subscriber
from db.states import SubscriberState

UNANSWERED_FOR = timedelta(days=35)
"""Longer than the 30 days in which an address is asked three times at most."""


def forget_expired(connection: Connection, now: datetime) -> int:
    """Delete sessions and sign-in links that ran out, double opt-ins that nobody answered, and who never answered any.

    Answered double opt-ins stay: they are evidence.
    """
    before = now - UNANSWERED_FOR
    unanswered = (Confirmation.confirmed_at.is_(None), Confirmation.expires_at < before)
    gone = connection.execute(delete(Session).where(Session.expires_at < now)).rowcount
    gone += connection.execute(delete(SignIn).where(SignIn.expires_at < now)).rowcount
    gone += connection.execute(delete(Confirmation).where(*unanswered)).rowcount
    still_asked = exists().where(Confirmation.subscriber_id == Subscriber.id)
    consented = exists().where(Consent.subscriber_id == Subscriber.id)
    never = select(Subscriber.id).where(
        Subscriber.state == SubscriberState.PENDING, Subscriber.state_since < before, ~still_asked, ~consented
    )
    gone += connection.execute(delete(Subscriber).where(Subscriber.id.in_(never))).rowcount
    return gone
