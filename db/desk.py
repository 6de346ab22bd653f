"""What the editors' desk shows at a glance; each query touches an index or a short table."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, exists, func, or_, select

from db.models import Feed, Issue, IssueItem, Release, Take, Tool, ToolAlias
from db.name_rules import IS_RULE
from db.rows import columns_of
from db.states import FeedStatus, IssueStatus, ReleaseStatus
from db.tools import TOOL_COLUMNS, ToolRow, search_words


class FeedTrouble(NamedTuple):
    id: int
    name: str
    url: str
    failures: int
    last_error: str | None
    last_changed_at: datetime | None


class Wanting(NamedTuple):
    """A tool of these weeks; ``takes`` counts those it has."""

    tool_id: int
    slug: str
    name: str
    tagline: str | None
    category: str
    url: str
    takes: int


def came_in(connection: Connection, weeks: Sequence[str]) -> dict[str, dict[str, int]]:
    """For each of these weeks, how many of its releases are in which status."""
    found: dict[str, dict[str, int]] = {week: {} for week in weeks}
    wanted = (
        select(Release.week, Release.status, func.count())
        .where(Release.week.in_(weeks))
        .group_by(Release.week, Release.status)
    )
    for week, status, count in connection.execute(wanted):
        found[str(week)][status] = count
    return found


def feeds_in_trouble(connection: Connection, stale_before: datetime) -> list[FeedTrouble]:
    """Active feeds that fail, and those that showed nothing new since that instant."""
    stale = and_(Feed.last_changed_at.is_not(None), Feed.last_changed_at < stale_before)
    troubled = (Feed.status == FeedStatus.ACTIVE, or_(Feed.failures > 0, stale))
    wanted = select(*columns_of(Feed, FeedTrouble)).where(*troubled)
    rows = connection.execute(wanted.order_by(Feed.failures.desc(), Feed.name).limit(50))
    return [FeedTrouble(*row) for row in rows]


def tools_wanting_takes(connection: Connection, weeks: Sequence[str], panel_size: int) -> list[Wanting]:
    """Tools announced in these weeks, or in a draft, that lack takes; those without any come first. What an editor
    added to a draft is announced there, and what one dropped from an issue is not."""
    drafts = select(Issue.id).where(Issue.status == IssueStatus.DRAFT)
    dropped = exists().where(
        IssueItem.issue_id == Release.issue_id, IssueItem.tool_id == Release.tool_id, IssueItem.dropped.is_(True)
    )
    announced = select(Release.tool_id).where(
        Release.status == ReleaseStatus.MATCHED, or_(Release.week.in_(weeks), Release.issue_id.in_(drafts)), ~dropped
    )
    by_hand = select(IssueItem.tool_id).where(
        IssueItem.issue_id.in_(drafts), IssueItem.added_by.is_not(None), IssueItem.dropped.is_(False)
    )
    takes = (
        select(func.count())
        .where(Take.tool_id == Tool.id, Take.replaced_at.is_(None))
        .correlate(Tool)
        .scalar_subquery()
    )
    wanted = (
        select(Tool.id, Tool.slug, Tool.name, Tool.tagline, Tool.category, Tool.url, takes)
        .where(or_(Tool.id.in_(announced), Tool.id.in_(by_hand)), Tool.merged_into_id.is_(None), takes < panel_size)
        .order_by(takes, Tool.name, Tool.id)
        .limit(200)
    )
    return [Wanting(*row) for row in connection.execute(wanted)]


def tool_at(connection: Connection, address_key: str) -> ToolRow | None:
    """The tool that this canonical address belongs to, if it is one tool's alone."""
    wanted = (
        select(*TOOL_COLUMNS)
        .join(ToolAlias, ToolAlias.tool_id == Tool.id)
        .where(ToolAlias.kind == "address", ToolAlias.key == address_key, Tool.merged_into_id.is_(None))
        .limit(2)
    )
    rows = connection.execute(wanted).all()
    return ToolRow(*rows[0]) if len(rows) == 1 else None


class Rule(NamedTuple):
    """A name that an editor said is always this tool's."""

    id: int
    label: str
    slug: str
    name: str


def always_rules(connection: Connection, before_id: int | None, limit: int) -> list[Rule]:
    """The newest first."""
    wanted = (
        select(ToolAlias.id, ToolAlias.label, Tool.slug, Tool.name)
        .join(Tool, Tool.id == ToolAlias.tool_id)
        .where(IS_RULE)
        .order_by(ToolAlias.id.desc())
        .limit(limit)
    )
    if before_id is not None:
        wanted = wanted.where(ToolAlias.id < before_id)
    return [Rule(*row) for row in connection.execute(wanted)]


def find_tools(connection: Connection, text: str, before_id: int | None, limit: int) -> list[ToolRow]:
    """Tools by any words of their name, aliases, tagline or category, unlisted ones too; the newest first."""
    wanted = select(*TOOL_COLUMNS).where(Tool.merged_into_id.is_(None))
    for word in search_words(text).split():
        wanted = wanted.where(Tool.search_text.contains(word, autoescape=True))
    if before_id is not None:
        wanted = wanted.where(Tool.id < before_id)
    return [ToolRow(*row) for row in connection.execute(wanted.order_by(Tool.id.desc()).limit(limit))]
