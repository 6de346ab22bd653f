"""The ledger of deliveries, letters, and what came back."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, Index, String, UniqueConstraint, text

from db import states
from db.models.base import Base, Id, checked, new_id, partial_index, ref


class Delivery(Base, sqlite_autoincrement=True):
    """One issue to one subscriber: the ledger. ``subscriber_id`` has no foreign key, since the row outlives an erasure
    (then email, name and reply are blank). Leases are on real time.

    On PostgreSQL partitioned by ``issue_id``, which is then part of the primary key: a query that names the issue looks
    at one partition.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("issue_id", "subscriber_id"),
        checked("status", states.DeliveryStatus),
        partial_index("ix_deliveries_queued", "issue_id", "id", where="status = 'queued'"),
        partial_index(
            "ix_deliveries_waiting", "issue_id", "next_attempt_at", where="status IN ('deferred', 'uncertain')"
        ),
        partial_index("ix_deliveries_leased", "issue_id", "lease_until", where="status = 'sending'"),
        partial_index("ix_deliveries_missed", "issue_id", "id", where="status IN ('failed', 'skipped')"),
        partial_index("ix_deliveries_relay_id", "relay_id", where="relay_id IS NOT NULL"),
        Index("ix_deliveries_subscriber", "subscriber_id"),
    )  # fmt: skip

    id: ColumnElement[int] = new_id()
    issue_id: ColumnElement[int] = ref("issues.id", index=False)
    subscriber_id: ColumnElement[int] = Column(Id)
    email: ColumnElement[str]
    name: ColumnElement[str]
    format: ColumnElement[str]  # html or text
    selection: ColumnElement[str]  # canonical JSON of what this reader chose, see subscribers/selections.py; '' for all
    link_key_id: ColumnElement[int] = Column(Id)
    status: ColumnElement[str]
    attempts: ColumnElement[int] = Column(server_default=text("0"))
    next_attempt_at: ColumnElement[datetime | None]
    lease_owner: ColumnElement[str | None]
    lease_until: ColumnElement[datetime | None]
    relay: ColumnElement[str | None]
    relay_id: ColumnElement[str | None]  # the relay's own id, from its reply
    code: ColumnElement[int | None]
    reply: ColumnElement[str | None]
    first_attempt_at: ColumnElement[datetime | None]
    finished_at: ColumnElement[datetime | None]


class Sender(Base):
    """A process that sends. ``lock`` names what the system drops with it: a flock file or an advisory lock's number."""

    __tablename__ = "senders"

    name: ColumnElement[str] = Column(String(80), primary_key=True)
    lock: ColumnElement[str]
    started_at: ColumnElement[datetime]
    seen_at: ColumnElement[datetime]


class RelayRate(Base):
    """When a queue that all sending processes stand in takes its next message: a relay's, or another by its name."""

    __tablename__ = "relay_rates"

    relay: ColumnElement[str] = Column(String(255), primary_key=True)
    next_at: ColumnElement[float]  # seconds since 1970, real time


class RelayLatency(Base):
    """How many messages a relay took so long to answer for; ``up_to`` is infinite beyond all bounds."""

    __tablename__ = "relay_latencies"

    relay: ColumnElement[str] = Column(String(255), primary_key=True)
    up_to: ColumnElement[float] = Column(primary_key=True)  # seconds
    messages: ColumnElement[int] = Column(BigInteger)
    seconds: ColumnElement[float]  # of all of them together


class DomainPause(Base):
    """A recipient domain that asked us to wait, and the messages a second at which it goes on afterwards. A receiver of
    several domains has a row for its rate alone."""

    __tablename__ = "domain_pauses"

    domain: ColumnElement[str] = Column(String(255), primary_key=True)
    until: ColumnElement[datetime]
    reason: ColumnElement[str]
    rate: ColumnElement[float | None]


class Letter(Base):
    """Mail to one person that is no issue, written by verbs of any room and sent within seconds.

    ``data`` holds ids, never a token: links are derived while sending. Sent and failed letters are pruned.
    """

    __tablename__ = "letters"
    __table_args__ = (
        checked("kind", states.LetterKind),
        checked("status", states.LetterStatus),
        partial_index("ix_letters_due", "not_before", where="status = 'queued'"),
        partial_index("ix_letters_leased", "lease_until", where="status = 'sending'"),
    )  # fmt: skip

    id: ColumnElement[int] = new_id()
    kind: ColumnElement[str]
    email: ColumnElement[str]
    subscriber_id: ColumnElement[int | None] = Column(Id, index=True)
    data: ColumnElement[dict[str, Any]]
    status: ColumnElement[str]
    not_before: ColumnElement[datetime]  # real time
    attempts: ColumnElement[int] = Column(server_default=text("0"))
    lease_owner: ColumnElement[str | None]
    lease_until: ColumnElement[datetime | None]
    created_at: ColumnElement[datetime]
    finished_at: ColumnElement[datetime | None]
    reply: ColumnElement[str | None]


class ReturnedMail(Base):
    """What came back. Mail that was not understood keeps its bytes for a look."""

    __tablename__ = "returned_mail"
    __table_args__ = (checked("kind", states.BounceKind), UniqueConstraint("fingerprint", "recipient"))

    id: ColumnElement[int] = new_id()
    fingerprint: ColumnElement[str]  # of the mail, so that reading it twice counts once
    recipient: ColumnElement[str]  # '' when unknown; blanked by an erasure
    at: ColumnElement[datetime]
    source: ColumnElement[str]
    kind: ColumnElement[str]
    status: ColumnElement[str | None]
    reason: ColumnElement[str | None]
    delivery_id: ColumnElement[int | None] = Column(Id, index=True)
    subscriber_id: ColumnElement[int | None] = Column(Id, index=True)
    changed: ColumnElement[bool]
    raw: ColumnElement[bytes | None]
