"""Composing: new drafts, the releases that they take in, and the rows of their tools."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, exists, false, func, insert, or_, select, update

from db.engine import alone
from db.material import carried
from db.models import EmptyWeek, Issue, IssueItem, Release
from db.states import IssueStatus, ReleaseStatus
from db.upsert import insert_or

_SKIPPED = and_(Issue.status == IssueStatus.CANCELLED, Issue.started_at.is_(None))


def hold_composing(connection: Connection) -> None:
    """Of those who change what issues carry, one at a time until the transaction ends: they lock releases, tools and
    the issue in orders of their own. To be called first."""
    alone(connection, "composing")


def insert_issue(connection: Connection, week: str, starts_at: datetime, ends_at: datetime, now: datetime) -> int:
    """A new draft with the next number; returns its id. Nobody gets a skipped issue, and its number is free."""
    number = (connection.execute(select(func.max(Issue.number)).where(~_SKIPPED)).scalar() or 0) + 1
    statement = insert(Issue).values(
        week=week, number=number, starts_at=starts_at, ends_at=ends_at, status=IssueStatus.DRAFT,
        composed_at=now, updated_at=now, settings={},
    )  # fmt: skip
    found: int = connection.execute(statement.returning(Issue.id)).scalar_one()
    return found


def touch_issue(connection: Connection, issue_id: int, now: datetime) -> None:
    """A draft was composed again with something new: it becomes the next revision."""
    connection.execute(
        update(Issue).where(Issue.id == issue_id).values(revision=Issue.revision + 1, composed_at=now, updated_at=now)
    )


def set_composed_of(connection: Connection, issue_id: int, digest: str) -> None:
    connection.execute(update(Issue).where(Issue.id == issue_id).values(composed_of=digest))


def remember_empty(connection: Connection, week: str, now: datetime) -> None:
    """This week is over and was composed, and had nothing."""
    statement = insert_or(connection, EmptyWeek).values(week=week, composed_at=now)
    connection.execute(statement.on_conflict_do_nothing(index_elements=["week"]))


class Candidate(NamedTuple):
    """``of_it``: its date does not lie before the week."""

    id: int
    tool_id: int
    week: str
    late: bool
    of_it: bool


def candidate_releases(
    connection: Connection,
    week: str,
    starts_at: datetime,
    ends_at: datetime,
    earlier: Sequence[tuple[str, datetime]],
) -> list[Candidate]:
    """Matched releases that no issue carries yet and that this week's issue may take in.

    Those of the week itself; those of the ``earlier`` weeks (name and end) whose issue is closed, or that were put off
    already, or that were seen or matched only when their week was over and was found to have nothing; and those put off
    to a week after this one because this one's draft existed, although their date lies in this week or before it.
    """
    seen = func.coalesce(Release.published_at, Release.first_seen_at)
    closed = exists().where(Issue.week == Release.week, Issue.status != IssueStatus.DRAFT)
    had_nothing = and_(exists().where(EmptyWeek.week == Release.week), ~exists().where(Issue.week == Release.week))
    after_it = or_(
        false(),
        *(
            and_(Release.week == name, or_(Release.first_seen_at >= ended, Release.matched_at >= ended))
            for name, ended in earlier
        ),
    )
    names = [name for name, _ in earlier]
    statement = (
        select(Release.id, Release.tool_id, Release.week, Release.late, (seen >= starts_at).label("of_it"))
        .where(
            Release.status == ReleaseStatus.MATCHED,
            Release.issue_id.is_(None),
            Release.tool_id.is_not(None),
            or_(
                Release.week == week,
                and_(Release.week.in_(names), or_(Release.late, closed, and_(had_nothing, after_it))),
                and_(Release.week > week, Release.late, seen < ends_at),
            ),
        )
        .order_by(Release.id)
    )
    rows = connection.execute(statement)
    return [Candidate(row.id, row.tool_id, row.week, row.late, row.of_it) for row in rows]


def take_in(connection: Connection, issue_id: int, week: str, release_ids: Iterable[int], *, late: bool) -> None:
    """Make releases part of an issue and of its week."""
    ids = list(release_ids)
    for start in range(0, len(ids), 500):
        connection.execute(
            update(Release)
            .where(Release.id.in_(ids[start : start + 500]), Release.issue_id.is_(None))
            .values(issue_id=issue_id, week=week, late=late)
        )


def hand_on(connection: Connection, issue_id: int) -> int:
    """Free the releases of an issue for a later one, but those of tools that an editor left out; returns how many."""
    left_out = exists().where(
        IssueItem.issue_id == issue_id, IssueItem.tool_id == Release.tool_id, IssueItem.dropped.is_(True)
    )
    freed = update(Release).where(Release.issue_id == issue_id, Release.status == ReleaseStatus.MATCHED, ~left_out)
    return connection.execute(freed.values(issue_id=None)).rowcount


def close_ranks(connection: Connection, issue_id: int) -> None:
    """Drafts that follow a skipped issue move up to its number, unless one beyond a draft has a later one."""
    number = select(Issue.number).where(Issue.id == issue_id).scalar_subquery()
    said = select(Issue.id).where(Issue.number > number, Issue.status != IssueStatus.DRAFT, ~_SKIPPED)
    if connection.execute(said.limit(1)).first() is None:
        drafts = update(Issue).where(Issue.number > number, Issue.status == IssueStatus.DRAFT)
        connection.execute(drafts.values(number=Issue.number - 1))


def add_items(connection: Connection, issue_id: int, tool_ids: Collection[int], now: datetime) -> None:
    """Rows for tools that have none in this issue yet."""
    have = tools_in(connection, issue_id)
    rows = [
        {"issue_id": issue_id, "tool_id": tool_id, "added_at": now}
        for tool_id in sorted(set(tool_ids))
        if tool_id not in have
    ]
    if rows:
        connection.execute(insert(IssueItem), rows)


def tools_of_releases(connection: Connection, issue_id: int) -> set[int]:
    statement = select(Release.tool_id).where(
        Release.issue_id == issue_id, Release.status == ReleaseStatus.MATCHED, Release.tool_id.is_not(None)
    )
    return {tool_id for tool_id in connection.scalars(statement) if tool_id is not None}


def tools_in(connection: Connection, issue_id: int) -> set[int]:
    """The tools that have a row in this issue: dropped ones too, and those that no release of it is matched with any
    more, whose place and note wait for them to come back."""
    return set(connection.scalars(select(IssueItem.tool_id).where(IssueItem.issue_id == issue_id)))


def count_carried(connection: Connection, issue_id: int) -> int:
    """Those that a release of this issue is matched with or that an editor added, dropped ones included."""
    wanted = select(func.count()).where(IssueItem.issue_id == issue_id, carried())
    return connection.execute(wanted).scalar_one()
