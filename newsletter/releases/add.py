"""Take in a release that an editor found by hand: its page says what it is called."""

import asyncio
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from db import releases as rows
from db.engine import transaction
from db.releases import ReleaseRow
from db.states import ReleaseStatus
from newsletter.clock import real_now
from newsletter.errors import BadInputError, RefusedError
from newsletter.feeds.addresses import canonical_url
from newsletter.feeds.download import Download, DownloadError, open_downloader, user_agent
from newsletter.feeds.words import web_address
from newsletter.named import tool_named
from newsletter.releases.catalogue import catalogue_of
from newsletter.releases.collect import SAME_VERSION_WITHIN
from newsletter.releases.matching import Match, as_rows, match_release
from newsletter.releases.naming import Naming, read_title
from newsletter.releases.page import Page, read_page
from newsletter.releases.weeks import place
from newsletter.settings import Settings


def add_release(engine: Engine, settings: Settings, url: str, tool: str | None, now: datetime) -> ReleaseRow:
    """Add it to the week of ``now``. Raises BadInputError for what is no page, RefusedError for what is known."""
    address = web_address(url, "")
    if address is None:
        raise BadInputError(f"{url!r} is no web address; it begins with http:// or https:// and names no user")
    with transaction(engine) as connection:
        _refuse_known(connection, _key(address), now)
        _tool_id(connection, tool)
    page = _read(settings, address)
    with transaction(engine) as connection:
        rows.hold_collecting(connection)
        _refuse_known(connection, _key(address), now)
        return _store(connection, settings, address, page, tool, now)


def _read(settings: Settings, url: str) -> Page:
    try:
        found = asyncio.run(_get(settings, url))
    except DownloadError as error:
        raise BadInputError(f"{url} cannot be read: {error}") from None
    page = read_page(found.body or b"", found.content_type, found.url)
    if not page.title:
        raise BadInputError(f"{url} has no title to name the release by; add the page that announces it")
    return page


async def _get(settings: Settings, url: str) -> Download:
    async with open_downloader(
        agent=user_agent(settings.public_url), allow_private=settings.fetch_private
    ) as downloader:
        return await downloader.get(url, now=real_now())


def _store(
    connection: Connection, settings: Settings, url: str, page: Page, tool: str | None, now: datetime
) -> ReleaseRow:
    naming = read_title(page.title, page=url)
    naming = replace(naming, tagline=naming.tagline or page.description)
    match = _match(connection, naming, url, _tool_id(connection, tool))
    placement = place(None, now, backlog=False, composed=rows.composed_weeks(connection), zone=settings.timezone)
    release_id = rows.add_release(
        connection, feed_id=None, tool_id=match.tool_id, url=url, canonical_url=_key(url), title=page.title,
        name=naming.name, tagline=naming.tagline, version=naming.version,
        summary=page.description, published_at=None, first_seen_at=now, week=str(placement.week), late=placement.late,
        status=ReleaseStatus.UNMATCHED if match.tool_id is None else ReleaseStatus.MATCHED,
        matched_at=now if match.tool_id else None, match_reason=match.reason,
        candidates=as_rows(match.candidates) or None,
    )  # fmt: skip
    found = rows.release_by_id(connection, release_id)
    assert found is not None
    return found


def _match(connection: Connection, naming: Naming, url: str, tool_id: int | None) -> Match:
    if tool_id is not None:
        return Match(tool_id, 1.0, "by hand")
    return match_release(naming, url, catalogue_of(rows.nameplates(connection), rows.alias_keys(connection)))


def _tool_id(connection: Connection, slug: str | None) -> int | None:
    if slug is None:
        return None
    return tool_named(connection, slug).id


def _key(url: str) -> str:
    """With its fragment: a changelog on one page announces by its anchors. What a browser marked in it is none."""
    return canonical_url(url.partition("#:~:")[0].partition(":~:")[0], keep_fragment=True)


def _refuse_known(connection: Connection, key: str, now: datetime) -> None:
    """A page that announced something long ago may announce something else today."""
    for twin in rows.twins_by_url(connection, [key]):
        if now - (twin.published_at or twin.first_seen_at) <= SAME_VERSION_WITHIN:
            raise RefusedError(f"release {twin.id} has this address already; `newsletter releases list` shows it")
