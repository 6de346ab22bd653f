"""Releases: what entries announced, what they are matched by, and what waits for an editor."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, bindparam, case, delete, exists, func, insert, select, update

from db.engine import alone
from db.models import EmptyWeek, Entry, Feed, Issue, Release, Tool, ToolAlias
from db.name_rules import IS_RULE, end_rules
from db.rows import columns_of, one_row
from db.states import EntryStatus, ReleaseStatus
from db.tools import chunks


class NewEntry(NamedTuple):
    """An entry that the releases room has not looked at, with what its feed says about it."""

    id: int
    feed_id: int
    url: str | None
    link_key: str | None
    title: str
    summary: str | None
    published_at: datetime | None
    first_seen_at: datetime
    backlog: bool


class ReleaseRow(NamedTuple):
    """One release with the feed, tool and issue that it belongs to, by the names people use."""

    id: int
    feed: str | None
    feed_name: str | None
    feed_id: int | None
    url: str
    canonical_url: str
    title: str
    name: str
    tagline: str | None
    version: str | None
    summary: str | None
    published_at: datetime | None
    first_seen_at: datetime
    week: str | None
    late: bool
    status: str
    tool: str | None
    tool_id: int | None
    issue: str | None
    issue_id: int | None
    issue_status: str | None
    matched_at: datetime | None
    match_reason: str | None
    candidates: list[Any] | None


class Twin(NamedTuple):
    """What is compared to see that two entries announce one release."""

    id: int
    feed_id: int | None
    tool_id: int | None
    canonical_url: str
    version: str | None
    published_at: datetime | None
    first_seen_at: datetime
    status: str


class Nameplate(NamedTuple):
    """A tool as matching knows it."""

    id: int
    slug: str
    name: str
    name_key: str
    category: str
    tagline: str | None = None


_ELSEWHERE: dict[str, Any] = {
    "feed": Feed.url, "feed_name": Feed.name, "tool": Tool.slug, "issue": Issue.week, "issue_status": Issue.status,
}  # fmt: skip
_TWINS = select(*columns_of(Release, Twin)).order_by(Release.id)
_RELEASES: Any = (
    select(*(_ELSEWHERE[name] if name in _ELSEWHERE else getattr(Release, name) for name in ReleaseRow._fields))
    .outerjoin(Feed, Feed.id == Release.feed_id)
    .outerjoin(Tool, Tool.id == Release.tool_id)
    .outerjoin(Issue, Issue.id == Release.issue_id)
)


def hold_collecting(connection: Connection) -> None:
    """One collector at a time until the transaction ends."""
    alone(connection, "collecting releases")


def new_entries(connection: Connection, limit: int) -> list[NewEntry]:
    """The oldest entries that nobody has looked at."""
    wanted = select(*columns_of(Entry, NewEntry)).where(Entry.status == EntryStatus.NEW).order_by(Entry.id).limit(limit)
    return [NewEntry(*row) for row in connection.execute(wanted)]


def settle_entries(connection: Connection, outcomes: Sequence[Mapping[str, Any]]) -> None:
    """Say what became of entries: rows of id, status, reason and release_id."""
    if outcomes:
        values: Any = {name: bindparam(f"its_{name}") for name in ("status", "reason", "release_id")}
        statement = update(Entry).where(Entry.id == bindparam("its_id")).values(values)
        connection.execute(statement, [{f"its_{name}": value for name, value in row.items()} for row in outcomes])


def composed_weeks(connection: Connection) -> set[str]:
    """The weeks that have an issue, in any state, and those that were over and had nothing to make one of."""
    return {*connection.scalars(select(Issue.week)), *connection.scalars(select(EmptyWeek.week))}


def twins_by_url(connection: Connection, urls: Collection[str]) -> list[Twin]:
    found = []
    for chunk in chunks(urls):
        wanted = _TWINS.where(Release.canonical_url.in_(chunk))
        found += [Twin(*row) for row in connection.execute(wanted)]
    return found


def twins_by_version(connection: Connection, tool_id: int, version: str) -> list[Twin]:
    wanted = _TWINS.where(Release.tool_id == tool_id, Release.version == version)
    return [Twin(*row) for row in connection.execute(wanted)]


def count_of_week(connection: Connection, feed_id: int, week: str) -> int:
    """How many releases of a week this feed was the first to show."""
    wanted = select(func.count()).select_from(Release).where(Release.feed_id == feed_id, Release.week == week)
    return connection.scalar(wanted) or 0


def add_release(connection: Connection, **values: Any) -> int:
    found: int = connection.execute(insert(Release).values(**values).returning(Release.id)).scalar_one()
    return found


def add_releases(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Insert releases, all with the same columns; their ids in the order given."""
    if not rows:
        return []
    statement = insert(Release).returning(Release.id, sort_by_parameter_order=True)
    return list(connection.scalars(statement, list(rows)))


def has_page_of_its_own(connection: Connection, release: ReleaseRow) -> bool:
    """Whether its address stands for it alone: it was added by hand, or its entry has a link that no other release of
    its feed has. What has none lies, for want of a better, at the address of its feed's site."""
    if release.feed_id is None:
        return True
    shown = exists().where(Entry.release_id == release.id, Entry.link_key == release.canonical_url)
    others = exists().where(
        Release.feed_id == release.feed_id, Release.canonical_url == release.canonical_url, Release.id != release.id
    )
    return bool(connection.scalar(select(shown & ~others)))


def was_linked(connection: Connection, release: ReleaseRow) -> bool:
    """Whether its feed showed it with a link; without any it lies at the address of its feed's site."""
    shown = exists().where(Entry.release_id == release.id, Entry.feed_id == release.feed_id, Entry.url.is_not(None))
    return bool(connection.scalar(select(shown)))


def update_release(connection: Connection, release_id: int, **values: Any) -> None:
    connection.execute(update(Release).where(Release.id == release_id).values(**values))


def release_by_id(connection: Connection, release_id: int, *, lock: bool = False) -> ReleaseRow | None:
    wanted = _RELEASES.where(Release.id == release_id)
    if lock:
        wanted = wanted.with_for_update(of=Release)
    return one_row(connection, wanted, ReleaseRow)


def list_releases(
    connection: Connection, *, week: str | None = None, status: str | None = None, after_id: int = 0, limit: int = 500
) -> list[ReleaseRow]:
    """The next releases by id; ``status`` None means all of them."""
    wanted = _RELEASES.where(Release.id > after_id)
    if week is not None:
        wanted = wanted.where(Release.week == week)
    if status is not None:
        wanted = wanted.where(Release.status == status)
    return [ReleaseRow(*row) for row in connection.execute(wanted.order_by(Release.id).limit(limit))]


def count_unmatched(connection: Connection) -> int:
    """How many wait in the editors' queue."""
    wanted = select(func.count()).select_from(Release).where(Release.status == ReleaseStatus.UNMATCHED)
    return connection.scalar(wanted) or 0


def sources_of(connection: Connection, release_ids: Iterable[int]) -> dict[int, list[str]]:
    """The addresses of the feeds that showed each release, in the order in which they did."""
    found: dict[int, list[str]] = {}
    for chunk in chunks(release_ids):
        wanted = select(Entry.release_id, Feed.url).join(Feed, Feed.id == Entry.feed_id)
        for release_id, url in connection.execute(wanted.where(Entry.release_id.in_(chunk)).order_by(Entry.id)):
            shown = found.setdefault(release_id or 0, [])
            if url not in shown:
                shown.append(url)
    return found


def nameplates(connection: Connection) -> list[Nameplate]:
    """Every tool that was not merged into another."""
    wanted = select(*columns_of(Tool, Nameplate)).where(Tool.merged_into_id.is_(None)).order_by(Tool.id)
    return [Nameplate(*row) for row in connection.execute(wanted)]


def alias_keys(connection: Connection) -> list[tuple[int, str, str]]:
    """(tool, kind, key) of every alias of those tools; the tool's own address is one. Of kind name, address, or rule
    for a name that an editor said is always this tool's."""
    wanted = (
        select(ToolAlias.tool_id, case((IS_RULE, "rule"), else_=ToolAlias.kind), ToolAlias.key)
        .join(Tool, and_(Tool.id == ToolAlias.tool_id, Tool.merged_into_id.is_(None)))
        .order_by(ToolAlias.id)
    )
    return [(tool_id, kind, key) for tool_id, kind, key in connection.execute(wanted)]


def catalogue_stamp(connection: Connection) -> tuple[object, ...]:
    """Changes whenever tools or aliases were added, renamed or merged."""
    tools = connection.execute(select(func.count(Tool.id), func.max(Tool.updated_at))).one()
    aliases = connection.execute(select(func.count(ToolAlias.id), func.max(ToolAlias.id))).one()
    return (*tools, *aliases)


def forget_match(connection: Connection, tool_id: int, address_key: str, name_key: str) -> None:
    """Take back what a match taught: the address, and the name where an editor said that it always matches."""
    learned = (ToolAlias.kind == "address", ToolAlias.source == "match", ToolAlias.key == address_key)
    connection.execute(delete(ToolAlias).where(ToolAlias.tool_id == tool_id, *learned))
    end_rules(connection, ToolAlias.tool_id == tool_id, ToolAlias.key == name_key)
