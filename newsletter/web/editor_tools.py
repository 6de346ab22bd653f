"""``/editor/tools``: finding, making, editing and merging tools."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from db import catalogue, desk, tools
from db.engine import reading
from db.tools import AliasRow, ToolRow
from newsletter.errors import BadInputError, NotFoundError
from newsletter.named import tool_named
from newsletter.releases.rematch import rematch_releases
from newsletter.tools import edit
from newsletter.tools.import_tools import import_tools
from newsletter.tools.merge import merge_tools
from newsletter.tools.reading import TEXT_FIELDS
from newsletter.verdicts.scorecard import scorecard
from newsletter.verdicts.tally import tally, verdict_of
from newsletter.web.editor_links import ask_once, back_saying
from newsletter.web.forms import asked
from newsletter.web.row_ids import row_id
from newsletter.web.session import Typed, Visitor, act, editor_page, note, show
from newsletter.web.site import site

TOOLS_A_PAGE = 50
PROPOSED = 12
OPTIONAL = ("tagline", "description", "pricing", "entry", "best_for")
_NEW = ("name", "slug", "url", "category", *OPTIONAL)


def list_page(request: Request, visitor: Visitor) -> Response:
    """All tools, unlisted ones too, the newest first."""
    text, before = asked(request, "q"), asked(request, "before")
    with reading(site(request).engine) as connection:
        found = desk.find_tools(connection, text, row_id(before), TOOLS_A_PAGE + 1)
    return editor_page(
        request, visitor, "tools.html", q=text, found=found[:TOOLS_A_PAGE], more=len(found) > TOOLS_A_PAGE,
        verdict_of=verdict_of,
    )  # fmt: skip


def tool_names(request: Request, visitor: Visitor) -> Response:
    """What a field that takes a slug proposes: the tools that the words typed in it find."""
    typed = next(iter(request.query_params.values()), "").strip()[:200]
    with reading(site(request).engine) as connection:
        found = desk.find_tools(connection, typed, None, PROPOSED) if typed else []
    return editor_page(request, visitor, "tool_names.html", found=found)


def shown_tool(
    request: Request, visitor: Visitor, *, typed: Typed | None = None, pasted: str = "", trouble: str = "",
    status: int = 422,
) -> Response:  # fmt: skip
    """The page of a tool; ``typed`` and ``pasted`` are what could not be stored, for the reason in ``trouble``."""
    here, slug = site(request), request.path_params["slug"]
    with reading(here.engine) as connection:
        tool = tool_named(connection, slug)
        panel = tools.panel(connection)
        takes = tools.takes_of(connection, [tool.id])[tool.id]
        past = tools.past_takes_of(connection, [tool.id])[tool.id]
        aliases = tools.aliases_of(connection, [tool.id]).get(tool.id, [])
        categories = [name for name, _ in catalogue.categories(connection)]
    was = _said(tool, aliases)
    return editor_page(
        request, visitor, "tool.html", status=status if trouble else 200, tool=tool, past=past, was=was,
        given=was | (_given(typed) if typed else {}),
        card=scorecard(panel, takes), verdict=tally(takes), zone=here.settings.timezone, categories=categories,
        pasted=pasted, seen=",".join(str(take.id) for take in takes), trouble=trouble,
    )  # fmt: skip


def new_page(request: Request, visitor: Visitor) -> Response:
    return _new_page(request, visitor, {name: request.query_params.get(name, "")[:2000] for name in _NEW})


def _new_page(request: Request, visitor: Visitor, given: Mapping[str, str], trouble: str = "") -> Response:
    with reading(site(request).engine) as connection:
        categories = [name for name, _ in catalogue.categories(connection)]
    return editor_page(
        request, visitor, "tool_new.html", status=422 if trouble else 200, given=given, trouble=trouble,
        categories=categories,
    )  # fmt: skip


def create(request: Request, visitor: Visitor, typed: Typed) -> Response:
    slug = typed.line("slug", 100).lower()
    with reading(site(request).engine) as connection:
        taken = tools.tool_by_slug(connection, slug) is not None
    try:
        if taken:
            raise BadInputError(f"there is a tool {slug!r} already; choose another slug")
        _store(request, {"slug": slug, **_fields(typed, empty=False)})
    except BadInputError as error:
        return _new_page(request, visitor, _given(typed), _plainly(error))
    note(request, visitor, "made a tool", f"tool {slug}")
    return back_saying(f"/editor/tools/{slug}", "Made the tool")


def _said(tool: ToolRow, aliases: Sequence[AliasRow]) -> dict[str, str]:
    """What the fields show of a tool as it is."""
    names = "\n".join(alias.label for alias in aliases if alias.kind == "name")
    return {name: getattr(tool, name) or "" for name in _NEW} | {"aliases": names}


def store(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """Stores the fields that differ from what the page showed in them."""
    slug, typed = request.path_params["slug"], typed.touched()
    if others := _changed_meanwhile(request, slug, typed):
        words = f"somebody changed the {others} after you opened this page; Store puts yours in its place"
        return shown_tool(request, visitor, typed=typed, trouble=words, status=409)
    document: dict[str, Any] = {"slug": slug, **_fields(typed, empty=True)}
    if "aliases" in typed:
        lines = [line.strip() for line in typed.text("aliases").splitlines()]
        document["aliases"] = list(dict.fromkeys(_with_the_rest(request, slug, filter(None, lines))))
    try:
        _store(request, document)
    except BadInputError as error:
        return shown_tool(request, visitor, typed=typed, trouble=_plainly(error))
    note(request, visitor, "edited a tool", f"tool {slug}")
    return back_saying(f"/editor/tools/{slug}", "Stored")


def _changed_meanwhile(request: Request, slug: str, typed: Typed) -> str:
    """Which of the fields that were typed in are not as the page showed them, and what they are now."""
    with reading(site(request).engine) as connection:
        tool = tool_named(connection, slug)
        said = _said(tool, tools.aliases_of(connection, [tool.id]).get(tool.id, []))
    return " and ".join(
        f"{name.replace('_', ' ')} (now “{now[:200]}”)"
        for name, now in said.items()
        if f"{name}_was" in typed and now not in (typed.text(f"{name}_was"), typed.text(name).strip())
    )


def _with_the_rest(request: Request, slug: str, lines: Iterable[str]) -> list[str]:
    """The aliases to store for the names typed. The field shows no addresses, so those that an import gave are kept;
    names that an editor's rule gives are left out, since they belong to the rule."""
    with reading(site(request).engine) as connection:
        tool = tools.standing_tool(connection, slug)
        aliases = tools.aliases_of(connection, [tool.id]).get(tool.id, []) if tool else []
    ruled = {alias.label.strip() for alias in aliases if alias.source == "editor"}
    given = [alias.label for alias in aliases if (alias.kind, alias.source) == ("address", "import")]
    return [*(line for line in lines if line not in ruled), *given]


def merge(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """This tool becomes part of another; its slug redirects from then on. Asks once, since it cannot be undone."""
    here, slug, into = site(request), request.path_params["slug"], typed.line("into", 100).lower()
    if typed.line("sure") != "yes":
        with reading(here.engine) as connection:
            target = tools.standing_tool(connection, into)
        if target is None or target.slug == slug:
            raise NotFoundError(f"there is no other tool {into!r} to merge into")
        words = f"{slug} becomes part of {target.name} for good: its releases, takes, votes and names move there."
        back = f"/editor/tools/{slug}"
        return ask_once(request, visitor, "Merge these tools?", words, "Merge", back, into=target.slug)
    merge_tools(here.engine, slug, into, here.clock.now())
    rematch_releases(here.engine, here.clock.now())
    note(request, visitor, f"merged into {into}", f"tool {slug}")
    return back_saying(f"/editor/tools/{into}", f"Merged {slug} into this tool")


def set_listed(request: Request, visitor: Visitor, typed: Typed) -> Response:
    here, slug, listed = site(request), request.path_params["slug"], typed.line("listed") == "yes"
    edit.set_listed(here.engine, slug, listed, here.clock.now())
    note(request, visitor, "listed" if listed else "took off the public pages", f"tool {slug}")
    return back_saying(f"/editor/tools/{slug}", "Listed" if listed else "Not on public pages any more")


def _given(typed: Typed) -> dict[str, str]:
    return {name: typed.text(name) for name in (*_NEW, "aliases") if name in typed}


def _fields(typed: Typed, *, empty: bool) -> dict[str, str | None]:
    """The text fields that were posted; empty ones as null where the tool may have had a value."""
    given = {name: typed.text(name).strip() for name in TEXT_FIELDS if name in typed}
    return {name: text or None for name, text in given.items() if text or (empty and name in OPTIONAL)}


def _store(request: Request, document: dict[str, Any]) -> None:
    here = site(request)
    import_tools(here.engine, json.dumps({"tools": [document]}), here.clock.now())
    rematch_releases(here.engine, here.clock.now())


def _plainly(error: BadInputError) -> str:
    """Without the places of a file: a form has one tool."""
    return re.sub(r"tools\[0\](?:\.|: )", "", str(error).removeprefix("nothing was stored. "))


routes: list[BaseRoute] = [
    show("/editor/tools", list_page),
    show("/editor/tool-names", tool_names),
    show("/editor/new-tool", new_page),
    act("/editor/new-tool", create),
    show("/editor/tools/{slug}", shown_tool),
    act("/editor/tools/{slug}", store),
    act("/editor/tools/{slug}/merge", merge),
    act("/editor/tools/{slug}/listed", set_listed),
]
