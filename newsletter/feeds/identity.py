"""Which entry is which, which are new, and what they date from.

An entry is its guid, unless the feed repeats that guid; else its canonical link. Titles are edited, so they identify
nothing, but where all that several entries have is one link, as on a changelog's page. Guids that are addresses carry
``utm_`` parameters that change, so they are compared as addresses. Feeds that change their guids (a new domain, a new
generator) show old entries under new ones: these are known again by their link, if their title or their date is still
the same, and where that has changed too, in its query or its site, by title and date together.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from newsletter.feeds.addresses import canonical_url
from newsletter.feeds.document import Entry

BACKLOG = 10  # more undated entries than this in a first fetch were there before we came
OLDEST = datetime(1980, 1, 2, tzinfo=UTC)  # the zeros of clocks and formats lie before; essays of 1993 are in feeds
AHEAD = timedelta(days=1)  # clocks and zones are wrong by hours, not by days


@dataclass(frozen=True, slots=True)
class Identified:
    """``link_key`` is None where several entries of the document share that address. An entry has one identity where it
    shares its link with others and a second one where it does not: ``identity`` is the one that holds in this document,
    ``otherwise`` the one that does not."""

    entry: Entry
    identity: str
    link_key: str | None
    otherwise: str | None = None


class Known(Protocol):
    """An entry that was stored before."""

    @property
    def identity(self) -> str: ...
    @property
    def link_key(self) -> str | None: ...
    @property
    def url(self) -> str | None: ...
    @property
    def title(self) -> str: ...
    @property
    def published_at(self) -> datetime | None: ...


def identify(entries: Sequence[Entry]) -> list[Identified]:
    """Give each entry its identity; of those that have the same one, the first stands for all."""
    guids = Counter(key for key in map(_guid_key, entries) if key)
    pages = Counter(canonical_url(entry.url) for entry in entries if entry.url)
    links = Counter(link for link in (_link_key(entry, pages) for entry in entries) if link)
    found: dict[str, Identified] = {}
    for entry in entries:
        guid, link = _guid_key(entry), _link_key(entry, pages)
        identity, otherwise = _identity(entry, link, shared=bool(link) and links[link or ""] > 1), None
        if guid and (guids[guid] == 1 or link is None):
            identity = f"guid:{guid}"
        elif link:
            otherwise = _identity(entry, link, shared=links[link] == 1)
        own_page = link if link and pages[link] <= 1 else None
        found.setdefault(identity, Identified(entry, identity, own_page, otherwise))
    return list(found.values())


def _identity(entry: Entry, link: str | None, *, shared: bool) -> str:
    if link is None:
        return f"text:{_digest(entry.title, entry.summary)}"
    return f"link:{link} text:{_digest(entry.title)}" if shared else f"link:{link}"


def _digest(*texts: str | None) -> str:
    return hashlib.sha256("\n".join(map(str, texts)).encode()).hexdigest()[:32]


def new_ones(shown: Sequence[Identified], known: Iterable[Known]) -> list[Identified]:
    """Those that the feed never showed before."""
    known = list(known)
    by_identity = {row.identity: row for row in known}
    by_link: dict[str, list[Known]] = {}
    for row in known:
        if row.link_key:
            by_link.setdefault(row.link_key, []).append(row)

    def is_known(item: Identified) -> bool:
        if item.identity in by_identity:
            return True
        alike = [*by_link.get(item.link_key or "", ())]
        alike += [by_identity[item.otherwise]] if item.otherwise in by_identity else []
        return any(_same(item.entry, row) for row in alike)

    return [item for item in shown if not is_known(item)]


def but_renamed(fresh: Sequence[Identified], alike: Iterable[Known], shown: Sequence[Identified]) -> list[Identified]:
    """The fresh entries without those that are old ones under a new guid, or with a new query in their link: some feeds
    make these anew for every request.

    An entry is an old one when the feed no longer shows a stored entry (of ``alike``) with the same title, date and
    page. Where it has no page, the same title and date are enough: the page of the stored one may have been its guid,
    which RSS 2.0 reads as an address.
    """
    here = {item.identity for item in shown}
    gone = [row for row in alike if row.identity not in here]
    sites = Counter(_site(item.entry.url) for item in shown if item.entry.url)
    home = next((site for site, number in sites.items() if number > len(shown) / 2), None)
    left = {_looks(row.title, row.published_at, row.url) for row in gone}
    left |= {_looks(row.title, row.published_at, None) for row in gone if row.published_at}
    left |= {_moved(row.title, row.url) for row in gone if not row.published_at and _site(row.url) not in sites}

    def is_left(entry: Entry) -> bool:
        moved = not entry.published_at and home is not None and _site(entry.url) == home
        looks = _looks(entry.title, entry.published_at, entry.url)
        return bool(entry.title) and (looks in left or (moved and _moved(entry.title, entry.url) in left))

    return [item for item in fresh if not is_left(item.entry)]


def _looks(title: str, published_at: datetime | None, url: str | None) -> tuple[str, datetime | None, str]:
    """What tells whether two entries are one. Of an undated entry the whole address counts, with its fragment; of a
    dated one the path alone, because sites move to other domains."""
    page = canonical_url(url or "", keep_fragment=published_at is None)
    return title, published_at, page if published_at is None else _path(page.partition("?")[0])


def _moved(title: str, url: str | None) -> tuple[str, datetime | None, str]:
    """The same for an undated entry of a site that moved: its path alone. To be used only where the feed shows nothing
    of the old site any more and more than half of its entries lie on the new one; in a feed of many sites, other
    products have the same title and path."""
    return title, None, f"/{_path(canonical_url(url or '', keep_fragment=True))}"


def _path(page: str) -> str:
    """Front pages are told apart by nothing but their sites."""
    return page.removeprefix("https://").partition("/")[2] or page


def _site(url: str | None) -> str:
    return canonical_url(url or "").removeprefix("https://").partition("/")[0].partition("?")[0]


def believable(published_at: datetime | None, now: datetime) -> datetime | None:
    """The date, unless it is the zero of some clock, such as 1970, or from the future."""
    if published_at is None or not OLDEST <= published_at <= now + AHEAD:
        return None
    return published_at


def is_backlog(dates: Iterable[datetime | None], first_fetch: bool) -> bool:
    """Are the undated ones among these what had piled up before the feed was watched?"""
    return first_fetch and sum(date is None for date in dates) > BACKLOG


def shown_before(fresh: Sequence[Identified], known: Iterable[Known]) -> list[Identified]:
    """Which of the fresh entries the feed showed all along. Of several entries with one link, an earlier version stored
    one, under that link alone: where several fresh ones share such a link, they were there then."""
    identities = {row.identity for row in known}
    pages = Counter(item.otherwise for item in fresh if item.otherwise and item.otherwise in identities)
    return [item for item in fresh if item.otherwise and pages[item.otherwise] > 1]


def _guid_key(entry: Entry) -> str | None:
    guid = (entry.guid or "").strip()
    return canonical_url(guid, keep_fragment=True) or None


def _link_key(entry: Entry, pages: Counter[str]) -> str | None:
    """With its fragment where the document has more than one entry on that page, as changelogs do."""
    if not entry.url:
        return None
    page = canonical_url(entry.url)
    return page if pages[page] == 1 else canonical_url(entry.url, keep_fragment=True)


def _same(entry: Entry, known: Known) -> bool:
    if entry.title == known.title:
        return True
    return entry.published_at is not None and entry.published_at == known.published_at
