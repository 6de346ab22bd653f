"""``/tools``: the catalogue, found and sorted. ``/tools/{slug}``: one tool with its scorecard."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from db import catalogue
from db.archive import issues_with
from db.catalogue import Wanted
from db.engine import reading
from db.readers import is_saved, vote_of
from db.tools import ToolRow, panel, past_takes_of, standing_tool, takes_of
from newsletter.readers.community import Community, community
from newsletter.tools.catalogue import Filter, Sorting
from newsletter.verdicts.comparison import comparison_path
from newsletter.verdicts.history import turns
from newsletter.verdicts.scorecard import scorecard, split_in_words
from newsletter.verdicts.tally import Verdict, tally, verdict_of
from newsletter.web.forms import asked
from newsletter.web.metadata import About, shortened
from newsletter.web.published import headlines
from newsletter.web.reader_cookie import newcomer, reader_of
from newsletter.web.schema_org import breadcrumbs, tool_list, tool_object
from newsletter.web.site import page, site

PAGE = 30
_LONGEST_SEARCH = 100
_READ_NEXT, _BESIDE = 4, 60
PERSONAL = {"Cache-Control": "private, no-cache", "Vary": "Cookie"}


@dataclass(frozen=True, slots=True)
class Card:
    """A tool as lists show it."""

    tool: ToolRow
    verdict: Verdict
    community: Community


@dataclass(frozen=True, slots=True)
class Search:
    """What ``/tools?q=…`` asks for. What cannot be meant is left out."""

    text: str
    category: str | None
    call: Filter | None
    sort: Sorting
    after: tuple[int, int] | None

    @classmethod
    def of(cls, request: Request) -> "Search":
        given = request.query_params
        text = "".join(c for c in given.get("q", "") if c.isprintable())[:_LONGEST_SEARCH].strip()
        after = re.fullmatch(r"(-?\d{1,10})\.(\d{1,18})", given.get("after", ""), re.ASCII)
        category = asked(request, "category", 500) or None
        call, sort = given.get("call", ""), given.get("sort", "")
        return cls(
            text,
            category,
            Filter(call) if call in tuple(Filter) else None,
            Sorting(sort) if sort in tuple(Sorting) else Sorting.PANEL,
            (int(after[1]), int(after[2])) if after else None,
        )

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.text, self.category, self.call)

    @property
    def is_plain(self) -> bool:
        """Nobody searched, filtered or turned the page: the one address that is worth indexing."""
        return not (self.text or self.category or self.call or self.after) and self.sort is Sorting.PANEL

    def link(self, after: str | None = None) -> str:
        """The address of this search from its first page, or from after a tool."""
        words = {"q": self.text, "category": self.category, "call": self.call, "after": after}
        if self.sort is not Sorting.PANEL:
            words["sort"] = self.sort
        query = urlencode({name: value for name, value in words.items() if value})
        return f"/tools?{query}" if query else "/tools"


def card(tool: ToolRow) -> Card:
    return Card(tool, verdict_of(tool.ships, tool.skips), community(tool.vote_ships, tool.vote_skips))


def tools(request: Request) -> Response:
    here, search = site(request), Search.of(request)
    with reading(here.engine) as connection:
        found = catalogue.catalogue_page(connection, search.wanted, search.sort, search.after, PAGE + 1)
        count = catalogue.count_tools(connection, search.wanted)
        known = catalogue.categories(connection)
    shown = [row for _, row in found[:PAGE]]
    following = search.link(f"{found[PAGE - 1][0]}.{found[PAGE - 1][1].id}") if len(found) > PAGE else None
    about = About(
        title=f"Tools · {here.title}",
        description=f"Every tool the panel of {here.title} follows, with its verdict and what readers voted.",
        url=here.url("/tools"),
        indexed=search.is_plain,
        data=(tool_list(here, shown),),
    )
    return page(
        request, "tools.html", about=about, search=search, cards=[card(tool) for tool in shown], count=count,
        categories=known, next=following, filters=list(Filter), sortings=list(Sorting),
    )  # fmt: skip


def tool(request: Request) -> Response:
    here = site(request)
    slug = request.path_params["slug"]
    reader = reader_of(request)
    with reading(here.engine) as connection:
        found = standing_tool(connection, slug.lower())
        if found is None:
            raise HTTPException(404)
        if found.slug != slug:
            return RedirectResponse(f"/tools/{found.slug}", 301)
        takes, past = takes_of(connection, [found.id])[found.id], past_takes_of(connection, [found.id])[found.id]
        members = panel(connection)
        beside: dict[str, Any] = {
            "releases": catalogue.releases_of(connection, found.id, 20),
            "issues": headlines(connection, issues_with(connection, found.id, 12)),
            "others": catalogue.neighbours(connection, found, _BESIDE),
            "vote": vote_of(connection, found.id, reader) if reader else None,
            "saved": is_saved(connection, reader, found.id) if reader else False,
        }
    lines, verdict = scorecard(members, takes), tally(takes)
    names = {member.key: member.name for member in members}
    readers = community(found.vote_ships, found.vote_skips)
    beside["comparisons"] = [(other, comparison_path(found, other)) for other in beside["others"][:_READ_NEXT]]
    return page(
        request, "tool.html", headers=PERSONAL, about=_about(request, found, verdict, takes), tool=found,
        verdict_of_panel=verdict, community=readers, lines=lines, split=split_in_words(lines),
        turns=turns([*takes, *past]), names=names, dates={take.panelist: take for take in takes},
        newcomer=None if reader else newcomer(here), **beside,
    )  # fmt: skip


def _about(request: Request, found: ToolRow, verdict: Verdict, takes: Any) -> About:
    here = site(request)
    said = f"{verdict.counts}, panel ship {verdict.ship_percent} %." if verdict.takes else "No panel take yet."
    path = f"/tools/{found.slug}"
    trail = breadcrumbs(here, (("Tools", "/tools"), (found.name, path)))
    return About(
        title=f"{found.name} · {here.title}",
        description=shortened(f"{said} {found.tagline or found.description or found.name}"),
        url=here.url(path),
        kind="article",
        indexed=found.listed,
        data=(tool_object(here, found, takes), trail),
    )


routes = [Route("/tools", tools), Route("/tools/{slug}", tool)]
