"""Turn new entries into releases: skip what announces nothing, name the rest, find its week, its twin and its tool.

Entries wait as ``new`` rows, so a crash costs nothing: a batch is settled in one transaction, and what was not settled
is found again.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from db import feeds as feed_rows
from db import releases as rows
from db.engine import reading, transaction
from db.feeds import FeedRow
from db.releases import NewEntry, Twin
from db.states import EntryStatus, ReleaseStatus
from db.tools import add_tool, free_slug, tools_by_id
from newsletter.clock import Clock
from newsletter.feeds.addresses import canonical_url
from newsletter.releases.catalogue import catalogue_of
from newsletter.releases.homes import home_in_address
from newsletter.releases.matching import Match, as_rows, is_known, match_release
from newsletter.releases.naming import Naming, fold_name, is_name, slug_of
from newsletter.releases.reading import FeedRules, Shown, Skipped, read_entry, said_in
from newsletter.releases.versions import is_version
from newsletter.releases.weeks import Placement
from newsletter.settings import Settings

BATCH = 500
SAME_VERSION_WITHIN = timedelta(days=60)
SAME_LAUNCH_WITHIN = timedelta(days=14)
UNSORTED = "Uncategorized"


@dataclass
class CollectReport:
    """Counts of this run; ``new_releases`` are those that an issue can carry, ``backfilled`` those that none will."""

    new_releases: int = 0
    backfilled: int = 0
    skipped: int = 0
    repeated: int = 0
    new_tools: int = 0


def collect_releases(engine: Engine, settings: Settings, clock: Clock) -> CollectReport:
    """Settle every entry that is new. Two processes may call this at the same time."""
    report = CollectReport()
    with reading(engine) as connection:  # a large catalogue takes a while, in which others may write
        if not rows.new_entries(connection, 1):
            return report
        knowledge = _Knowledge(connection)
    while True:
        with transaction(engine) as connection:
            rows.hold_collecting(connection)
            entries = rows.new_entries(connection, BATCH)
            if not entries:
                return report
            if knowledge.is_outdated(connection):
                knowledge = _Knowledge(connection)
            batch = _Batch(connection, knowledge, settings, clock.now(), report)
            batch.settle(entries)
            batch.write()
            knowledge.stamp = rows.catalogue_stamp(connection)


class _Knowledge:
    """What a run reads once: the feeds, the catalogue, and the weeks that have an issue."""

    def __init__(self, connection: Connection) -> None:
        self.stamp = rows.catalogue_stamp(connection)
        self.composed = rows.composed_weeks(connection)
        self.feeds = {feed.id: feed for feed in feed_rows.all_feeds(connection)}
        self.catalogue = catalogue_of(rows.nameplates(connection), rows.alias_keys(connection))
        tools = tools_by_id(connection, {feed.tool_id for feed in self.feeds.values() if feed.tool_id})
        self._tool_names = {tool_id: tool.name for tool_id, tool in tools.items()}

    def is_outdated(self, connection: Connection) -> bool:
        """Did somebody else change what was read?"""
        return (
            rows.catalogue_stamp(connection) != self.stamp
            or rows.composed_weeks(connection) != self.composed
            or {feed.id for feed in feed_rows.all_feeds(connection)} != self.feeds.keys()
        )

    def rules(self, feed: FeedRow) -> FeedRules:
        tool = self._tool_names.get(feed.tool_id) if feed.tool_id else None
        return FeedRules(feed.kind, tool, feed.include, feed.exclude, feed.prereleases, feed.name)

    def match(self, naming: Naming, url: str | None, feed: FeedRow) -> Match:
        if feed.tool_id is not None:
            return Match(feed.tool_id, 1.0, "the feed is about this tool")
        return match_release(naming, url, self.catalogue, feed=feed.url, sites=feed.sites)


@dataclass
class _Batch:
    """Decides entry by entry and writes all of it at once: 10,000 entries in 3 s instead of 11."""

    connection: Connection
    knowledge: _Knowledge
    settings: Settings
    now: datetime
    report: CollectReport
    releases: list[dict[str, Any]] = field(default_factory=list)
    # (entry, status, reason, the id of a release or, when negative, -1 - its place in `releases`)
    outcomes: list[tuple[int, EntryStatus, str | None, int | None]] = field(default_factory=list)
    twins: dict[str, list[Twin]] = field(default_factory=lambda: defaultdict(list))
    versions: dict[tuple[int, str], list[Twin]] = field(default_factory=dict)
    counts: dict[tuple[int, str], int] = field(default_factory=dict)

    def settle(self, entries: Sequence[NewEntry]) -> None:
        for twin in rows.twins_by_url(self.connection, {entry.link_key for entry in entries if entry.link_key}):
            self.twins[twin.canonical_url].append(twin)
        for entry in entries:
            self._settle_one(entry, self.knowledge.feeds[entry.feed_id])

    def write(self) -> None:
        ids = rows.add_releases(self.connection, self.releases)
        settled = [
            {"id": entry, "status": status, "reason": reason,
             "release_id": ids[-1 - release] if release is not None and release < 0 else release}
            for entry, status, reason, release in self.outcomes
        ]  # fmt: skip
        rows.settle_entries(self.connection, settled)

    def _settle_one(self, entry: NewEntry, feed: FeedRow) -> None:
        shown = Shown(entry.title, entry.summary, entry.url, entry.published_at, entry.first_seen_at, entry.backlog)
        zone, composed = self.settings.timezone, self.knowledge.composed
        found = read_entry(shown, self.knowledge.rules(feed), composed=composed, zone=zone)
        if isinstance(found, Skipped):
            return self._skip(entry, found.reason)
        naming = replace(found.naming, tagline=found.naming.tagline or said_in(entry.summary))
        match = self.knowledge.match(naming, entry.url, feed)
        twin = _twin(entry, naming, self.twins.get(entry.link_key or "", ())) or self._same_version(
            entry, naming, match
        )
        if twin is not None:
            waits = twin.tool_id is None and twin.status in ("", ReleaseStatus.UNMATCHED)
            if waits and found.placement.week and self._accepts(feed, naming, match):
                self._attach(twin, self._accept(naming, entry, feed))
            self.report.repeated += 1
            self.outcomes.append((entry.id, EntryStatus.RELEASE, "another feed showed it first", twin.id))
            return None
        week = str(found.placement.week) if found.placement.week else None
        if week and feed.entry_limit is not None and self._count(feed.id, week) >= feed.entry_limit:
            return self._skip(entry, f"the feed's limit of {feed.entry_limit} a week is reached")
        self._add(entry, feed, naming, found.placement, match)
        return None

    def _skip(self, entry: NewEntry, reason: str) -> None:
        self.report.skipped += 1
        self.outcomes.append((entry.id, EntryStatus.SKIPPED, reason, None))

    def _add(self, entry: NewEntry, feed: FeedRow, naming: Naming, placement: Placement, match: Match) -> None:
        week = str(placement.week) if placement.week else None
        url = entry.url or feed.place
        if week and self._accepts(feed, naming, match):
            match = self._accept(naming, entry, feed)
        key = entry.link_key or canonical_url(url)
        status = ReleaseStatus.MATCHED if match.tool_id is not None else ReleaseStatus.UNMATCHED
        place = -1 - len(self.releases)
        self.releases.append({
            "feed_id": feed.id, "tool_id": match.tool_id, "url": url, "canonical_url": key,
            "title": entry.title or naming.name, "name": naming.name, "tagline": naming.tagline,
            "version": naming.version, "summary": entry.summary, "published_at": entry.published_at,
            "first_seen_at": entry.first_seen_at, "week": week, "late": placement.late,
            "status": status if week else ReleaseStatus.BACKFILLED,
            "matched_at": self.now if match.tool_id is not None else None, "match_reason": match.reason,
            "candidates": as_rows(match.candidates) or None,
        })  # fmt: skip
        self._remember(entry, feed, week, key, naming, match, place)
        if week:
            self.report.new_releases += 1
            self.outcomes.append((entry.id, EntryStatus.RELEASE, None, place))
        else:
            self.report.backfilled += 1
            self.outcomes.append((entry.id, EntryStatus.BACKFILLED, "first seen too late to be news", place))

    def _remember(
        self, entry: NewEntry, feed: FeedRow, week: str | None, key: str, naming: Naming, match: Match, place: int
    ) -> None:
        """So that the next entries of this batch find it as those of the next batch will."""
        status = "" if week else ReleaseStatus.BACKFILLED
        twin = Twin(place, feed.id, match.tool_id, key, naming.version, entry.published_at, entry.first_seen_at, status)
        if entry.link_key:
            self.twins[key].append(twin)
        if match.tool_id is not None and naming.version:
            self.versions.setdefault((match.tool_id, naming.version), []).append(twin)
        if week and feed.entry_limit is not None:
            self.counts[feed.id, week] += 1

    def _count(self, feed_id: int, week: str) -> int:
        """How many releases of the week this feed has announced."""
        if (feed_id, week) not in self.counts:
            self.counts[feed_id, week] = rows.count_of_week(self.connection, feed_id, week)
        return self.counts[feed_id, week]

    def _same_version(self, entry: NewEntry, naming: Naming, match: Match) -> Twin | None:
        """The same version of the same tool, which another feed showed a short while ago."""
        if match.tool_id is None or naming.version is None:
            return None
        key = (match.tool_id, naming.version)
        if key not in self.versions:
            self.versions[key] = rows.twins_by_version(self.connection, *key)
        for twin in self.versions[key]:
            if twin.feed_id != entry.feed_id and entry.first_seen_at - twin.first_seen_at <= SAME_VERSION_WITHIN:
                return twin
        return None

    def _accepts(self, feed: FeedRow, naming: Naming, match: Match) -> bool:
        return feed.new_tools == "accept" and not is_known(match) and is_name(naming.name)

    def _attach(self, twin: Twin, match: Match) -> None:
        """A feed that accepts new tools shows what waits unmatched since a more careful one showed it."""
        values = {
            "tool_id": match.tool_id, "status": ReleaseStatus.MATCHED, "matched_at": self.now,
            "match_reason": match.reason, "candidates": None,
        }  # fmt: skip
        if twin.id < 0:
            self.releases[-1 - twin.id] |= values
        else:
            rows.update_release(self.connection, twin.id, **values)

    def _accept(self, naming: Naming, entry: NewEntry, feed: FeedRow) -> Match:
        """The launch of an unknown tool on a feed that accepts them: it becomes a tool, unlisted for now.

        It is known by its address only if that is its own: what has no link, or a shared one, lies at the feed's.
        """
        slug, name_key = free_slug(self.connection, slug_of(naming.name)), fold_name(naming.name)
        home = _home(entry, feed)
        url = home or entry.url or feed.place
        address = canonical_url(url) if home or entry.link_key else None
        tool_id = add_tool(
            self.connection, slug=slug, name=naming.name, name_key=name_key, url=url, address_key=address,
            category=UNSORTED, listed=False, now=self.now, tagline=naming.tagline,
        )  # fmt: skip
        self.knowledge.catalogue.add_tool(tool_id, slug, name_key, naming.tagline)
        if address is not None:
            self.knowledge.catalogue.add_address(tool_id, address)
        self.report.new_tools += 1
        return Match(tool_id, 1.0, "its launch made it a tool")


def _home(entry: NewEntry, feed: FeedRow) -> str | None:
    """Where the tool lives that the entry is a version of; versions to come are found below it."""
    if home := home_in_address(entry.url):
        return home
    return feed.place if is_version(entry.title) else None


def _twin(entry: NewEntry, naming: Naming, earlier: Iterable[Twin]) -> Twin | None:
    """A release with this address that another feed showed a short while ago, unless it is another version.

    Two entries of one feed are two releases. One that was back-filled without a date is no twin of a dated entry. Where
    only one of the two names a version, they are twins if both were shown at about the same time; where both name
    the same or none, if either has no date, or the dates lie close: a page announces other things later.
    """
    for twin in earlier:
        undated_backlog = twin.status == ReleaseStatus.BACKFILLED and twin.published_at is None
        if twin.feed_id == entry.feed_id or (undated_backlog and entry.published_at is not None):
            continue
        one_version = naming.version is None or twin.version is None
        if naming.version != twin.version and not one_version:
            continue
        within = SAME_LAUNCH_WITHIN if naming.version != twin.version else SAME_VERSION_WITHIN
        undated = entry.published_at is None or twin.published_at is None
        if (undated and naming.version == twin.version) or abs(_shown_at(entry) - _shown_at(twin)) <= within:
            return twin
    return None


def _shown_at(one: NewEntry | Twin) -> datetime:
    return one.published_at or one.first_seen_at
