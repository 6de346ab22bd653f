"""The catalogue as readers see it: listed tools, found, filtered and sorted; and what a tool's page tells beside it.

Lists are keyset pages: ``after`` is the order and id of the last tool seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, or_, select, true, tuple_

from db.models import Issue, IssueItem, Release, Tool
from db.states import ReleaseStatus
from db.tools import TOOL_COLUMNS, ToolRow, search_words, tools_by_id


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reader looks for; ``call`` is ship, skip, split, none or None for any."""

    text: str = ""
    category: str | None = None
    call: str | None = None


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """``week`` is that of the issue which carried it, None while none that is public does."""

    id: int
    url: str
    title: str
    version: str | None
    at: datetime
    week: str | None


_ORDERS = {"panel": Tool.panel_order, "community": Tool.community_order, "newest": Tool.id}


def catalogue_page(
    connection: Connection, wanted: Wanted, sort: str, after: tuple[int, int] | None, limit: int
) -> list[tuple[int, ToolRow]]:
    """(order, tool) of listed tools by ``sort`` (panel, community or newest), highest first; order and id of the last
    are ``after`` of the next page. The index finds the ids, so that wide rows are read for the page alone."""
    order = _ORDERS[sort]
    found = select(Tool.id, order).where(*_conditions(wanted))
    if after is not None:
        found = found.where(tuple_(order, Tool.id) < after)
    places = {row[0]: row[1] for row in connection.execute(found.order_by(order.desc(), Tool.id.desc()).limit(limit))}
    tools = tools_by_id(connection, places)
    return [(place, tools[tool_id]) for tool_id, place in places.items()]


def count_tools(connection: Connection, wanted: Wanted) -> int:
    return connection.execute(select(func.count()).select_from(Tool).where(*_conditions(wanted))).scalar_one()


def categories(connection: Connection) -> list[tuple[str, int]]:
    """Every category of a listed tool with how many there are, by name."""
    wanted = select(Tool.category, func.count()).where(Tool.listed).group_by(Tool.category)
    return sorted(((row[0], row[1]) for row in connection.execute(wanted)), key=lambda pair: pair[0].casefold())


def neighbours(connection: Connection, tool: ToolRow, limit: int) -> list[ToolRow]:
    """Tools of its category that the panel has judged, best first: what a reader would set beside it."""
    wanted = (
        select(*TOOL_COLUMNS)
        .where(Tool.listed, Tool.category == tool.category, Tool.id != tool.id, Tool.panel_order >= 0)
        .order_by(Tool.panel_order.desc(), Tool.id.desc())
        .limit(limit)
    )
    return [ToolRow(*row) for row in connection.execute(wanted)]


def releases_of(connection: Connection, tool_id: int, limit: int) -> list[ReleaseRow]:
    """What the feeds announced of it, the newest first; with the issue that carried it, if none of its editors dropped
    the tool."""
    dropped = exists().where(
        IssueItem.issue_id == Release.issue_id, IssueItem.tool_id == Release.tool_id, IssueItem.dropped
    )
    dropped = dropped.correlate(Release)  # two levels down, where SQLAlchemy by itself would ask of all releases
    at = func.coalesce(Release.published_at, Release.first_seen_at, type_=Release.first_seen_at.type)
    carried = (Issue.id == Release.issue_id, Issue.started_at.is_not(None), ~dropped)
    week = select(Issue.week).where(*carried).scalar_subquery()
    wanted: Select[Any] = (
        select(Release.id, Release.url, Release.title, Release.version, at.label("at"), week.label("week"))
        .where(Release.tool_id == tool_id, Release.status.in_((ReleaseStatus.MATCHED, ReleaseStatus.BACKFILLED)))
        .order_by(at.desc(), Release.id.desc())
        .limit(limit)
    )
    return [ReleaseRow(*row) for row in connection.execute(wanted)]


def listed_slugs(connection: Connection, limit: int) -> list[str]:
    """The newest listed tools, for the sitemap."""
    return list(connection.scalars(select(Tool.slug).where(Tool.listed).order_by(Tool.id.desc()).limit(limit)))


def _conditions(wanted: Wanted) -> Sequence[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [Tool.listed == true()]
    if wanted.category is not None:
        found.append(Tool.category == wanted.category)
    calls = {
        "ship": Tool.ships > Tool.skips,
        "skip": Tool.ships < Tool.skips,
        "split": and_(Tool.ships == Tool.skips, Tool.ships > 0),
        "none": and_(Tool.ships == 0, Tool.skips == 0),
    }
    if wanted.call is not None:
        found.append(calls[wanted.call])
    return found + [_has(word) for word in search_words(wanted.text).split()]


def _has(word: str) -> ColumnElement[bool]:
    """Phones type a curly apostrophe; names have either."""
    spellings = dict.fromkeys((word, word.replace("’", "'"), word.replace("'", "’")))
    return or_(*(Tool.search_text.contains(one, autoescape=True) for one in spellings))
