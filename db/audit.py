"""The audit log: who did what when, in the editors' room and on the command line."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select

from db.models import AuditEntry
from db.rows import columns_of


class Audited(NamedTuple):
    id: int
    at: datetime
    who: str
    what: str
    subject: str | None
    detail: dict[str, Any] | None


def add_audit(
    connection: Connection,
    who: str,
    what: str,
    subject: str | None,
    now: datetime,
    detail: dict[str, Any] | None = None,
) -> None:
    """Write one line, within the act's own transaction. ``subject`` names it: ``issue 2026-W47``, ``tool curly``."""
    connection.execute(insert(AuditEntry).values(at=now, who=who, what=what, subject=subject, detail=detail))


def audit_log(
    connection: Connection, before_id: int | None = None, subject: str | None = None, limit: int = 50
) -> list[Audited]:
    """The newest lines first; ``before_id`` continues where the last page ended."""
    wanted = select(*columns_of(AuditEntry, Audited))
    if before_id is not None:
        wanted = wanted.where(AuditEntry.id < before_id)
    if subject is not None:
        wanted = wanted.where(AuditEntry.subject == subject)
    return [Audited(*row) for row in connection.execute(wanted.order_by(AuditEntry.id.desc()).limit(limit))]
