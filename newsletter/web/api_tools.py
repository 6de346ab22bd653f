"""The API's tools and takes: the site that owns the panel pushes them here."""

import json
from dataclasses import asdict
from typing import Any

from db.api import ToolLine, tools_page
from db.engine import reading
from db.tools import aliases_of, takes_of
from newsletter.errors import BadInputError
from newsletter.named import tool_named
from newsletter.readers.community import community
from newsletter.releases.rematch import rematch_releases
from newsletter.tools.exporting import tool_document
from newsletter.tools.import_tools import import_tools
from newsletter.tools.merge import merge_tools
from newsletter.tools.reading import GivenTake, read_take
from newsletter.verdicts.record import record_take
from newsletter.verdicts.tally import tally, verdict_of
from newsletter.web.api_routing import Asked, Operation, note, page_of
from newsletter.web.api_schemas import COUNT, PAGE, SLUG, TEXT, Schema, closed, listed, or_null, shape

_CALL: Schema = {"type": ["string", "null"], "enum": ["ship", "skip", "split", None]}
_UP_TO_100: Schema = {"type": ["integer", "null"], "minimum": 0, "maximum": 100}
_TAKE = closed(
    shape(
        "call",
        call={"type": "string", "enum": ["ship", "skip"]},
        score=_UP_TO_100,
        text=TEXT,
        at={"type": ["string", "null"], "format": "date", "maxLength": 10},
        author=or_null({"type": "string", "maxLength": 200}),
    )
)
_VERDICT = shape("call ships skips ship_percent", call=_CALL, ships=COUNT, skips=COUNT, ship_percent=_UP_TO_100)
_TOOL = shape("slug name url category", slug=SLUG, name=TEXT, url=TEXT, category=TEXT)
_COMMUNITY = shape("ships skips percent", ships=COUNT, skips=COUNT, percent=_UP_TO_100)
_SHOWN = shape("tool verdict community", tool=_TOOL, verdict=_VERDICT, community=_COMMUNITY)


def list_tools(asked: Asked) -> Any:
    with reading(asked.site.engine) as connection:
        page = tools_page(connection, asked.after, asked.limit)
    return page_of(asked, "tools", page, _line, lambda tool: tool.id)


def _line(tool: ToolLine) -> dict[str, Any]:
    verdict = verdict_of(tool.ships, tool.skips)
    return {
        "slug": tool.slug, "name": tool.name, "url": tool.url, "category": tool.category, "listed": tool.listed,
        "call": verdict.call, "ship_percent": verdict.ship_percent,
    }  # fmt: skip


def show_tool(asked: Asked) -> Any:
    with reading(asked.site.engine) as connection:
        tool = tool_named(connection, asked.values["slug"])
        takes = takes_of(connection, [tool.id])[tool.id]
        aliases = aliases_of(connection, [tool.id]).get(tool.id, [])
    return {
        "tool": tool_document(tool, aliases, takes),
        "verdict": asdict(tally(takes)),
        "community": asdict(community(tool.vote_ships, tool.vote_skips)),
    }


def put_tools(asked: Asked) -> Any:
    dry_run: bool = asked.values["dry_run"]
    report = import_tools(asked.site.engine, json.dumps(asked.body), asked.site.clock.now(), dry_run=dry_run)
    if not dry_run:
        rematch_releases(asked.site.engine, asked.site.clock.now())
    takes = {"new": report.new_takes, "replaced": report.replaced_takes}
    counts = {"created": report.created, "updated": report.updated, "unchanged": report.unchanged}
    if not dry_run and report.unchanged < len(asked.body["tools"]):
        slugs = [tool["slug"] for tool in asked.body["tools"]]
        note(asked, "pushed tools", f"tool {slugs[0]}" if len(slugs) == 1 else None, **counts)
    return {**counts, "takes": takes, "panelists": list(report.panelists), "dry_run": dry_run}


def put_take(asked: Asked) -> Any:
    take = read_take(asked.values["panelist"], asked.body)
    if not isinstance(take, GivenTake):
        raise BadInputError("; ".join(str(fault) for fault in take))
    report = record_take(asked.site.engine, asked.values["slug"], take, asked.site.clock.now())
    what = "replaced a take" if report.replaced else "entered a take"
    note(asked, what, f"tool {asked.values['slug']}", by=take.panelist)
    return show_tool(asked)


def merge_tool(asked: Asked) -> Any:
    slug, into = asked.values["slug"], asked.body["into"]
    report = merge_tools(asked.site.engine, slug, into, asked.site.clock.now())
    note(asked, f"merged into {into}", f"tool {slug}")
    return {"releases": report.releases, "takes": report.takes, "votes": report.votes}


_WORD = {"type": "string", "minLength": 1}
_GIVEN = shape("slug", slug=_WORD, name=_WORD, url=_WORD, category=_WORD)
OPERATIONS = (
    Operation(
        "GET", "/api/v1/tools", "tools:read", "List the tools, oldest first.", list_tools,
        listed("tools", shape("slug name url category call ship_percent", slug=SLUG, call=_CALL)), query=PAGE,
    ),
    Operation(
        "POST", "/api/v1/tools", "tools:write",
        "Create and update tools with their takes, in the shape that `newsletter tools import` reads. All or nothing.",
        put_tools, shape("created updated unchanged takes", created=COUNT, updated=COUNT, unchanged=COUNT),
        takes=closed(shape("tools", tools={"type": "array", "maxItems": 5000, "items": _GIVEN})),
        query={"dry_run": {"type": "boolean", "default": False}},
    ),
    Operation(
        "GET", "/api/v1/tools/{slug}", "tools:read", "One tool with its takes and verdict.", show_tool, _SHOWN,
        place={"slug": SLUG},
    ),
    Operation(
        "PUT", "/api/v1/tools/{slug}/takes/{panelist}", "tools:write",
        "Record a panelist's take. The one that it replaces is kept as history.", put_take, _SHOWN, takes=_TAKE,
        place={"slug": SLUG, "panelist": {"type": "string", "minLength": 1, "maxLength": 40}},
    ),
    Operation(
        "POST", "/api/v1/tools/{slug}/merge", "tools:write",
        "Make this tool part of another: releases, names, votes and bookmarks go there, and its pages redirect.",
        merge_tool, shape("releases takes votes", releases=COUNT, takes=COUNT, votes=COUNT),
        takes=closed(shape("into", into=SLUG)), place={"slug": SLUG},
    ),
)  # fmt: skip
