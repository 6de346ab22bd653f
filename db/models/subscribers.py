"""Subscribers, their consent, and who must never be mailed."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, ColumnElement, Index, text

from db import states
from db.models.base import Base, Id, checked, new_id, partial_index, ref


class Subscriber(Base, sqlite_autoincrement=True):
    """``email_hash`` is keyed and made of the address as it is compared; see subscribers/addresses.py."""

    __tablename__ = "subscribers"
    __table_args__ = (
        checked("state", states.SubscriberState),
        CheckConstraint("format IN ('html', 'text')", name="format"),
        Index("ix_subscribers_state_id", "state", "id"),
    )

    id: ColumnElement[int] = new_id()
    email: ColumnElement[str]
    email_hash: ColumnElement[bytes] = Column(unique=True)
    name: ColumnElement[str]
    state: ColumnElement[str]
    format: ColumnElement[str] = Column(server_default=text("'html'"))
    selection: ColumnElement[str] = Column(server_default=text("''"))  # as in Delivery
    paused_until: ColumnElement[datetime | None]
    soft_bounces: ColumnElement[int] = Column(server_default=text("0"))
    soft_bounced_since: ColumnElement[datetime | None]
    last_delivered_at: ColumnElement[datetime | None]  # always null; restores by versions before schema 0013 ask for it
    created_at: ColumnElement[datetime]
    state_since: ColumnElement[datetime]


class Consent(Base):
    """The evidence: when, from where, through which form, and the exact words shown."""

    __tablename__ = "consents"

    id: ColumnElement[int] = new_id()
    subscriber_id: ColumnElement[int] = ref("subscribers.id", on_delete="CASCADE")
    at: ColumnElement[datetime]
    source: ColumnElement[str]
    address: ColumnElement[str | None]  # the network address that the form was sent from
    form: ColumnElement[str | None]
    words: ColumnElement[str | None]
    asked_at: ColumnElement[datetime | None]  # when the form was sent; ``at`` is when its letter was answered
    confirmed_from: ColumnElement[str | None]  # the network address that answered the letter


class Confirmation(Base):
    """A double opt-in that waits. The token is derived from id and nonce while sending; ``token_hash`` verifies it."""

    __tablename__ = "confirmations"

    id: ColumnElement[int] = new_id()
    subscriber_id: ColumnElement[int] = ref("subscribers.id", on_delete="CASCADE")
    nonce: ColumnElement[bytes]
    token_hash: ColumnElement[bytes] = Column(index=True)
    name: ColumnElement[str]  # what the form said; applied when confirmed
    selection: ColumnElement[str]
    address: ColumnElement[str | None]
    form: ColumnElement[str]
    words: ColumnElement[str]
    created_at: ColumnElement[datetime]
    expires_at: ColumnElement[datetime]
    confirmed_at: ColumnElement[datetime | None]


class Suppression(Base):
    """Never mail this address again. An erased one is its hash alone."""

    __tablename__ = "suppressions"
    __table_args__ = (checked("reason", states.SuppressionReason),)

    id: ColumnElement[int] = new_id()
    email_hash: ColumnElement[bytes] = Column(unique=True)
    email: ColumnElement[str | None]
    reason: ColumnElement[str]
    at: ColumnElement[datetime]
    note: ColumnElement[str | None]


class SubscriberEvent(Base):
    """What happened, for counts, charts, the API and webhooks: subscribed, unsubscribed, bounced, complained, erased;
    issue_sent, which has no subscriber. ``number`` is given once the event is committed: on PostgreSQL an event with a
    smaller ``id`` may still appear, one with a smaller ``number`` never does."""

    __tablename__ = "subscriber_events"
    __table_args__ = (
        partial_index("ix_subscriber_events_unnumbered", "id", where="number IS NULL"),
        partial_index("ix_subscriber_events_number", "number", where="number IS NOT NULL", unique=True),
    )  # fmt: skip

    id: ColumnElement[int] = new_id()
    number: ColumnElement[int | None] = Column(Id)
    at: ColumnElement[datetime]
    what: ColumnElement[str]
    subscriber_id: ColumnElement[int | None] = Column(Id, index=True)
    issue_id: ColumnElement[int | None] = Column(Id, index=True)  # whose link was used
