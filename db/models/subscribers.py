"""Subscribers, their consent, and who must never be mailed."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from db import states
from db.models.base import Base, Id, checked, new_id, partial_index, ref


class Subscriber(Base):
    """``email_hash`` is keyed and made of the address as it is compared; see subscribers/addresses.py."""

    __tablename__ = "subscribers"
    __table_args__ = (
        checked("state", states.SubscriberState),
        CheckConstraint("format IN ('html', 'text')", name="format"),
        Index("ix_subscribers_state_id", "state", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = new_id()
    email: Mapped[str]
    email_hash: Mapped[bytes] = mapped_column(unique=True)
    name: Mapped[str]
    state: Mapped[str]
    format: Mapped[str] = mapped_column(server_default=text("'html'"))
    selection: Mapped[str] = mapped_column(server_default=text("''"))  # as in Delivery
    paused_until: Mapped[datetime | None]
    soft_bounces: Mapped[int] = mapped_column(server_default=text("0"))
    soft_bounced_since: Mapped[datetime | None]
    last_delivered_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    state_since: Mapped[datetime]


class Consent(Base):
    """The evidence: when, from where, through which form, and the exact words shown."""

    __tablename__ = "consents"

    id: Mapped[int] = new_id()
    subscriber_id: Mapped[int] = ref("subscribers.id", on_delete="CASCADE")
    at: Mapped[datetime]
    source: Mapped[str]
    address: Mapped[str | None]  # the network address that the form was sent from
    form: Mapped[str | None]
    words: Mapped[str | None]
    asked_at: Mapped[datetime | None]  # when the form was sent; ``at`` is when its letter was answered
    confirmed_from: Mapped[str | None]  # the network address that answered the letter


class Confirmation(Base):
    """A double opt-in that waits. The token is derived from id and nonce while sending; ``token_hash`` verifies it."""

    __tablename__ = "confirmations"

    id: Mapped[int] = new_id()
    subscriber_id: Mapped[int] = ref("subscribers.id", on_delete="CASCADE")
    nonce: Mapped[bytes]
    token_hash: Mapped[bytes] = mapped_column(index=True)
    name: Mapped[str]  # what the form said; applied when confirmed
    selection: Mapped[str]
    address: Mapped[str | None]
    form: Mapped[str]
    words: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]


class Suppression(Base):
    """Never mail this address again. An erased one is its hash alone."""

    __tablename__ = "suppressions"
    __table_args__ = (checked("reason", states.SuppressionReason),)

    id: Mapped[int] = new_id()
    email_hash: Mapped[bytes] = mapped_column(unique=True)
    email: Mapped[str | None]
    reason: Mapped[str]
    at: Mapped[datetime]
    note: Mapped[str | None]


class SubscriberEvent(Base):
    """What happened, for counts, charts, the API and webhooks: subscribed, unsubscribed, bounced, complained, erased;
    issue_sent, which has no subscriber. ``number`` is given once the event is committed: on PostgreSQL an event with a
    smaller ``id`` may still appear, one with a smaller ``number`` never does."""

    __tablename__ = "subscriber_events"
    __table_args__ = (
        partial_index("ix_subscriber_events_unnumbered", "id", where="number IS NULL"),
        partial_index("ix_subscriber_events_number", "number", where="number IS NOT NULL", unique=True),
    )  # fmt: skip

    id: Mapped[int] = new_id()
    number: Mapped[int | None] = mapped_column(Id)
    at: Mapped[datetime]
    what: Mapped[str]
    subscriber_id: Mapped[int | None] = mapped_column(Id, index=True)
    issue_id: Mapped[int | None] = mapped_column(Id, index=True)  # whose link was used
