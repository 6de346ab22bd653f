"""What the house itself keeps: keys, runs, limits, the audit log."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, ColumnElement, String, UniqueConstraint, text

from db import states
from db.models.base import Base, checked, new_id


class Key(Base):
    """Secrets that live as long as the database: link keys (any of them verifies, the newest signs) and the one that
    addresses are hashed with. ``id`` of a link key stands in every link, so at most 255 of them."""

    __tablename__ = "keys"
    __table_args__ = (CheckConstraint("purpose IN ('links', 'addresses')", name="purpose"),)

    id: ColumnElement[int] = new_id()
    purpose: ColumnElement[str]
    secret: ColumnElement[bytes]
    created_at: ColumnElement[datetime]


class JobRun(Base):
    """One run of a job of the timetable; the constraint makes it one, whoever asks first."""

    __tablename__ = "job_runs"
    __table_args__ = (UniqueConstraint("job", "scheduled_for"), checked("status", states.RunStatus))

    id: ColumnElement[int] = new_id()
    job: ColumnElement[str]
    scheduled_for: ColumnElement[datetime]
    status: ColumnElement[str]
    attempts: ColumnElement[int] = Column(server_default=text("1"))
    owner: ColumnElement[str]
    lease_until: ColumnElement[datetime]  # real time
    started_at: ColumnElement[datetime]
    finished_at: ColumnElement[datetime | None]
    retry_at: ColumnElement[datetime | None]  # real time; only on failed runs that will be tried again
    error: ColumnElement[str | None]
    result: ColumnElement[dict[str, Any] | None]


class JobPlan(Base):
    """What a scheduler last read off its timetable, for `newsletter status` and the editors' room."""

    __tablename__ = "job_plans"

    job: ColumnElement[str] = Column(String(40), primary_key=True)
    rule: ColumnElement[str]  # in words: "0 6 * * mon Europe/Berlin"
    next_at: ColumnElement[datetime | None]


class Hit(Base):
    """Counts for limits that hold across processes: ``bucket`` is a keyed hash, never an address in clear."""

    __tablename__ = "hits"
    __table_args__ = (UniqueConstraint("bucket", "window_start"),)

    id: ColumnElement[int] = new_id()
    bucket: ColumnElement[str]
    window_start: ColumnElement[datetime] = Column(index=True)
    count: ColumnElement[int]


class AuditEntry(Base):
    """Who did what when in the editors' room and on the command line."""

    __tablename__ = "audit"

    id: ColumnElement[int] = new_id()
    at: ColumnElement[datetime]
    who: ColumnElement[str]
    what: ColumnElement[str]
    subject: ColumnElement[str | None]
    detail: ColumnElement[dict[str, Any] | None]
