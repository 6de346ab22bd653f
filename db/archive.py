"""Issues that readers may see: those whose sending has started, as their approval froze them."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from db.models import Issue, IssueContent, IssueItem, Release
from db.rows import one_row


class PublicIssue(NamedTuple):
    """``content_hash`` changes when what the issue says does, which it never does once it is public."""

    id: int
    week: str
    number: int
    started_at: datetime
    finished_at: datetime | None
    content_hash: str


class Head(NamedTuple):
    subject: str
    preheader: str


_PUBLIC: tuple[Any, ...] = (
    Issue.id, Issue.week, Issue.number, Issue.started_at, Issue.finished_at, IssueContent.content_hash,
)  # fmt: skip
_STARTED = Issue.started_at.is_not(None)
_PUBLIC_ISSUES = select(*_PUBLIC).join(IssueContent, IssueContent.issue_id == Issue.id).where(_STARTED)


def _said(name: str) -> Any:
    """One text of the frozen values, without reading the rest of a large document into Python."""
    return IssueContent.content["values"][name].as_string()


def public_issue(connection: Connection, week: str) -> PublicIssue | None:
    return one_row(connection, _PUBLIC_ISSUES.where(Issue.week == week), PublicIssue)


def newest_issues(connection: Connection, limit: int, before: str | None = None) -> list[PublicIssue]:
    """The newest week first; ``before`` is the last week of the page before."""
    wanted = _PUBLIC_ISSUES
    if before is not None:
        wanted = wanted.where(Issue.week < before)
    return [PublicIssue(*row) for row in connection.execute(wanted.order_by(Issue.week.desc()).limit(limit))]


def values_of(connection: Connection, issue_id: int) -> dict[str, Any]:
    """The document that issues/values.py reads back."""
    found: dict[str, Any] = connection.execute(
        select(IssueContent.content["values"]).where(IssueContent.issue_id == issue_id)
    ).scalar_one()
    return found


def heads_of(connection: Connection, issue_ids: Collection[int]) -> dict[int, Head]:
    """What approvals froze, of those of these issues that were approved. PostgreSQL goes through all of a document for
    each: 3 ms where sixty tools are in it."""
    wanted = select(IssueContent.issue_id, _said("subject"), _said("preheader"))
    rows = connection.execute(wanted.where(IssueContent.issue_id.in_(issue_ids)))
    return {row[0]: Head(row[1], row[2]) for row in rows}


def content_hashes(connection: Connection, issue_ids: Collection[int]) -> dict[int, str]:
    """Of those of these issues that were approved."""
    wanted = select(IssueContent.issue_id, IssueContent.content_hash).where(IssueContent.issue_id.in_(issue_ids))
    return {row[0]: row[1] for row in connection.execute(wanted)}


def weeks_beside(connection: Connection, week: str) -> tuple[str | None, str | None]:
    """The public weeks just before and just after this one."""
    weeks = select(Issue.week).where(_STARTED)
    earlier = connection.scalar(weeks.where(Issue.week < week).order_by(Issue.week.desc()).limit(1))
    later = connection.scalar(weeks.where(Issue.week > week).order_by(Issue.week).limit(1))
    return earlier, later


def public_weeks(connection: Connection) -> list[tuple[str, datetime]]:
    """(week, started at), oldest first, for the sitemap."""
    columns: tuple[Any, ...] = (Issue.week, Issue.started_at)
    return [(row[0], row[1]) for row in connection.execute(select(*columns).where(_STARTED).order_by(Issue.week))]


def issues_with(connection: Connection, tool_id: int, limit: int) -> list[PublicIssue]:
    """The public issues that carried a tool, the newest first."""
    items = select(IssueItem.issue_id).where(IssueItem.tool_id == tool_id)
    added = items.where(IssueItem.added_by.is_not(None))
    released = select(Release.issue_id).where(Release.tool_id == tool_id, Release.issue_id.is_not(None))
    wanted = (
        select(*_PUBLIC)
        .join(IssueContent, IssueContent.issue_id == Issue.id)
        .where(_STARTED, Issue.id.in_(added.union(released)), Issue.id.not_in(items.where(IssueItem.dropped)))
        .order_by(Issue.week.desc())
        .limit(limit)
    )
    return [PublicIssue(*row) for row in connection.execute(wanted)]
