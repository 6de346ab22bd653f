"""What an issue is composed of, as it stands now: its items, releases, tools, takes, and what was said before.

Its rows hold what composing looks at and no more: whether an issue has to be composed again is seen from them.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select

from db.issues import IssueRow
from db.models import Feed, Issue, IssueComparison, IssueItem, IssueVerdict, Panelist, Release, Take, Tool, aliased
from db.rows import columns_of
from db.states import IssueStatus, ReleaseStatus
from db.tools import chunks


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


class IssueMaterial(NamedTuple):
    """Everything that an issue's values are made of, read in one transaction. Of the tools that it does not carry those
    alone of which an earlier issue said something else than is so now."""

    issue: IssueRow
    items: list[ItemRow]
    pairs: list[PairRow]
    releases: list[ReleaseRow]
    tools: list[ToolRow]
    takes: list[TakeRow]
    panel: list[PanelistRow]
    announced: list[AnnouncedRow]


_TOOL = columns_of(Tool, ToolRow)
_SAID = (IssueVerdict.tool_id, IssueVerdict.call, IssueVerdict.ship_percent, IssueVerdict.pricing, IssueVerdict.calls)
_ISSUES_AT_ONCE = 50
_VERDICTS_LOOKED_AT = 5000


def issue_material(connection: Connection, issue: IssueRow) -> IssueMaterial:
    """What the issue's values are made of, as it stands now."""
    in_releases = select(Release.tool_id).where(Release.issue_id == issue.id, Release.status == ReleaseStatus.MATCHED)
    in_items = select(IssueItem.tool_id).where(IssueItem.issue_id == issue.id, IssueItem.added_by.is_not(None))
    announced = announced_before(connection, issue.starts_at)
    wanted = or_(Tool.id.in_(in_releases), Tool.id.in_(in_items), Tool.id.in_(_said_otherwise(connection, announced)))
    return IssueMaterial(
        issue=issue,
        items=[
            ItemRow(*row)
            for row in connection.execute(select(*columns_of(IssueItem, ItemRow)).where(IssueItem.issue_id == issue.id))
        ],
        pairs=[
            PairRow(*row)
            for row in connection.execute(
                select(*columns_of(IssueComparison, PairRow))
                .where(IssueComparison.issue_id == issue.id)
                .order_by(IssueComparison.id)
            )
        ],
        releases=_releases(connection, issue.id),
        tools=[
            ToolRow(*row) for row in connection.execute(select(*_TOOL).where(wanted, Tool.merged_into_id.is_(None)))
        ],
        takes=_takes(connection, wanted),
        panel=_panel(connection),
        announced=announced,
    )


def _said_otherwise(connection: Connection, announced: Sequence[AnnouncedRow]) -> list[int]:
    """The tools whose calls or pricing are others than were announced. After some years nearly the whole catalogue has
    been in an issue: to make values of all that takes a second, at every word that an editor types."""
    prices: dict[int, str] = {}
    calls: dict[int, dict[str, str]] = defaultdict(dict)
    for some in chunks(row.tool_id for row in announced):
        for tool_id, pricing in connection.execute(select(Tool.id, Tool.pricing).where(Tool.id.in_(some))):
            prices[tool_id] = (pricing or "").strip()
        standing = select(Take.tool_id, Take.panelist, Take.call).where(Take.replaced_at.is_(None))
        for tool_id, panelist, call in connection.execute(standing.where(Take.tool_id.in_(some))):
            calls[tool_id][panelist] = call
    return [
        row.tool_id for row in announced
        if calls[row.tool_id] != row.calls or prices.get(row.tool_id) != (row.pricing or "")
    ]  # fmt: skip


def _panel(connection: Connection) -> list[PanelistRow]:
    """In the panel's order."""
    statement = select(*columns_of(Panelist, PanelistRow)).order_by(Panelist.position, Panelist.key)
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
        select(*columns_of(Take, TakeRow))
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


def carried() -> ColumnElement[bool]:
    """Of the rows of items: those of tools that a release of their issue is matched with or that an editor added."""
    released = exists().where(
        Release.issue_id == IssueItem.issue_id, Release.tool_id == IssueItem.tool_id,
        Release.status == ReleaseStatus.MATCHED,
    )  # fmt: skip
    return or_(IssueItem.added_by.is_not(None), released)


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
            carried(),
            Take.replaced_at.is_(None),
            Take.recorded_at > since,
        )
        .order_by(Tool.name, Panelist.position, earlier.id)
    )
    return [NewerTakeRow(*row) for row in connection.execute(statement)]


def announced_before(
    connection: Connection, starts_at: datetime, among: Collection[int] | None = None
) -> list[AnnouncedRow]:
    """What the latest earlier issue that readers got said of each tool (or each ``among`` them), newest first, as far
    as the last few thousand verdicts reach."""
    out = (IssueStatus.SENDING, IssueStatus.PAUSED, IssueStatus.SENT)
    earlier = select(Issue.id, Issue.week).where(Issue.starts_at < starts_at, Issue.status.in_(out))
    weeks = {row.id: row.week for row in connection.execute(earlier.order_by(Issue.starts_at.desc()))}
    latest: dict[int, AnnouncedRow] = {}
    left = _VERDICTS_LOOKED_AT
    for some in chunks(weeks, _ISSUES_AT_ONCE):
        if left <= 0:
            break
        found = select(IssueVerdict.issue_id, *_SAID).where(IssueVerdict.issue_id.in_(some)).order_by(IssueVerdict.id)
        if among is not None:
            found = found.where(IssueVerdict.tool_id.in_(among))
        by_issue = defaultdict(list)
        for row in connection.execute(found):
            by_issue[row.issue_id].append(row)
        for issue_id in some:
            for row in by_issue[issue_id][: max(left, 0)]:
                said = (row.call, row.ship_percent, row.pricing, row.calls)
                latest.setdefault(row.tool_id, AnnouncedRow(row.tool_id, weeks[issue_id], *said))
            left -= len(by_issue[issue_id])
    return list(latest.values())
