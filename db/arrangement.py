"""What editors arranged in an issue, the edits and approvals that led there, and the check that nobody edits over
another."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, delete, exists, func, insert, or_, select, update

from db.models import Issue, IssueApproval, IssueChange, IssueComparison, IssueContent, IssueItem, Release
from db.rows import columns_of, one_row
from db.states import IssueStatus

_ITEM = (IssueItem.tool_id, IssueItem.position, IssueItem.dropped, IssueItem.note, IssueItem.added_by)
_PAIR = (IssueComparison.left_tool_id, IssueComparison.right_tool_id, IssueComparison.chosen_by)


class Change(NamedTuple):
    """One edit; ``before`` is the arrangement that it replaced."""

    id: int
    revision: int
    at: datetime
    who: str
    what: str
    before: dict[str, Any]
    undone: bool


_CHANGE = columns_of(IssueChange, Change)


def items_of(connection: Connection, issue_id: int) -> list[dict[str, Any]]:
    rows = connection.execute(select(*_ITEM).where(IssueItem.issue_id == issue_id).order_by(IssueItem.id))
    return [dict(row._mapping) for row in rows]


def added_since(connection: Connection, issue_id: int, instant: datetime) -> set[int]:
    """The tools that came into the issue after an instant, or came back into it."""
    earlier = exists().where(
        Release.issue_id == issue_id, Release.tool_id == IssueItem.tool_id,
        func.coalesce(Release.matched_at, IssueItem.added_at) <= instant,
    )  # fmt: skip
    came = or_(IssueItem.added_at > instant, and_(IssueItem.added_by.is_(None), ~earlier))
    return set(connection.scalars(select(IssueItem.tool_id).where(IssueItem.issue_id == issue_id, came)))


def pairs_of(connection: Connection, issue_id: int) -> list[dict[str, Any]]:
    rows = connection.execute(select(*_PAIR).where(IssueComparison.issue_id == issue_id).order_by(IssueComparison.id))
    return [dict(row._mapping) for row in rows]


def next_revision(connection: Connection, issue_id: int, revision: int, now: datetime) -> bool:
    """Open an edit of a draft or approved issue; False when it changed or went out meanwhile."""
    statement = (
        update(Issue)
        .where(
            Issue.id == issue_id,
            Issue.revision == revision,
            Issue.status.in_((IssueStatus.DRAFT, IssueStatus.APPROVED)),
        )
        .values(revision=revision + 1, updated_at=now)
    )
    return connection.execute(statement).rowcount == 1


def store_words(connection: Connection, issue_id: int, words: Mapping[str, Any]) -> None:
    """Set subject, preheader, intro or settings."""
    connection.execute(update(Issue).where(Issue.id == issue_id).values(**words))


def store_items(
    connection: Connection, issue_id: int, items: Sequence[Mapping[str, Any]], gone: Sequence[int], now: datetime
) -> None:
    """Write these items, new ones too, and take out those of the ``gone`` tools."""
    have = set(connection.scalars(select(IssueItem.tool_id).where(IssueItem.issue_id == issue_id)))
    for item in items:
        row = dict(item)
        if row["tool_id"] in have:
            here = (IssueItem.issue_id == issue_id, IssueItem.tool_id == row.pop("tool_id"))
            connection.execute(update(IssueItem).where(*here).values(**row))
        else:
            connection.execute(insert(IssueItem).values(issue_id=issue_id, added_at=now, **row))
    if gone:
        connection.execute(delete(IssueItem).where(IssueItem.issue_id == issue_id, IssueItem.tool_id.in_(gone)))


def store_pairs(connection: Connection, issue_id: int, pairs: Sequence[Mapping[str, Any]]) -> None:
    connection.execute(delete(IssueComparison).where(IssueComparison.issue_id == issue_id))
    if pairs:
        connection.execute(insert(IssueComparison), [{"issue_id": issue_id, **pair} for pair in pairs])


def add_change(
    connection: Connection,
    issue_id: int,
    revision: int,
    who: str,
    what: str,
    before: dict[str, Any],
    now: datetime,
    *,
    undone: bool,
) -> None:
    row = {"revision": revision, "at": now, "who": who, "what": what, "before": before, "undone": undone}
    connection.execute(insert(IssueChange).values(issue_id=issue_id, **row))


def changes_since(connection: Connection, issue_id: int, revision: int) -> list[Change]:
    """What was edited after that revision, oldest first."""
    wanted = select(*_CHANGE).where(IssueChange.issue_id == issue_id, IssueChange.revision > revision)
    return [Change(*row) for row in connection.execute(wanted.order_by(IssueChange.revision))]


def latest_changes(connection: Connection, issue_id: int) -> list[Change]:
    wanted = select(*_CHANGE).where(IssueChange.issue_id == issue_id)
    return [Change(*row) for row in connection.execute(wanted.order_by(IssueChange.revision.desc()).limit(20))]


def last_to_undo(connection: Connection, issue_id: int) -> Change | None:
    wanted = select(*_CHANGE).where(IssueChange.issue_id == issue_id, IssueChange.undone.is_(False))
    return one_row(connection, wanted.order_by(IssueChange.revision.desc()).limit(1), Change)


def mark_undone(connection: Connection, change_id: int) -> None:
    connection.execute(update(IssueChange).where(IssueChange.id == change_id).values(undone=True))


class Approval(NamedTuple):
    """``content`` is the document of the values that were approved; see issues/values.py."""

    at: datetime
    who: str
    content_hash: str
    content: dict[str, Any]


def add_approval(
    connection: Connection, issue_id: int, who: str, content_hash: str, content: dict[str, Any], now: datetime
) -> None:
    row = {"at": now, "who": who, "content_hash": content_hash, "content": content}
    connection.execute(insert(IssueApproval).values(issue_id=issue_id, **row))


def earlier_approval(connection: Connection, issue_id: int, content_hash: str | None) -> Approval | None:
    """The latest approval of an issue, leaving out the one that stands (its hash; None for a draft)."""
    wanted = select(*columns_of(IssueApproval, Approval))
    wanted = wanted.where(IssueApproval.issue_id == issue_id).order_by(IssueApproval.id.desc()).limit(1)
    if content_hash is not None:
        wanted = wanted.where(IssueApproval.content_hash != content_hash)
    return one_row(connection, wanted, Approval)


def issue_before(connection: Connection, starts_at: datetime) -> dict[str, Any] | None:
    """The document of the values of the latest earlier issue that went out."""
    out = (IssueStatus.SENDING, IssueStatus.PAUSED, IssueStatus.SENT)
    frozen = exists().where(IssueContent.issue_id == Issue.id)
    earlier = select(Issue.id).where(Issue.starts_at < starts_at, Issue.status.in_(out), frozen)
    newest = earlier.order_by(Issue.starts_at.desc()).limit(1).scalar_subquery()
    # Documents are large: sorted with their issues, all of them would be read.
    found: dict[str, Any] | None = connection.scalar(
        select(IssueContent.content["values"]).where(IssueContent.issue_id == newest)
    )
    return found
