"""Which feeds are watched: adding, pausing, resuming and removing them, and taking in lists of them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine

from db import feeds as rows
from db.engine import transaction
from db.feeds import FeedRow
from db.releases import alias_keys, nameplates
from db.states import FeedKind, FeedStatus
from db.tools import add_tool, standing_tool
from newsletter.errors import BadInputError, NotFoundError, RefusedError, known
from newsletter.feeds.addresses import canonical_url
from newsletter.feeds.opml import Outline
from newsletter.feeds.rules import BadRuleError, matches
from newsletter.feeds.starters import Starter
from newsletter.feeds.words import MAX_TITLE, one_line, web_address
from newsletter.releases.catalogue import Catalogue, build_catalogue
from newsletter.releases.matching import match_release
from newsletter.releases.naming import Naming, fold_name, slug_of

HIGHEST_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True)
class Watch:
    """A feed to watch. ``kind`` None means launches, or releases where a tool is given."""

    url: str
    name: str | None = None
    kind: str | None = None
    tool: str | None = None
    new_tools: str = "queue"
    include: str | None = None
    exclude: str | None = None
    limit: int | None = None
    prereleases: bool = False


@dataclass(frozen=True, slots=True)
class WatchReport:
    """What became of a list: the added, those watched already, and what could not be used with the reason.

    ``toolless`` are those of the added whose tool is not in the catalogue, with its slug.
    """

    added: tuple[FeedRow, ...]
    known: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]
    toolless: tuple[tuple[str, str], ...] = ()


def watch_feed(engine: Engine, watch: Watch, now: datetime) -> FeedRow:
    """Raises BadInputError, NotFoundError for an unknown tool, RefusedError for a feed that is watched already."""
    with transaction(engine) as connection:
        found = _add(connection, watch, now, _taken(connection))
    if found is None:
        raise RefusedError(f"{watch.url} is watched already; `newsletter feeds show {watch.url}` shows it")
    return found


def watch_feeds(engine: Engine, watches: Iterable[Watch], now: datetime) -> WatchReport:
    """Add those that can be added, and say of each other one why not. A tool that is not in the catalogue is left out:
    lists are carried from one installation to another."""
    added, known, refused, toolless = [], [], [], []
    with transaction(engine) as connection:
        taken = _taken(connection)
        for wanted in watches:
            watch = wanted
            if watch.tool and standing_tool(connection, watch.tool) is None:
                watch = replace(watch, tool=None, kind=watch.kind or FeedKind.RELEASES)
            try:
                found = _add(connection, watch, now, taken)
            except BadInputError as error:
                refused.append((watch.url, str(error)))
                continue
            if found is None:
                known.append(watch.url)
                continue
            added.append(found)
            if wanted.tool and not watch.tool:
                toolless.append((watch.url, wanted.tool))
    return WatchReport(tuple(added), tuple(known), tuple(refused), tuple(toolless))


def watch_starters(engine: Engine, starters: Iterable[Starter], now: datetime) -> WatchReport:
    """Watch the feeds of the starter list. A tool that one of them is about joins the catalogue, unlisted, where it is
    not in it yet."""
    chosen = list(starters)
    with transaction(engine) as connection:
        names = ((tool.id, tool.slug, tool.name_key) for tool in nameplates(connection))
        catalogue = build_catalogue(names, alias_keys(connection))
        slugs = {one.url: _tool_of(connection, one, catalogue, now) for one in chosen if one.tool}
    return watch_feeds(engine, [Watch(one.url, one.name, one.kind, slugs.get(one.url)) for one in chosen], now)


def _tool_of(connection: Connection, starter: Starter, catalogue: Catalogue, now: datetime) -> str:
    name, url = starter.tool or starter.name, starter.tool_url or starter.url
    match = match_release(Naming(name), url, catalogue)
    if match.tool_id is not None:
        return catalogue.slugs[match.tool_id]
    slug = slug_of(name)
    if standing_tool(connection, slug) is None:
        tool_id = add_tool(
            connection, slug=slug, name=name, name_key=fold_name(name), url=url, address_key=canonical_url(url),
            category="Developer Tools", listed=False, now=now,
        )  # fmt: skip
        catalogue.add_tool(tool_id, slug, fold_name(name))
    return slug


# Each of these raises RefusedError for a name that several feeds have.


def pause_feed(engine: Engine, name: str) -> FeedRow:
    return _change(engine, name, "pause", status=FeedStatus.PAUSED)


def resume_feed(engine: Engine, name: str) -> FeedRow:
    """Paused and retired feeds are fetched again, at once."""
    return _change(engine, name, "resume", status=FeedStatus.ACTIVE, next_check_at=None, failures=0, last_error=None)


def remove_feed(engine: Engine, name: str) -> FeedRow:
    """The feed and its entries go; what it announced stays."""
    with transaction(engine) as connection:
        found = _named(connection, name, "remove")
        rows.remove_feed(connection, found.id)
    return found


def _change(engine: Engine, name: str, verb: str, **values: object) -> FeedRow:
    with transaction(engine) as connection:
        feed = _named(connection, name, verb)
        rows.update_feed(connection, feed.id, **values)
        return _named(connection, feed.url, verb)


def _named(connection: Connection, name: str, verb: str) -> FeedRow:
    found = known(rows.feeds_named(connection, name) or None, f"feed {name!r}", "feeds")
    if len(found) > 1:
        urls = ", ".join(feed.url for feed in found)
        raise RefusedError(f"{len(found)} feeds are called {name!r}; {verb} each by its address: {urls}")
    return found[0]


def _taken(connection: Connection) -> set[str]:
    """What the feeds that are watched are compared by, the addresses that they have moved from included."""
    feeds = rows.all_feeds(connection)
    return {_feed_key(url) for feed in feeds for url in (feed.url, *feed.state.get("was", ()))}


def _feed_key(url: str) -> str:
    """Unlike an entry's address, a feed's may differ from another's in any parameter."""
    page, _, query = url.partition("?")
    return f"{canonical_url(page)}?{query}"


def _add(connection: Connection, watch: Watch, now: datetime, taken: set[str]) -> FeedRow | None:
    """None where it is ``taken``; adds it there otherwise."""
    url = web_address(watch.url, "")
    if url is None:
        words = "it begins with http:// or https:// and names no user"
        raise BadInputError(f"{watch.url!r} is no address of a feed; {words}")
    if _feed_key(url) in taken:
        return None
    for rule in (watch.include, watch.exclude):
        check_rule(rule)
    tool = standing_tool(connection, watch.tool) if watch.tool else None
    if watch.tool and tool is None:
        raise NotFoundError(f"there is no tool {watch.tool!r}; import it first, then add the feed")
    kind = watch.kind or (FeedKind.RELEASES if tool else FeedKind.LAUNCHES)
    name = one_line(watch.name or "", MAX_TITLE)
    feed_id = rows.add_feed(
        connection, url=url, name=name or _name_of(url), kind=kind, status=FeedStatus.ACTIVE,
        tool_id=tool.id if tool else None, new_tools=watch.new_tools, include=watch.include, exclude=watch.exclude,
        entry_limit=watch.limit, prereleases=watch.prereleases, created_at=now, next_check_at=None,
        state={} if name else {"unnamed": True},
    )  # fmt: skip
    taken.add(_feed_key(url))
    return None if feed_id is None else rows.feed_by_id(connection, feed_id)


def check_rule(rule: str | None) -> None:
    """Raises BadInputError for what is no regular expression."""
    try:
        matches(rule or "", "")
    except BadRuleError as error:
        raise BadInputError(f"{rule!r} is no regular expression: {error}") from None


def _name_of(url: str) -> str:
    parts = urlsplit(url)
    return (parts.netloc.removeprefix("www.") + parts.path).rstrip("/")


def watch_of(outline: Outline) -> Watch:
    """A line of an OPML file as a feed to watch; what cannot be in it is left at its default."""
    extra = outline.extra
    limit = extra.get("limit", "")
    number = int(limit) if limit.isdecimal() and limit.isascii() and len(limit) < 10 else 0
    return Watch(
        url=outline.url,
        name=outline.name,
        kind=extra.get("kind") if extra.get("kind") in list(FeedKind) else None,
        tool=extra.get("tool"),
        new_tools="accept" if extra.get("new_tools") == "accept" else "queue",
        include=extra.get("include"),
        exclude=extra.get("exclude"),
        limit=number if 1 <= number <= HIGHEST_LIMIT else None,
        prereleases=extra.get("prereleases") == "true",
    )


def outline_of(feed: FeedRow) -> Outline:
    """The inverse of ``watch_of``."""
    extra = {
        "kind": feed.kind, "tool": feed.tool, "new_tools": feed.new_tools, "include": feed.include,
        "exclude": feed.exclude, "limit": str(feed.entry_limit) if feed.entry_limit else None,
        "prereleases": "true" if feed.prereleases else None,
    }  # fmt: skip
    return Outline(feed.url, feed.name, {key: value for key, value in extra.items() if value})
