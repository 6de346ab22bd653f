"""The API's feeds: which are watched, how they fare, and watching more or fewer."""

from functools import partial
from typing import Any

from db.engine import reading
from db.feeds import FeedRow, all_feeds, feed_by_id
from newsletter.errors import NotFoundError
from newsletter.feeds import watch
from newsletter.feeds.showing import health, shown
from newsletter.web.api_routing import Asked, Operation, page_of
from newsletter.web.api_schemas import ID, PAGE, SLUG, TEXT, WEB, Schema, closed, listed, or_null, shape


def list_feeds(asked: Asked) -> Any:
    with reading(asked.site.engine) as connection:
        found = sorted((feed for feed in all_feeds(connection) if feed.id > asked.after), key=lambda feed: feed.id)
    return page_of(asked, "feeds", found[: asked.limit], partial(_document, asked), lambda feed: feed.id)


def show_feed(asked: Asked) -> Any:
    return _document(asked, _feed(asked))


def add_feed(asked: Asked) -> Any:
    given = {name: value for name, value in asked.body.items() if value is not None}
    return _document(asked, watch.watch_feed(asked.site.engine, watch.Watch(**given), asked.site.clock.now()))


def pause_feed(asked: Asked) -> Any:
    watch.pause_feed(asked.site.engine, _feed(asked).url)
    return show_feed(asked)


def resume_feed(asked: Asked) -> Any:
    watch.resume_feed(asked.site.engine, _feed(asked).url)
    return show_feed(asked)


def remove_feed(asked: Asked) -> Any:
    feed = _feed(asked)
    watch.remove_feed(asked.site.engine, feed.url)
    return _document(asked, feed)


def _feed(asked: Asked) -> FeedRow:
    with reading(asked.site.engine) as connection:
        found = feed_by_id(connection, asked.values["id"])
    if found is None:
        raise NotFoundError(f"there is no feed {asked.values['id']}")
    return found


def _document(asked: Asked, feed: FeedRow) -> dict[str, Any]:
    return shown(feed) | {"health": health(feed, asked.site.clock.now())}


_KIND: Schema = {"type": "string", "enum": ["launches", "releases", "news"]}
_SOME_KIND: Schema = {"type": ["string", "null"], "enum": [*_KIND["enum"], None]}
_NEW_TOOLS: Schema = {"type": "string", "enum": ["queue", "accept"]}
_LIMIT: Schema = {"type": "integer", "minimum": 1, "maximum": watch.HIGHEST_LIMIT}
_RULE: Schema = {"type": "string", "maxLength": 1000}
_RULES: dict[str, Schema] = {
    "tool": or_null(SLUG), "new_tools": _NEW_TOOLS, "include": or_null(_RULE), "exclude": or_null(_RULE),
    "limit": or_null(_LIMIT), "prereleases": {"type": "boolean"},
}  # fmt: skip
_FEED = shape(
    "id url name kind status health", id=ID, url=TEXT, name=TEXT, kind=_KIND, status={"type": "string"},
    health={"type": "string"}, **_RULES,
)  # fmt: skip
_ONE = {"id": ID}
OPERATIONS = (
    Operation(
        "GET", "/api/v1/feeds", "feeds:read", "List the watched feeds, and how they fare.", list_feeds,
        listed("feeds", _FEED), query=PAGE,
    ),
    Operation(
        "POST", "/api/v1/feeds", "feeds:write", "Watch a feed; the next gathering fetches it.", add_feed, _FEED,
        takes=closed(shape("url", url=WEB, name=or_null(TEXT), kind=_SOME_KIND, **_RULES)),
    ),
    Operation("GET", "/api/v1/feeds/{id}", "feeds:read", "One feed.", show_feed, _FEED, place=_ONE),
    Operation(
        "POST", "/api/v1/feeds/{id}/pause", "feeds:write", "Stop fetching a feed for now.", pause_feed, _FEED,
        place=_ONE,
    ),
    Operation(
        "POST", "/api/v1/feeds/{id}/resume", "feeds:write",
        "Fetch a paused or retired feed again, at the next gathering.", resume_feed, _FEED, place=_ONE,
    ),
    Operation(
        "DELETE", "/api/v1/feeds/{id}", "feeds:write",
        "Forget a feed and its entries. The releases that it announced stay.", remove_feed, _FEED, place=_ONE,
    ),
)  # fmt: skip
