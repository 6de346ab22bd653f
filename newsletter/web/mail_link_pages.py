"""Where links of the mail lead: ``/vote/{TOKEN.REF}``, ``/bookmark/{TOKEN.REF}`` and ``/bookmark/{TOKEN}``.

Mail servers open every link of a message before its reader does, so GET only shows a page with a button. The POST acts
for the subscriber whose mail it was; from then on this browser is theirs too, with what it had saved before.
"""

from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from db import readers as rows
from db.engine import reading
from db.keys import link_keys
from db.tools import ToolRow, tool_by_id
from newsletter.readers.bookmark import save_tool, unsave_tool
from newsletter.readers.identity import subscriber_reader
from newsletter.readers.vote import cast_vote
from newsletter.subscribers.tokens import verify_link, verify_tool_link
from newsletter.web.forms import Form, read_form
from newsletter.web.origin import is_foreign
from newsletter.web.reader_cookie import adopt_browser, origin_of, remember_reader
from newsletter.web.reader_pages import call_of, no_call, too_many_bookmarks, too_many_votes
from newsletter.web.site import page, site
from newsletter.web.tool_pages import card

_PAGE = 200


@dataclass(frozen=True, slots=True)
class Link:
    """A verified link: whose, and about which tool (None for the list of bookmarks)."""

    subscriber_id: int
    tool: ToolRow | None

    @property
    def reader(self) -> str:
        return subscriber_reader(self.subscriber_id)


def vote(request: Request) -> Response:
    link, tool = _tool_link(request)
    with reading(site(request).engine) as connection:
        mine = rows.vote_of(connection, tool.id, link.reader)
    return _vote_page(request, tool, mine, done=False)


async def cast(request: Request) -> Response:
    return await run_in_threadpool(_cast, request, await read_form(request))


def _cast(request: Request, form: Form) -> Response:
    (link, tool), here, call = _tool_link(request), site(request), call_of(form)
    if call is None:
        return no_call(request)
    adopt_browser(request, link.subscriber_id)
    report = cast_vote(here.engine, tool.id, link.reader, call, origin_of(request), now=here.clock.now())
    if not report.accepted:
        return too_many_votes(request)
    with reading(here.engine) as connection:
        tool = tool_by_id(connection, tool.id) or tool
    return _remember(request, _vote_page(request, tool, call, done=True), link)


def _vote_page(request: Request, tool: ToolRow, mine: str | None, *, done: bool) -> Response:
    return page(request, "vote.html", tool=tool, card=card(tool), vote=mine, done=done)


def bookmark(request: Request) -> Response:
    link = _link(request)
    if link.tool is None:
        return _list_page(request, link, kept=False)
    with reading(site(request).engine) as connection:
        saved = rows.is_saved(connection, link.reader, link.tool.id)
    return _bookmark_page(request, link.tool, saved=saved, done=False)


async def save(request: Request) -> Response:
    return await run_in_threadpool(_save, request, await read_form(request))


def _save(request: Request, form: Form) -> Response:
    link, here = _link(request), site(request)
    saving = form.get("save") != "no"
    adopt_browser(request, link.subscriber_id)
    if link.tool is None:
        response = _list_page(request, link, kept=True)
    else:
        if not saving:
            unsave_tool(here.engine, link.reader, link.tool.id)
        elif not save_tool(here.engine, link.reader, link.tool.id, origin_of(request), now=here.clock.now()):
            return too_many_bookmarks(request)
        response = _bookmark_page(request, link.tool, saved=saving, done=True)
    return _remember(request, response, link)


def _bookmark_page(request: Request, tool: ToolRow, *, saved: bool, done: bool) -> Response:
    return page(request, "bookmark.html", tool=tool, card=card(tool), saved=saved, done=done)


def _list_page(request: Request, link: Link, *, kept: bool) -> Response:
    with reading(site(request).engine) as connection:
        saved = rows.saved_tools(connection, link.reader, None, _PAGE)
    cards = [card(one.tool) for one in saved]
    return page(request, "bookmark_list.html", cards=cards, kept=kept)


def _remember(request: Request, response: Response, link: Link) -> Response:
    if not is_foreign(request):
        remember_reader(site(request), response, link.reader)
    return response


def _tool_link(request: Request) -> tuple[Link, ToolRow]:
    link = _link(request)
    if link.tool is None:
        raise HTTPException(404)
    return link, link.tool


def _link(request: Request) -> Link:
    """Raises HTTPException 404 for a token that is none, and for one of a subscriber who was erased."""
    token = request.path_params["token"]
    with reading(site(request).engine) as connection:
        keys = link_keys(connection)
        found = verify_tool_link(token, keys)
        link = found[0] if found else verify_link(token, keys)
        if link is None or not rows.subscriber_exists(connection, link.subscriber_id):
            raise HTTPException(404)
        tool = tool_by_id(connection, found[1]) if found else None
        if tool is not None and tool.merged_into_id is not None:
            tool = tool_by_id(connection, tool.merged_into_id)
        if found and tool is None:
            raise HTTPException(404)
    return Link(link.subscriber_id, tool)


routes = [
    Route("/vote/{token}", vote),
    Route("/vote/{token}", cast, methods=["POST"]),
    Route("/bookmark/{token}", bookmark),
    Route("/bookmark/{token}", save, methods=["POST"]),
]
