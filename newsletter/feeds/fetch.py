"""Fetch the feeds that are due and store what they show for the first time.

    due feeds -> download -> read in another process -> tell the new from the known -> rows in `entries`

Each feed is stored in a transaction of its own as soon as it is read, so a crash loses at most the feeds in the air,
and one feed's failure is that feed's alone. The releases room turns new entries into releases (releases/collect.py).
"""

import asyncio
import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import InterfaceError, OperationalError, StatementError

from db import feeds as rows
from db.engine import reading, transaction
from db.feeds import FeedRow
from db.states import FeedStatus
from newsletter.clock import Clock, real_now
from newsletter.errors import known
from newsletter.feeds import identity, polling
from newsletter.feeds.addresses import canonical_url
from newsletter.feeds.batches import batches
from newsletter.feeds.document import Document
from newsletter.feeds.download import Download, Downloader, DownloadError, Limits, open_downloader, user_agent
from newsletter.feeds.parse import Readers, UnreadableError
from newsletter.releases.hosts import FRONT
from newsletter.settings import Settings

AT_ONCE = 16
PER_HOST = 4


@dataclass(frozen=True, slots=True)
class FetchedFeed:
    """``status`` is ok, unchanged, error or skipped; ``entries`` counts what the document holds, ``new`` those never
    seen before. ``note`` is for people: the feed is stale, fails for long, or has moved."""

    url: str
    name: str
    status: str
    entries: int
    new: int
    error: str | None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class FetchReport:
    feeds: tuple[FetchedFeed, ...]


Progress = Callable[[FetchedFeed, int, int], None]


def fetch_feeds(
    engine: Engine,
    settings: Settings,
    clock: Clock,
    names: Sequence[str] = (),
    progress: Progress | None = None,
    limits: Limits | None = None,
    among: Collection[int] | None = None,
) -> FetchReport:
    """Fetch the feeds that are due; those named by address or name are fetched at once, paused ones too.

    ``progress`` is told (feed, how many are done, how many there are). ``among`` leaves out all but the due feeds with
    these ids. Raises NotFoundError for a name of no feed.
    """
    chosen, left = _choose(engine, names, clock.now())
    if among is not None:
        chosen, left = [feed for feed in chosen if feed.id in among], []
    done = asyncio.run(_Round(engine, settings, clock, limits, progress, len(chosen)).run(chosen))
    found = {feed.id: result for feed, result in zip(chosen, done, strict=True)}
    found |= {feed.id: _skipped(feed) for feed in left}
    return FetchReport(tuple(found[feed_id] for feed_id in sorted(found)))


def due_batches(engine: Engine, now: datetime) -> list[list[int]]:
    """The ids of the feeds that are due, in batches for several machines to fetch."""
    return batches((feed.id, feed.url) for feed in _choose(engine, (), now)[0])


def _choose(engine: Engine, names: Sequence[str], now: datetime) -> tuple[list[FeedRow], list[FeedRow]]:
    with reading(engine) as connection:
        if not names:
            feeds = rows.all_feeds(connection)
            due = [
                feed for feed in feeds if feed.status == FeedStatus.ACTIVE and polling.is_due(feed.next_check_at, now)
            ]
            return due, [feed for feed in feeds if feed not in due]
        chosen: dict[int, FeedRow] = {}
        for name in names:
            found = known(rows.feeds_named(connection, name) or None, f"feed {name!r}", "feeds")
            chosen.update((feed.id, feed) for feed in found)
    return list(chosen.values()), []


def _skipped(feed: FeedRow) -> FetchedFeed:
    why = None if feed.status == FeedStatus.ACTIVE else f"it is {feed.status}"
    return FetchedFeed(feed.url, feed.name, "skipped", feed.state.get("entries", 0), 0, None, why)


def _removed(feed: FeedRow) -> FetchedFeed:
    return FetchedFeed(feed.url, feed.name, "skipped", 0, 0, None, "it was removed meanwhile")


class _Round:
    """One round over some feeds: what they share."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        clock: Clock,
        limits: Limits | None,
        progress: Progress | None,
        total: int,
    ) -> None:
        self._engine, self._settings, self._clock = engine, settings, clock
        self._limits, self._progress, self._total = limits or Limits(), progress, total
        self._done = 0
        self._hosts: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(PER_HOST))
        self._all = asyncio.Semaphore(AT_ONCE)
        self._writing = asyncio.Lock()

    async def run(self, feeds: Sequence[FeedRow]) -> list[FetchedFeed]:
        agent = user_agent(self._settings.public_url)
        allow_private = self._settings.fetch_private
        async with (
            open_downloader(agent=agent, allow_private=allow_private, limits=self._limits) as downloader,
            Readers(seconds=self._limits.parse) as readers,
        ):
            return await asyncio.gather(*(self._one(feed, downloader, readers) for feed in feeds))

    async def _one(self, feed: FeedRow, downloader: Downloader, readers: Readers) -> FetchedFeed:
        async with self._hosts[urlsplit(feed.url).netloc.lower()], self._all:
            result = await self._fetch(feed, downloader, readers)
        self._done += 1
        if self._progress:
            self._progress(result, self._done, self._total)
        return result

    async def _fetch(self, feed: FeedRow, downloader: Downloader, readers: Readers) -> FetchedFeed:
        try:
            found = await downloader.get(feed.url, now=real_now(), etag=feed.etag, last_modified=feed.last_modified)
            document = None
            digest = _digest(found)
            if found.body is None and not (feed.etag or feed.last_modified):
                raise UnreadableError("the server says that nothing has changed (304), which nobody asked")
            if found.body is not None and digest != feed.content_hash:
                document = await readers.read(found.body, found.content_type, found.url)
        except DownloadError as error:
            return await self._write(_store_failure, feed, str(error), error.gone, error.retry_after)
        except UnreadableError as error:
            return await self._write(_store_failure, feed, str(error), False, None)
        except Exception as error:  # whatever a server makes a library do is the failure of its feed alone
            why = f"it cannot be fetched ({type(error).__name__})"
            return await self._write(_store_failure, feed, why, False, None)
        try:
            return await self._write(_store_success, feed, found, digest, document)
        except (StatementError, ValueError) as error:
            if isinstance(error, OperationalError | InterfaceError):
                raise  # the database's own trouble is everybody's
            why = f"it cannot be stored ({type(error).__name__})"
            return await self._write(_store_failure, feed, why, False, None)

    async def _write(self, store: Callable[..., FetchedFeed], *arguments: object) -> FetchedFeed:
        """One transaction at a time, in a thread: the loop goes on meanwhile."""
        async with self._writing:
            return await asyncio.to_thread(store, self._engine, self._clock.now(), *arguments)


def _digest(found: Download) -> str | None:
    return None if found.body is None else hashlib.sha256(found.body).hexdigest()


def _store_success(
    engine: Engine, now: datetime, feed: FeedRow, found: Download, digest: str | None, document: Document | None
) -> FetchedFeed:
    with transaction(engine) as connection:
        if not rows.is_there(connection, feed.id):
            return _removed(feed)
        new = 0 if document is None else _store_entries(connection, feed, document, now)
        rhythm = polling.observe(
            polling.Rhythm.of(feed.state), feed.last_changed_at, now, news=new > 0,
            ttl=document.ttl if document else None,
        )  # fmt: skip
        state = feed.state | rhythm.as_state()
        if document is not None:
            state |= {"entries": len(document.entries), "site": document.site, "pages": _site_of_most(document)}
        url = _new_address(connection, feed, found.moved_to, state)
        name = _new_name(feed, document, state)
        last_changed_at = now if new or feed.last_changed_at is None else feed.last_changed_at
        rows.update_feed(
            connection, feed.id, url=url, name=name, state=state, **_validators(feed, found, digest, document),
            next_check_at=polling.next_check(rhythm, now, found.max_age, random.random()),  # noqa: S311
            first_fetched_at=feed.first_fetched_at or now, last_checked_at=now, last_ok_at=now,
            last_changed_at=last_changed_at, failures=0, last_error=None,
        )  # fmt: skip
    note = None
    if polling.is_stale(last_changed_at, rhythm.gap, now):
        note = f"nothing new since {last_changed_at:%Y-%m-%d}"
    if url != feed.url:
        note = f"it has moved from {feed.url} for good"
    return FetchedFeed(url, name, "ok" if document else "unchanged", state.get("entries", 0), new, None, note)


def _site_of_most(document: Document) -> str | None:
    """The front page of the site that more than half of its entries lie on, though it is fetched from elsewhere. An
    entry that is a front page is somebody's product, and one alone, of a feed that names its site, may be anybody's."""
    pages = [urlsplit(canonical_url(entry.url)) for entry in document.entries if entry.url]
    hosts = Counter(page.netloc for page in pages if page.query or not FRONT.fullmatch(page.path))
    host, number = max(hosts.items(), key=lambda one: one[1], default=("", 0))
    if number == 1 and document.site is not None:
        return None
    return f"https://{host}" if number > len(document.entries) / 2 else None


def _validators(feed: FeedRow, found: Download, digest: str | None, document: Document | None) -> dict[str, str | None]:
    """What the next request is made conditional with. A 304 need not repeat them; of a piece it is never true."""
    if document is not None and document.cut:
        return {"etag": None, "last_modified": None, "content_hash": None}
    if found.body is None:
        return {"etag": found.etag or feed.etag, "last_modified": found.last_modified or feed.last_modified}
    return {"etag": found.etag, "last_modified": found.last_modified, "content_hash": digest}


def _store_entries(connection: Connection, feed: FeedRow, document: Document, now: datetime) -> int:
    believed = (identity.believable(entry.published_at, now) for entry in document.entries)
    dated = zip(document.entries, believed, strict=True)
    shown = identity.identify([replace(entry, published_at=date) for entry, date in dated])
    links = [item.link_key for item in shown if item.link_key]
    identities = [name for item in shown for name in (item.identity, item.otherwise) if name]
    known = rows.known_entries(connection, feed.id, identities, links)
    fresh = identity.new_ones(shown[:-1] if document.cut else shown, known)  # a piece has no identity yet
    if fresh and feed.first_fetched_at is not None:
        alike = rows.entries_titled(connection, feed.id, {item.entry.title for item in fresh if item.entry.title})
        fresh = identity.but_renamed(fresh, alike, shown)
    dates = [item.entry.published_at for item in fresh]
    backlog = identity.is_backlog(dates, feed.first_fetched_at is None)
    piled = identity.shown_before(fresh, known)
    values = [
        {
            "identity": item.identity, "url": item.entry.url, "link_key": item.link_key, "title": item.entry.title,
            "summary": item.entry.summary, "published_at": date,
            "backlog": date is None and (backlog or item in piled),
        }
        for item, date in zip(fresh, dates, strict=True)
    ]  # fmt: skip
    return rows.add_entries(connection, feed.id, values, now)


def _new_address(connection: Connection, feed: FeedRow, moved_to: str | None, state: dict[str, object]) -> str:
    """Where it is from now on. It stays where it was when another feed has the new address already."""
    if moved_to is None or rows.url_is_taken(connection, moved_to, feed.id):
        return feed.url
    state["was"] = [*feed.state.get("was", ()), feed.url]
    return moved_to


def _new_name(feed: FeedRow, document: Document | None, state: dict[str, object]) -> str:
    """A feed that nobody named takes its title for a name, once."""
    if not feed.state.get("unnamed") or document is None or not document.title:
        return feed.name
    del state["unnamed"]
    return document.title


def _store_failure(
    engine: Engine, now: datetime, feed: FeedRow, why: str, gone: bool, retry_after: timedelta | None
) -> FetchedFeed:
    failures = feed.failures + 1
    at = polling.after_failure(now, failures, retry_after=retry_after, jitter=random.random())  # noqa: S311
    with transaction(engine) as connection:
        if not rows.is_there(connection, feed.id):
            return _removed(feed)
        retired = {"status": FeedStatus.RETIRED} if gone else {}  # it may have been paused meanwhile
        rows.update_feed(
            connection, feed.id, failures=failures, last_error=why, last_checked_at=now, next_check_at=at, **retired
        )
    long = polling.is_failing_long(feed.last_ok_at, feed.created_at, failures, now)
    note = f"it has failed since {feed.last_ok_at or feed.created_at:%Y-%m-%d}" if long else None
    if gone:
        note = "it is retired and will not be fetched again; `newsletter feeds resume` takes it up again"
    return FetchedFeed(feed.url, feed.name, "error", feed.state.get("entries", 0), 0, why, note)
