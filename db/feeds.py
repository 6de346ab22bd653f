"""Feeds and the entries they showed."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, select, update

from db.models import Entry, Feed, Release, Tool
from db.rows import columns_of, one_row
from db.states import EntryStatus
from db.tools import chunks
from db.upsert import insert_or


class FeedRow(NamedTuple):
    """One row of ``feeds`` with its tool's slug. ``state`` holds what feeds/polling.py and the fetching learned."""

    id: int
    url: str
    name: str
    kind: str
    status: str
    tool: str | None
    tool_id: int | None
    new_tools: str
    include: str | None
    exclude: str | None
    entry_limit: int | None
    prereleases: bool
    created_at: datetime
    etag: str | None
    last_modified: str | None
    content_hash: str | None
    next_check_at: datetime | None
    first_fetched_at: datetime | None
    last_checked_at: datetime | None
    last_ok_at: datetime | None
    last_changed_at: datetime | None
    failures: int
    last_error: str | None
    state: dict[str, Any]

    @property
    def place(self) -> str:
        """Where what it shows without a link lies, for want of a page of its own."""
        return str(self.state.get("site") or self.url)

    @property
    def sites(self) -> list[str]:
        """What it is the feed of: the site that it names, and the one that most of its entries lie on."""
        return [site for name in ("site", "pages") if (site := self.state.get(name))]


class KnownEntry(NamedTuple):
    """What the next fetch compares with."""

    id: int
    identity: str
    link_key: str | None
    url: str | None
    title: str
    published_at: datetime | None


class EntryRow(NamedTuple):
    id: int
    identity: str
    url: str | None
    title: str
    published_at: datetime | None
    first_seen_at: datetime
    status: str
    reason: str | None
    release_id: int | None


_COLUMNS = tuple(Tool.slug if name == "tool" else getattr(Feed, name) for name in FeedRow._fields)
_FEEDS = select(*_COLUMNS).outerjoin(Tool, Tool.id == Feed.tool_id)


def _row(*found: Any) -> FeedRow:
    row = FeedRow(*found)
    return row._replace(state=row.state or {})


def all_feeds(connection: Connection) -> list[FeedRow]:
    """In the order in which they were added."""
    return [_row(*row) for row in connection.execute(_FEEDS.order_by(Feed.id))]


def feed_by_id(connection: Connection, feed_id: int) -> FeedRow | None:
    return one_row(connection, _FEEDS.where(Feed.id == feed_id), _row)


def is_there(connection: Connection, feed_id: int) -> bool:
    """Whether a feed has not been removed; holds it until the transaction ends."""
    wanted = select(Feed.id).where(Feed.id == feed_id).with_for_update(key_share=True)
    return connection.execute(wanted).first() is not None


def feeds_named(connection: Connection, name: str) -> list[FeedRow]:
    """Those with this address, else those with this name in any case, else those whose address this was once."""
    feeds, key = all_feeds(connection), name.casefold()  # SQLite lowers ASCII alone
    found = [feed for feed in feeds if feed.url == name] or [feed for feed in feeds if feed.name.casefold() == key]
    return found or [feed for feed in feeds if name in feed.state.get("was", ())]


def add_feed(connection: Connection, **values: Any) -> int | None:
    """Insert a feed (columns of the table) and return its id; None where the address is watched already."""
    statement = insert_or(connection, Feed).values(**values).on_conflict_do_nothing(index_elements=["url"])
    found: int | None = connection.scalar(statement.returning(Feed.id))
    return found


def update_feed(connection: Connection, feed_id: int, **values: Any) -> None:
    connection.execute(update(Feed).where(Feed.id == feed_id).values(**values))


def url_is_taken(connection: Connection, url: str, but_not_by: int) -> bool:
    return connection.scalar(select(Feed.id).where(Feed.url == url, Feed.id != but_not_by)) is not None


def remove_feed(connection: Connection, feed_id: int) -> None:
    """The feed and its entries go; what it announced stays, with the next feed that showed it where there is one."""
    other = select(Entry.feed_id).where(Entry.release_id == Release.id, Entry.feed_id != feed_id)
    heir = other.order_by(Entry.id).limit(1).scalar_subquery()
    connection.execute(update(Release).where(Release.feed_id == feed_id).values(feed_id=heir))
    connection.execute(delete(Feed).where(Feed.id == feed_id))


def known_entries(
    connection: Connection, feed_id: int, identities: Collection[str], link_keys: Collection[str]
) -> list[KnownEntry]:
    """Entries of this feed with one of these identities or canonical addresses."""
    found: dict[int, KnownEntry] = {}
    for column, wanted in ((Entry.identity, identities), (Entry.link_key, link_keys)):
        found.update((row.id, row) for row in _known(connection, feed_id, column, wanted))
    return list(found.values())


def entries_titled(connection: Connection, feed_id: int, titles: Collection[str]) -> list[KnownEntry]:
    """Entries of this feed with one of these titles. No index has them: ask for few."""
    return list(_known(connection, feed_id, Entry.title, titles))


def _known(connection: Connection, feed_id: int, column: Any, wanted: Collection[str]) -> Iterator[KnownEntry]:
    for chunk in chunks(wanted):
        some = select(*columns_of(Entry, KnownEntry)).where(Entry.feed_id == feed_id, column.in_(chunk))
        yield from (KnownEntry(*row) for row in connection.execute(some))


def add_entries(connection: Connection, feed_id: int, rows: Sequence[Mapping[str, Any]], now: datetime) -> int:
    """Insert entries as ``new`` and return how many there were; one that another process was faster with is left."""
    before = _count(connection, feed_id)
    common = {"feed_id": feed_id, "first_seen_at": now, "status": EntryStatus.NEW}
    if rows:
        statement = insert_or(connection, Entry).on_conflict_do_nothing(index_elements=["feed_id", "identity"])
        connection.execute(statement, [{**common, **row} for row in rows])
    return _count(connection, feed_id) - before


def _count(connection: Connection, feed_id: int) -> int:
    return connection.scalar(select(func.count()).select_from(Entry).where(Entry.feed_id == feed_id)) or 0


def entries_of(connection: Connection, feed_id: int, limit: int) -> list[EntryRow]:
    """The newest entries, those seen last first."""
    wanted = select(*columns_of(Entry, EntryRow)).where(Entry.feed_id == feed_id).order_by(Entry.id.desc()).limit(limit)
    return [EntryRow(*row) for row in connection.execute(wanted)]


def entry_counts(connection: Connection, feed_id: int) -> dict[str, int]:
    """How many entries are in each status."""
    wanted = select(Entry.status, func.count()).where(Entry.feed_id == feed_id).group_by(Entry.status)
    return {row.status: row[1] for row in connection.execute(wanted)}
