"""Turn new entries into releases: skip what announces nothing, name the rest, find its week, its twin and its tool.

Entries wait as ``new`` rows, so a crash costs nothing: a batch is settled in one transaction, and what was not settled
is found again.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine

from db import feeds as feed_rows
from db import releases as rows
from db.engine import transaction
from db.feeds import FeedRow
from db.releases import NewEntry, Twin
from db.states import EntryStatus, ReleaseStatus
from db.tools import add_tool, tools_by_id
from newsletter.clock import Clock
from newsletter.feeds.addresses import canonical_url
from newsletter.releases.matching import Catalogue, Match, as_rows, build_catalogue, is_known, match_release
from newsletter.releases.naming import Naming, fold_name, slug_of
from newsletter.releases.reading import Announced, FeedRules, Shown, Skipped, read_entry
from newsletter.settings import Settings

BATCH = 500
SAME_VERSION_WITHIN = timedelta(days=60)
UNSORTED = "Uncategorized"


@dataclass
class CollectReport:
    """Counts of this run; ``new_releases`` are those that an issue can carry, ``backfilled`` those that none will."""

    new_releases: int = 0
    backfilled: int = 0
    skipped: int = 0
    repeated: int = 0
    new_tools: int = 0
    by_feed: Counter[int] = field(default_factory=Counter)


def collect_releases(engine: Engine, settings: Settings, clock: Clock) -> CollectReport:
    """Settle every entry that is new. Two processes may call this at the same time."""
    report = CollectReport()
    collector: _Collector | None = None
    while True:
        with transaction(engine) as connection:
            rows.hold_collecting(connection)
            entries = rows.new_entries(connection, BATCH)
            if not entries:
                return report
            if collector is None or collector.is_outdated(connection):
                collector = _Collector(connection, settings, clock.now(), report)
            collector.settle(connection, entries)


class _Collector:
    """What a run knows: the feeds, the catalogue, and the weeks that have an issue."""

    def __init__(self, connection: Connection, settings: Settings, now: datetime, report: CollectReport) -> None:
        self._settings, self._now, self._report = settings, now, report
        self._feeds = {feed.id: feed for feed in feed_rows.all_feeds(connection)}
        self._composed = rows.composed_weeks(connection)
        self._catalogue = load_catalogue(connection)
        self._stamp = rows.catalogue_stamp(connection)
        tools = tools_by_id(connection, {feed.tool_id for feed in self._feeds.values() if feed.tool_id})
        self._tool_names = {tool_id: tool.name for tool_id, tool in tools.items()}

    def is_outdated(self, connection: Connection) -> bool:
        """Did somebody else change what was read at the start?"""
        return (
            rows.catalogue_stamp(connection) != self._stamp
            or rows.composed_weeks(connection) != self._composed
            or len(feed_rows.all_feeds(connection)) != len(self._feeds)
        )

    def settle(self, connection: Connection, entries: Sequence[NewEntry]) -> None:
        twins: dict[str, list[Twin]] = {}
        for twin in rows.twins_by_url(connection, {entry.link_key for entry in entries if entry.link_key}):
            twins.setdefault(twin.canonical_url, []).append(twin)
        for entry in entries:
            self._settle_one(connection, entry, entry.link_key or "", twins)
        self._stamp = rows.catalogue_stamp(connection)

    def _settle_one(self, connection: Connection, entry: NewEntry, key: str, twins: dict[str, list[Twin]]) -> None:
        feed = self._feeds[entry.feed_id]
        shown = Shown(entry.title, entry.summary, entry.url, entry.published_at, entry.first_seen_at, entry.backlog)
        found = read_entry(shown, self._rules(feed), composed=self._composed, zone=self._settings.timezone)
        if isinstance(found, Skipped):
            return self._skip(connection, entry, found.reason)
        match = self._match(found.naming, entry, feed)
        twin = _twin(entry, found.naming, twins.get(key, ())) or self._same_version(connection, found, match, entry)
        if twin is not None:
            rows.settle_entry(connection, entry.id, EntryStatus.RELEASE, "another feed showed it first", twin.id)
            self._report.repeated += 1
            return None
        week = found.placement.week
        limit = feed.entry_limit
        if week and limit is not None and rows.count_of_week(connection, feed.id, str(week)) >= limit:
            return self._skip(connection, entry, f"the feed's limit of {limit} a week is reached")
        release_id = self._add(connection, entry, feed, key, found, match)
        if key:
            added = Twin(
                release_id, feed.id, match.tool_id, key, found.naming.name, found.naming.version,
                entry.published_at, entry.first_seen_at, "",
            )  # fmt: skip
            twins.setdefault(key, []).append(added)
        return None

    def _rules(self, feed: FeedRow) -> FeedRules:
        tool = self._tool_names.get(feed.tool_id) if feed.tool_id else None
        return FeedRules(feed.kind, tool, feed.include, feed.exclude, feed.prereleases)

    def _match(self, naming: Naming, entry: NewEntry, feed: FeedRow) -> Match:
        if feed.tool_id is not None:
            return Match(feed.tool_id, 1.0, "the feed is about this tool")
        host = (urlsplit(feed.url).hostname or "").removeprefix("www.")
        return match_release(naming, entry.url, self._catalogue, feed_host=host)

    def _same_version(self, connection: Connection, found: Announced, match: Match, entry: NewEntry) -> Twin | None:
        """The same version of the same tool, seen in another feed a short while ago."""
        if match.tool_id is None or found.naming.version is None:
            return None
        for twin in rows.twins_by_version(connection, match.tool_id, found.naming.version):
            if twin.feed_id != entry.feed_id and entry.first_seen_at - twin.first_seen_at <= SAME_VERSION_WITHIN:
                return twin
        return None

    def _skip(self, connection: Connection, entry: NewEntry, reason: str) -> None:
        rows.settle_entry(connection, entry.id, EntryStatus.SKIPPED, reason)
        self._report.skipped += 1

    def _add(
        self, connection: Connection, entry: NewEntry, feed: FeedRow, key: str, found: Announced, match: Match
    ) -> int:
        naming, week = found.naming, found.placement.week
        if week and feed.new_tools == "accept" and not is_known(match):
            match = self._accept(connection, entry, feed, naming)
        url = entry.url or feed.state.get("site") or feed.url
        status = ReleaseStatus.BACKFILLED if week is None else _status(match)
        release_id = rows.add_release(
            connection, feed_id=feed.id, tool_id=match.tool_id, url=url, canonical_url=key or canonical_url(url),
            title=entry.title or naming.name, name=naming.name, tagline=naming.tagline or entry.summary,
            version=naming.version, summary=entry.summary, published_at=entry.published_at,
            first_seen_at=entry.first_seen_at, week=str(week) if week else None, late=found.placement.late,
            status=status, matched_at=self._now if match.tool_id else None, match_score=match.score,
            match_reason=match.reason, candidates=as_rows(match.candidates) or None,
        )  # fmt: skip
        settled = EntryStatus.RELEASE if week else EntryStatus.BACKFILLED
        rows.settle_entry(connection, entry.id, settled, None if week else "first seen too late to be news", release_id)
        if week:
            self._report.new_releases += 1
            self._report.by_feed[feed.id] += 1
        else:
            self._report.backfilled += 1
        return release_id

    def _accept(self, connection: Connection, entry: NewEntry, feed: FeedRow, naming: Naming) -> Match:
        """The launch of an unknown tool on a feed that accepts them: it becomes a tool, unlisted for now."""
        url = entry.url or feed.state.get("site") or feed.url
        slug = free_slug(connection, naming.name)
        name_key = fold_name(naming.name)
        tool_id = add_tool(
            connection, slug=slug, name=naming.name, name_key=name_key, url=url, address_key=canonical_url(url),
            category=UNSORTED, listed=False, now=self._now, tagline=naming.tagline or entry.summary,
        )  # fmt: skip
        self._catalogue.add_tool(tool_id, slug, name_key)
        self._catalogue.add_address(tool_id, canonical_url(url))
        self._report.new_tools += 1
        return Match(tool_id, 1.0, "its launch made it a tool")


def load_catalogue(connection: Connection) -> Catalogue:
    tools = ((tool.id, tool.slug, tool.name_key) for tool in rows.nameplates(connection))
    return build_catalogue(tools, rows.alias_keys(connection))


def free_slug(connection: Connection, name: str) -> str:
    """A slug made of the name; with a number where another tool has it."""
    slug = slug_of(name)
    taken = rows.slugs_like(connection, slug)
    number = 2
    free = slug
    while free in taken:
        free = f"{slug}-{number}"
        number += 1
    return free


def _status(match: Match) -> ReleaseStatus:
    return ReleaseStatus.UNMATCHED if match.tool_id is None else ReleaseStatus.MATCHED


def _twin(entry: NewEntry, naming: Naming, earlier: Iterable[Twin]) -> Twin | None:
    """A release with this address that another feed showed, unless one of them has a version that the other has not.

    What one feed shows as two entries is two. What was back-filled without a date says nothing about a dated entry.
    """
    for twin in earlier:
        undated_backlog = twin.status == ReleaseStatus.BACKFILLED and twin.published_at is None
        if twin.feed_id == entry.feed_id or (undated_backlog and entry.published_at is not None):
            continue
        if naming.version is None or naming.version == twin.version:
            return twin
    return None
