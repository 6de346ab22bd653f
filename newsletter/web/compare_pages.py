"""``/compare/{a}-vs-{b}``: any two tools side by side, at one address."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from db import catalogue
from db.engine import reading
from db.readers import is_saved, vote_of
from db.tools import TakeRow, ToolRow, panel, takes_of, tools_by_id, tools_by_slug
from newsletter.verdicts.comparison import BETWEEN, compare, comparison_path, in_order, readings
from newsletter.verdicts.scorecard import scorecard
from newsletter.verdicts.tally import Verdict
from newsletter.web.metadata import About, shortened
from newsletter.web.reader_cookie import newcomer, reader_of
from newsletter.web.schema_org import breadcrumbs, tool_list, tool_object
from newsletter.web.site import Site, page, site
from newsletter.web.tool_pages import PERSONAL, Card, card

_MOST_READINGS = 20


def comparison(request: Request) -> Response:
    here, asked = site(request), request.path_params["pair"]
    pair = asked.lower()
    reader = reader_of(request)
    with reading(here.engine) as connection:
        found = _pairs(connection, pair)
        if not found:
            raise HTTPException(404)
        one, other = _meant(found, pair, request.query_params.get("left"))
        if one.id == other.id:
            return RedirectResponse(f"/tools/{one.slug}", 302)
        left, right = in_order(one, other)
        if comparison_path(left, right) != f"/compare/{asked}":
            return RedirectResponse(_address(connection, left, right), 302)
        takes, members = takes_of(connection, [left.id, right.id]), panel(connection)
        near = _related(connection, left, right)
        mine = {tool.id: (vote_of(connection, tool.id, reader), is_saved(connection, reader, tool.id))
                for tool in (left, right)} if reader else {}  # fmt: skip
    left_card, right_card = card(left), card(right)
    sheet = compare(left, right, scorecard(members, takes[left.id]), scorecard(members, takes[right.id]))
    doubts = [f"/compare/{pair}?left={both[0].slug}" for both in found if both[0].slug != one.slug]
    return page(
        request, "compare.html", headers=PERSONAL,
        about=_about(here, left_card, right_card, takes), cards=(left_card, right_card), sheet=sheet, related=near,
        mine=mine, doubts=doubts, shortened=shortened, newcomer=None if reader else newcomer(here),
    )  # fmt: skip


def _address(connection: Connection, left: ToolRow, right: ToolRow) -> str:
    """Where these two are compared, whatever else their address can be read as."""
    path = comparison_path(left, right)
    pair = path.removeprefix("/compare/")
    shown = _meant(_pairs(connection, pair), pair, None)
    return quote(path) + ("" if shown[0].id == left.id else f"?left={quote(left.slug)}")


def _pairs(connection: Connection, pair: str) -> list[tuple[ToolRow, ToolRow]]:
    """Every way to read the address as two tools that are there; merged slugs lead to what they became."""
    ways = readings(pair)[:_MOST_READINGS]
    known = tools_by_slug(connection, {slug for way in ways for slug in way})
    merged = [tool.merged_into_id for tool in known.values() if tool.merged_into_id is not None]
    targets = tools_by_id(connection, merged)
    standing = {slug: targets.get(tool.merged_into_id or 0, tool) for slug, tool in known.items()}
    return [(standing[left], standing[right]) for left, right in ways if left in standing and right in standing]


def _meant(found: list[tuple[ToolRow, ToolRow]], pair: str, left: str | None) -> tuple[ToolRow, ToolRow]:
    """The reading asked for by its left slug; else one whose own address this is, since no other leads there."""
    asked = [both for both in found if both[0].slug == left]
    at_home = [both for both in found if comparison_path(*both) == f"/compare/{pair}"]
    return [*asked, *at_home, *found][0]


def _related(connection: Connection, left: ToolRow, right: ToolRow) -> list[tuple[ToolRow, ToolRow, str]]:
    """Each of the two against the best of its category, as pairs in their one order."""
    pairs: dict[str, tuple[ToolRow, ToolRow, str]] = {}
    for tool, other in ((left, right), (right, left)):
        for near in catalogue.neighbours(connection, tool, 3):
            if near.id != other.id:
                path = comparison_path(tool, near)
                pairs[path] = (*in_order(tool, near), path)
    return list(pairs.values())


def _about(here: Site, left: Card, right: Card, takes: Mapping[int, Sequence[TakeRow]]) -> About:
    path = comparison_path(left.tool, right.tool)
    name = f"{left.tool.name} vs {right.tool.name}"
    said = f"{left.tool.name}: {_in_words(left.verdict)}. {right.tool.name}: {_in_words(right.verdict)}."
    things = [tool_object(here, one.tool, takes[one.tool.id]) for one in (left, right)]
    listed = tool_list(here, (left.tool, right.tool))
    return About(
        title=f"{name} · {here.title}",
        description=shortened(f"Which one should you ship with? {said}"),
        url=here.url(path),
        kind="article",
        data=(listed, *things, breadcrumbs(here, (("Tools", "/tools"), (name, path)))),
        indexed=left.tool.listed and right.tool.listed,
    )


def _in_words(verdict: Verdict) -> str:
    return f"{verdict.call}, {verdict.counts}" if verdict.takes else "no panel take yet"


def compare_index(request: Request) -> Response:
    """``/compare?a=…&b=…``: where the form for choosing two tools leads."""
    asked = [request.query_params.get(name, "").strip() for name in ("a", "b")]
    if all(asked):
        return RedirectResponse(f"/compare/{quote(asked[0], safe='')}{BETWEEN}{quote(asked[1], safe='')}", 302)
    return RedirectResponse("/tools", 302)


routes = [Route("/compare", compare_index), Route("/compare/{pair}", comparison)]
