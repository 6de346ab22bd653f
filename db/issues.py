"""Issues: their rows, and what approvals froze."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from db.models import (
    Delivery,
    Issue,
    IssueContent,
    IssueVerdict,
    Subscriber,
)
from db.rows import columns_of, one_row
from db.states import IssueStatus, SubscriberState


class IssueRow(NamedTuple):
    """One row of ``issues``. ``subject``, ``preheader`` and ``intro`` are None where the content proposes them."""

    id: int
    week: str
    number: int
    starts_at: datetime
    ends_at: datetime
    status: str
    revision: int
    subject: str | None
    preheader: str | None
    intro: str | None
    composed_at: datetime
    updated_at: datetime
    approved_at: datetime | None
    approved_by: str | None
    send_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    pause_reason: str | None
    settings: dict[str, Any]
    composed_of: str | None = None
    trouble: str | None = None

    @property
    def skipped(self) -> bool:
        """Cancelled before anybody got it."""
        return self.status == IssueStatus.CANCELLED and self.started_at is None

    @property
    def number_said(self) -> int | None:
        """None where skipped: the number is that of the next issue."""
        return None if self.skipped else self.number


class ContentRow(NamedTuple):
    content_hash: str
    content: dict[str, Any]
    segments: bytes
    frozen_at: datetime


_ISSUE = columns_of(Issue, IssueRow)


def issue_of_week(connection: Connection, week: str, *, lock: bool = False) -> IssueRow | None:
    """``lock`` holds it until the transaction ends, for those who make something of what it is now."""
    wanted = select(*_ISSUE).where(Issue.week == week)
    return one_row(connection, wanted.with_for_update(key_share=True) if lock else wanted, IssueRow)


def list_issues(connection: Connection, before: str | None = None, limit: int = 1000) -> list[IssueRow]:
    """The newest week first; ``before`` is the last week of the page before."""
    statement = select(*_ISSUE).order_by(Issue.week.desc()).limit(limit)
    if before is not None:
        statement = statement.where(Issue.week < before)
    return [IssueRow(*row) for row in connection.execute(statement)]


def content_of(connection: Connection, issue_id: int) -> ContentRow | None:
    """What the approval froze, or None for a draft."""
    wanted = select(*columns_of(IssueContent, ContentRow)).where(IssueContent.issue_id == issue_id)
    return one_row(connection, wanted, ContentRow)


def approve(
    connection: Connection, issue_id: int, revision: int, by: str, send_at: datetime | None, now: datetime
) -> bool:
    """Draft to approved; False when the draft changed or moved on meanwhile. Also sets the time of an approved one."""
    changed = connection.execute(
        update(Issue)
        .where(
            Issue.id == issue_id,
            Issue.revision == revision,
            Issue.status.in_((IssueStatus.DRAFT, IssueStatus.APPROVED)),
        )
        .values(
            status=IssueStatus.APPROVED, approved_at=now, approved_by=by, send_at=send_at, updated_at=now, trouble=None
        )
    )
    return changed.rowcount == 1


def store_content(
    connection: Connection,
    issue_id: int,
    content_hash: str,
    content: dict[str, Any],
    segments: bytes,
    verdicts: Sequence[dict[str, Any]],
    now: datetime,
) -> None:
    """Keep what an approval froze; what an earlier approval of the same issue froze goes."""
    forget_content(connection, issue_id)
    connection.execute(
        insert(IssueContent).values(
            issue_id=issue_id, content_hash=content_hash, content=content, segments=segments, frozen_at=now
        )
    )
    if verdicts:
        connection.execute(insert(IssueVerdict), [{"issue_id": issue_id, **row} for row in verdicts])


def forget_content(connection: Connection, issue_id: int) -> None:
    """The approval is void, and with it what it froze."""
    connection.execute(delete(IssueContent).where(IssueContent.issue_id == issue_id))
    connection.execute(delete(IssueVerdict).where(IssueVerdict.issue_id == issue_id))


def void_approval(connection: Connection, issue_id: int, now: datetime) -> bool:
    """Approved to draft, because something of it was edited; True when there was an approval."""
    changed = connection.execute(
        update(Issue)
        .where(Issue.id == issue_id, Issue.status == IssueStatus.APPROVED)
        .values(
            status=IssueStatus.DRAFT, approved_at=None, approved_by=None, send_at=None, updated_at=now, trouble=None
        )
    )
    if changed.rowcount:
        forget_content(connection, issue_id)
    return changed.rowcount == 1


class DeliveredRow(NamedTuple):
    """To whom an issue went, as it was addressed; an erased reader's address is ''."""

    id: int
    subscriber_id: int
    email: str
    name: str
    format: str
    selection: str
    link_key_id: int


def delivery_to(connection: Connection, issue_id: int, subscriber_id: int) -> DeliveredRow | None:
    here = (Delivery.issue_id == issue_id, Delivery.subscriber_id == subscriber_id)
    return one_row(connection, select(*columns_of(Delivery, DeliveredRow)).where(*here), DeliveredRow)


def readership(connection: Connection, starts_at: datetime) -> tuple[int, int | None]:
    """How many are active now, and how many recipients the last earlier issue had; None where there was none."""
    active = connection.execute(
        select(func.count()).select_from(Subscriber).where(Subscriber.state == SubscriberState.ACTIVE)
    ).scalar_one()
    last = connection.scalar(
        select(Issue.id)
        .where(Issue.starts_at < starts_at, Issue.status == IssueStatus.SENT)
        .order_by(Issue.starts_at.desc())
        .limit(1)
    )
    if last is None:
        return active, None
    return active, connection.scalar(select(func.count()).where(Delivery.issue_id == last))
