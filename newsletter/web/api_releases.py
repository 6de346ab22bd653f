"""The API's releases: what the feeds announced, what a program found, and whose it is."""

from typing import Any

from db.engine import reading
from db.releases import ReleaseRow, list_releases, sources_of
from newsletter.releases.add import add_release
from newsletter.releases.foresee import where_it_goes
from newsletter.releases.resolve import drop_release, match_to_tool
from newsletter.releases.showing import shown
from newsletter.web.api_routing import Asked, Operation, note, page_of, week_named
from newsletter.web.api_schemas import ID, INSTANT, PAGE, SLUG, TEXT, WEB, WEEK, closed, listed, or_null, shape

_RELEASE = shape(
    "id url title name week tool status", id=ID, url=TEXT, title=TEXT, name=TEXT, version=or_null(TEXT),
    week=or_null(WEEK), tool=or_null(SLUG), status={"type": "string"}, late={"type": "boolean"},
    published_at=or_null(INSTANT), first_seen_at=INSTANT,
    coming={"type": "string", "description": "In words, the issue that a release which was just matched comes in."},
)  # fmt: skip


def list_found(asked: Asked) -> Any:
    week = asked.get("week")
    with reading(asked.site.engine) as connection:
        page = list_releases(
            connection, week=str(week_named(week)) if week else None, status=asked.get("status"),
            after_id=asked.after, limit=asked.limit,
        )  # fmt: skip
        sources = sources_of(connection, [release.id for release in page])
    return page_of(asked, "releases", page, lambda one: shown(one, sources.get(one.id, [])), lambda one: one.id)


def add_found(asked: Asked) -> Any:
    here = asked.site
    release = add_release(here.engine, here.settings, asked.body["url"], asked.body.get("tool"), here.clock.now())
    return _noted(asked, release, "added")


def match_found(asked: Asked) -> Any:
    here = asked.site
    release = match_to_tool(here.engine, asked.values["id"], asked.body["tool"], here.clock.now(), by=asked.caller)
    with reading(here.engine) as connection:
        coming = where_it_goes(connection, release.id, here.settings.timezone, here.clock.now(), flowed=False)
    return _noted(asked, release, f"matched with {release.tool}") | {"coming": coming}


def drop_found(asked: Asked) -> Any:
    return _noted(asked, drop_release(asked.site.engine, asked.values["id"], asked.site.clock.now()), "dropped")


def _noted(asked: Asked, release: ReleaseRow, what: str) -> Any:
    note(asked, what, f"release {release.id}", title=release.title)
    return shown(release, [])


_STATUS = {"type": "string", "enum": ["unmatched", "matched", "dropped", "backfilled"]}
OPERATIONS = (
    Operation(
        "GET", "/api/v1/releases", "releases:read", "List what the feeds announced, in the order it was seen.",
        list_found, listed("releases", _RELEASE), query={**PAGE, "week": WEEK, "status": _STATUS},
    ),
    Operation(
        "POST", "/api/v1/releases", "releases:write", "Add a release by the page that announces it.", add_found,
        _RELEASE, takes=closed(shape("url", url=WEB, tool=or_null(SLUG))),
    ),
    Operation(
        "PUT", "/api/v1/releases/{id}/tool", "releases:write", "Say which tool a release is of.", match_found, _RELEASE,
        takes=closed(shape("tool", tool=SLUG)), place={"id": ID},
    ),
    Operation(
        "DELETE", "/api/v1/releases/{id}", "releases:write",
        "Take a release out of what issues may carry; it stays listed as dropped.", drop_found, _RELEASE,
        place={"id": ID},
    ),
)  # fmt: skip
