"""Issues: their rows, the releases and tools that stand in them, and what approvals froze."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update
from sqlalchemy.orm import aliased

from db.models import (
    Delivery,
    Feed,
    Issue,
    IssueComparison,
    IssueContent,
    IssueItem,
    IssueVerdict,
    Panelist,
    Release,
    Subscriber,
    Take,
    Tool,
)
from db.states import IssueStatus, ReleaseStatus, SubscriberState


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


class ToolRow(NamedTuple):
    id: int
    slug: str
    name: str
    tagline: str | None
    description: str | None
    url: str
    category: str
    pricing: str | None
    entry: str | None
    best_for: str | None
    vote_ships: int
    vote_skips: int


class TakeRow(NamedTuple):
    tool_id: int
    panelist: str
    call: str
    score: int | None
    text: str
    at: date | None


class ReleaseRow(NamedTuple):
    """``feed_name`` is the feed that showed it first; None once that feed is gone."""

    id: int
    tool_id: int
    url: str
    title: str
    version: str | None
    published_at: datetime | None
    first_seen_at: datetime
    late: bool
    feed_name: str | None
    match_reason: str | None


class ItemRow(NamedTuple):
    tool_id: int
    position: int | None
    dropped: bool
    note: str | None
    added_by: str | None


class PairRow(NamedTuple):
    left_tool_id: int
    right_tool_id: int
    chosen_by: str | None


class PanelistRow(NamedTuple):
    key: str
    name: str


class AnnouncedRow(NamedTuple):
    """What an earlier issue said of a tool."""

    tool_id: int
    week: str
    call: str | None
    ship_percent: int | None
    pricing: str | None
    calls: dict[str, Any]


class ContentRow(NamedTuple):
    content_hash: str
    content: dict[str, Any]
    segments: bytes
    frozen_at: datetime


class IssueMaterial(NamedTuple):
    """Everything that an issue's values are made of, read in one transaction."""

    issue: IssueRow
    items: list[ItemRow]
    pairs: list[PairRow]
    releases: list[ReleaseRow]
    tools: list[ToolRow]
    takes: list[TakeRow]
    panel: list[PanelistRow]
    announced: list[AnnouncedRow]


_ISSUE = tuple(getattr(Issue, name) for name in IssueRow._fields)
_TOOL = tuple(getattr(Tool, name) for name in ToolRow._fields)


def issue_of_week(connection: Connection, week: str) -> IssueRow | None:
    row = connection.execute(select(*_ISSUE).where(Issue.week == week)).one_or_none()
    return None if row is None else IssueRow(*row)


def list_issues(connection: Connection, before: str | None = None, limit: int = 1000) -> list[IssueRow]:
    """The newest week first; ``before`` is the last week of the page before."""
    statement = select(*_ISSUE).order_by(Issue.week.desc()).limit(limit)
    if before is not None:
        statement = statement.where(Issue.week < before)
    return [IssueRow(*row) for row in connection.execute(statement)]


def issue_material(connection: Connection, issue: IssueRow) -> IssueMaterial:
    """What the issue's values are made of, as it stands now."""
    in_releases = select(Release.tool_id).where(Release.issue_id == issue.id, Release.status == ReleaseStatus.MATCHED)
    in_items = select(IssueItem.tool_id).where(IssueItem.issue_id == issue.id, IssueItem.added_by.is_not(None))
    announced = announced_before(connection, issue.starts_at)
    before = [row.tool_id for row in announced]
    wanted = or_(Tool.id.in_(in_releases), Tool.id.in_(in_items), Tool.id.in_(before))
    return IssueMaterial(
        issue=issue,
        items=[
            ItemRow(*row)
            for row in connection.execute(
                select(*(getattr(IssueItem, name) for name in ItemRow._fields)).where(IssueItem.issue_id == issue.id)
            )
        ],
        pairs=[
            PairRow(*row)
            for row in connection.execute(
                select(*(getattr(IssueComparison, name) for name in PairRow._fields))
                .where(IssueComparison.issue_id == issue.id)
                .order_by(IssueComparison.id)
            )
        ],
        releases=_releases(connection, issue.id),
        tools=[
            ToolRow(*row) for row in connection.execute(select(*_TOOL).where(wanted, Tool.merged_into_id.is_(None)))
        ],
        takes=_takes(connection, wanted),
        panel=panel(connection),
        announced=announced,
    )


def panel(connection: Connection) -> list[PanelistRow]:
    """In the panel's order."""
    statement = select(Panelist.key, Panelist.name).order_by(Panelist.position, Panelist.key)
    return [PanelistRow(*row) for row in connection.execute(statement)]


def _releases(connection: Connection, issue_id: int) -> list[ReleaseRow]:
    columns = [getattr(Release, name) for name in ReleaseRow._fields if name not in ("feed_name", "match_reason")]
    statement = (
        select(*columns, Feed.name, Release.match_reason)
        .outerjoin(Feed, Feed.id == Release.feed_id)
        .where(Release.issue_id == issue_id, Release.status == ReleaseStatus.MATCHED, Release.tool_id.is_not(None))
        .order_by(Release.id)
    )
    return [ReleaseRow._make(row) for row in connection.execute(statement)]


def _takes(connection: Connection, wanted: ColumnElement[bool]) -> list[TakeRow]:
    statement = (
        select(*(getattr(Take, name) for name in TakeRow._fields))
        .join(Tool, Tool.id == Take.tool_id)
        .where(Take.replaced_at.is_(None), Tool.merged_into_id.is_(None), wanted)
        .order_by(Take.tool_id, Take.id)
    )
    return [TakeRow(*row) for row in connection.execute(statement)]


class NewerTakeRow(NamedTuple):
    """``was`` is the call that it replaced, None for a panelist's first take on the tool."""

    slug: str
    tool: str
    panelist: str
    call: str
    was: str | None


def takes_since(connection: Connection, issue_id: int, since: datetime) -> list[NewerTakeRow]:
    """The standing takes on this issue's tools that were recorded after an instant."""
    earlier = aliased(Take)
    replaced = and_(
        earlier.tool_id == Take.tool_id, earlier.panelist == Take.panelist, earlier.replaced_at == Take.recorded_at
    )
    statement = (
        select(Tool.slug, Tool.name, Panelist.name, Take.call, earlier.call)
        .join(IssueItem, IssueItem.tool_id == Take.tool_id)
        .join(Tool, Tool.id == Take.tool_id)
        .join(Panelist, Panelist.key == Take.panelist)
        .outerjoin(earlier, replaced)
        .where(
            IssueItem.issue_id == issue_id,
            IssueItem.dropped.is_(False),
            Take.replaced_at.is_(None),
            Take.recorded_at > since,
        )
        .order_by(Tool.name, Panelist.position, earlier.id)
    )
    return [NewerTakeRow(*row) for row in connection.execute(statement)]


def announced_before(connection: Connection, starts_at: datetime, limit: int = 5000) -> list[AnnouncedRow]:
    """What the latest earlier issue that readers got said of each tool, newest first."""
    out = (IssueStatus.SENDING, IssueStatus.PAUSED, IssueStatus.SENT)
    statement = (
        select(IssueVerdict.tool_id, Issue.week, IssueVerdict.call, IssueVerdict.ship_percent, IssueVerdict.pricing,
               IssueVerdict.calls)
        .join(Issue, Issue.id == IssueVerdict.issue_id)
        .where(Issue.starts_at < starts_at, Issue.status.in_(out))
        .order_by(Issue.starts_at.desc(), IssueVerdict.id)
        .limit(limit)
    )  # fmt: skip
    latest: dict[int, AnnouncedRow] = {}
    for row in connection.execute(statement):
        latest.setdefault(row.tool_id, AnnouncedRow(*row))
    return list(latest.values())


def content_of(connection: Connection, issue_id: int) -> ContentRow | None:
    """What the approval froze, or None for a draft."""
    columns = (IssueContent.content_hash, IssueContent.content, IssueContent.segments, IssueContent.frozen_at)
    row = connection.execute(select(*columns).where(IssueContent.issue_id == issue_id)).one_or_none()
    return None if row is None else ContentRow(*row)


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
        .values(status=IssueStatus.APPROVED, approved_at=now, approved_by=by, send_at=send_at, updated_at=now)
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
        .values(status=IssueStatus.DRAFT, approved_at=None, approved_by=None, send_at=None, updated_at=now)
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
    columns = (getattr(Delivery, name) for name in DeliveredRow._fields)
    statement = select(*columns).where(Delivery.issue_id == issue_id, Delivery.subscriber_id == subscriber_id)
    row = connection.execute(statement).one_or_none()
    return None if row is None else DeliveredRow(*row)


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
