"""What the house itself keeps: keys, runs, limits, the audit log."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db import states
from db.models.base import Base, checked, new_id


class Key(Base):
    """Secrets that live as long as the database: link keys (any of them verifies, the newest signs) and the one that
    addresses are hashed with. ``id`` of a link key stands in every link, so at most 255 of them."""

    __tablename__ = "keys"
    __table_args__ = (CheckConstraint("purpose IN ('links', 'addresses')", name="purpose"),)

    id: Mapped[int] = new_id()
    purpose: Mapped[str]
    secret: Mapped[bytes]
    created_at: Mapped[datetime]


class JobRun(Base):
    """One run of a job of the timetable; the constraint makes it one, whoever asks first."""

    __tablename__ = "job_runs"
    __table_args__ = (UniqueConstraint("job", "scheduled_for"), checked("status", states.RunStatus))

    id: Mapped[int] = new_id()
    job: Mapped[str]
    scheduled_for: Mapped[datetime]
    status: Mapped[str]
    attempts: Mapped[int] = mapped_column(server_default=text("1"))
    owner: Mapped[str]
    lease_until: Mapped[datetime]  # real time
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    retry_at: Mapped[datetime | None]  # real time; only on failed runs that will be tried again
    error: Mapped[str | None]
    result: Mapped[dict[str, Any] | None]


class JobPlan(Base):
    """What a scheduler last read off its timetable, for `newsletter status` and the editors' room."""

    __tablename__ = "job_plans"

    job: Mapped[str] = mapped_column(String(40), primary_key=True)
    rule: Mapped[str]  # in words: "0 6 * * mon Europe/Berlin"
    next_at: Mapped[datetime | None]
    seen_at: Mapped[datetime]  # real time: when a scheduler last looked


class Hit(Base):
    """Counts for limits that hold across processes: ``bucket`` is a keyed hash, never an address in clear."""

    __tablename__ = "hits"
    __table_args__ = (UniqueConstraint("bucket", "window_start"),)

    id: Mapped[int] = new_id()
    bucket: Mapped[str]
    window_start: Mapped[datetime] = mapped_column(index=True)
    count: Mapped[int]


class AuditEntry(Base):
    """Who did what when in the editors' room and on the command line."""

    __tablename__ = "audit"

    id: Mapped[int] = new_id()
    at: Mapped[datetime]
    who: Mapped[str]
    what: Mapped[str]
    subject: Mapped[str | None]
    detail: Mapped[dict[str, Any] | None]
