"""The ledger of deliveries, letters, and what came back."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Double, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db import states
from db.models.base import Base, Id, checked, new_id, partial_index, ref


class Delivery(Base):
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
        partial_index("ix_deliveries_relay_id", "relay_id", where="relay_id IS NOT NULL"),
        Index("ix_deliveries_subscriber", "subscriber_id"),
        {"sqlite_autoincrement": True},
    )  # fmt: skip

    id: Mapped[int] = new_id()
    issue_id: Mapped[int] = ref("issues.id", index=False)
    subscriber_id: Mapped[int] = mapped_column(Id)
    email: Mapped[str]
    name: Mapped[str]
    format: Mapped[str]  # html or text
    selection: Mapped[str]  # canonical JSON of what this subscriber chose, see issues/selection.py; '' for everything
    link_key_id: Mapped[int] = mapped_column(Id)
    status: Mapped[str]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    next_attempt_at: Mapped[datetime | None]
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    relay: Mapped[str | None]
    relay_id: Mapped[str | None]  # the relay's own id, from its reply
    code: Mapped[int | None]
    reply: Mapped[str | None]
    first_attempt_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Sender(Base):
    """A process that sends. ``lock`` names what the system drops with it: a flock file or an advisory lock's number."""

    __tablename__ = "senders"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    lock: Mapped[str]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class RelayRate(Base):
    """When a queue that all sending processes stand in takes its next message: a relay's, or another by its name."""

    __tablename__ = "relay_rates"

    relay: Mapped[str] = mapped_column(String(255), primary_key=True)
    next_at: Mapped[float] = mapped_column(Double)  # seconds since 1970, real time


class RelayLatency(Base):
    """How many messages a relay took so long to answer for; ``up_to`` is infinite beyond all bounds."""

    __tablename__ = "relay_latencies"

    relay: Mapped[str] = mapped_column(String(255), primary_key=True)
    up_to: Mapped[float] = mapped_column(Double, primary_key=True)  # seconds
    messages: Mapped[int] = mapped_column(BigInteger)
    seconds: Mapped[float] = mapped_column(Double)  # of all of them together


class DomainPause(Base):
    """A recipient domain that asked us to wait, and the messages a second at which it goes on afterwards. A receiver of
    several domains has a row for its rate alone."""

    __tablename__ = "domain_pauses"

    domain: Mapped[str] = mapped_column(String(255), primary_key=True)
    until: Mapped[datetime]
    reason: Mapped[str]
    rate: Mapped[float | None] = mapped_column(Double)


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

    id: Mapped[int] = new_id()
    kind: Mapped[str]
    email: Mapped[str]
    subscriber_id: Mapped[int | None] = mapped_column(Id, index=True)
    data: Mapped[dict[str, Any]]
    status: Mapped[str]
    not_before: Mapped[datetime]  # real time
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    reply: Mapped[str | None]


class ReturnedMail(Base):
    """What came back. Mail that was not understood keeps its bytes for a look."""

    __tablename__ = "returned_mail"
    __table_args__ = (checked("kind", states.BounceKind), UniqueConstraint("fingerprint", "recipient"))

    id: Mapped[int] = new_id()
    fingerprint: Mapped[str]  # of the mail, so that reading it twice counts once
    recipient: Mapped[str]  # '' when unknown; blanked by an erasure
    at: Mapped[datetime]
    source: Mapped[str]
    kind: Mapped[str]
    status: Mapped[str | None]
    reason: Mapped[str | None]
    delivery_id: Mapped[int | None] = mapped_column(Id, index=True)
    subscriber_id: Mapped[int | None] = mapped_column(Id, index=True)
    changed: Mapped[bool]
    raw: Mapped[bytes | None]
