"""Look at a feed without watching it: what would be read from it, and what would become of each entry."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from newsletter.clock import real_now
from newsletter.errors import BadInputError
from newsletter.feeds import identity
from newsletter.feeds.document import Document
from newsletter.feeds.download import Download, DownloadError, open_downloader, user_agent
from newsletter.feeds.parse import Readers, UnreadableError
from newsletter.feeds.words import web_address
from newsletter.releases.reading import Announced, FeedRules, Shown, Skipped, read_entry
from newsletter.settings import Settings


@dataclass(frozen=True, slots=True)
class Reading:
    """One entry, and what would become of it: a release by that name and version, or skipped for that reason."""

    title: str
    url: str | None
    published_at: datetime | None
    name: str | None
    version: str | None
    week: str | None
    skipped: str | None


@dataclass(frozen=True, slots=True)
class CheckReport:
    """``url`` is where it was found in the end; ``permanent`` says that every redirect to there was a permanent one."""

    url: str
    permanent: bool
    form: str
    title: str | None
    entries: int
    conditional: bool
    readings: tuple[Reading, ...]


def check_feed(settings: Settings, url: str, kind: str, now: datetime) -> CheckReport:
    """Fetch and read it as a first fetch would. Raises BadInputError saying why it cannot be."""
    address = web_address(url, "")
    if address is None:
        raise BadInputError(f"{url!r} is no address of a feed; it begins with http:// or https:// and names no user")
    try:
        found, document = asyncio.run(_read(settings, address))
    except (DownloadError, UnreadableError) as error:
        raise BadInputError(f"{url} cannot be read: {error}") from None
    return CheckReport(
        url=found.url,
        permanent=found.moved_to is not None or found.url == address,
        form=document.form,
        title=document.title,
        entries=len(document.entries),
        conditional=bool(found.etag or found.last_modified),
        readings=_readings(document, FeedRules(kind, None, None, None, False, document.title or ""), settings, now),
    )


async def _read(settings: Settings, url: str) -> tuple[Download, Document]:
    async with (
        open_downloader(agent=user_agent(settings.public_url), allow_private=settings.fetch_private) as downloader,
        Readers(1) as readers,
    ):
        found = await downloader.get(url, now=real_now())
        return found, await readers.read(found.body or b"", found.content_type, found.url)


def _readings(document: Document, rules: FeedRules, settings: Settings, now: datetime) -> tuple[Reading, ...]:
    shown = [item.entry for item in identity.identify(document.entries)]
    dates = [identity.believable(entry.published_at, now) for entry in shown]
    backlog = identity.is_backlog(dates, first_fetch=True)
    found = []
    for entry, date in zip(shown, dates, strict=True):
        row = Shown(entry.title, entry.summary, entry.url, date, now, backlog and date is None)
        said = read_entry(row, rules, composed=(), zone=settings.timezone)
        found.append(_reading(row, said))
    return tuple(found)


def _reading(row: Shown, said: Skipped | Announced) -> Reading:
    if isinstance(said, Skipped):
        return Reading(row.title, row.url, row.published_at, None, None, None, said.reason)
    week = str(said.placement.week) if said.placement.week else None
    return Reading(row.title, row.url, row.published_at, said.naming.name, said.naming.version, week, None)
