"""Votes and bookmarks on pages, by the reader's cookie. Links in the mail: mail_link_pages.py."""

import re

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from db import readers as rows
from db.engine import reading
from db.states import Call
from db.tools import ToolRow, standing_tool
from newsletter.readers.bookmark import save_tool, unsave_tool
from newsletter.readers.identity import subscriber_of
from newsletter.readers.vote import cast_vote
from newsletter.web.forms import Form, read_form
from newsletter.web.metadata import About
from newsletter.web.origin import refuse_foreign_posts
from newsletter.web.reader_cookie import (
    forget_reader,
    origin_of,
    reader_of,
    reader_or_new,
    remember_reader,
)
from newsletter.web.row_ids import row_id
from newsletter.web.site import page, site
from newsletter.web.tool_pages import card

PRIVATE = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
_PAGE = 50
_BACK = re.compile(r"/(?:tools|compare)/[A-Za-z0-9._~-]+|/bookmarks", re.ASCII)


async def vote(request: Request) -> Response:
    refuse_foreign_posts(request)
    return await run_in_threadpool(_vote, request, await read_form(request))


def _vote(request: Request, form: Form) -> Response:
    here, tool, call = site(request), _tool(request), call_of(form)
    if call is None:
        return no_call(request)
    reader = reader_or_new(request, form)
    report = cast_vote(here.engine, tool.id, reader, call, origin_of(request), now=here.clock.now())
    if not report.accepted:
        return too_many_votes(request)
    return _back(request, form, tool, reader)


async def bookmark(request: Request) -> Response:
    refuse_foreign_posts(request)
    return await run_in_threadpool(_bookmark, request, await read_form(request))


def _bookmark(request: Request, form: Form) -> Response:
    here, tool, reader = site(request), _tool(request), reader_or_new(request, form)
    if form.get("save") == "no":
        unsave_tool(here.engine, reader, tool.id)
    elif not save_tool(here.engine, reader, tool.id, origin_of(request), now=here.clock.now()):
        return too_many_bookmarks(request)
    return _back(request, form, tool, reader)


def bookmarks(request: Request) -> Response:
    here, reader = site(request), reader_of(request)
    before = request.query_params.get("before", "")
    saved: list[rows.Saved] = []
    if reader is not None:
        start = row_id(before)
        with reading(here.engine) as connection:
            saved = list(rows.saved_tools(connection, reader, start, _PAGE + 1))
    words = f"The tools that you saved for later on {here.title}."
    about = About(f"Bookmarks · {here.title}", words, here.url("/bookmarks"), indexed=False)
    return page(
        request, "bookmarks.html", headers=PRIVATE, about=about, cards=[card(one.tool) for one in saved[:_PAGE]],
        next=f"/bookmarks?before={saved[_PAGE - 1].id}" if len(saved) > _PAGE else None,
        is_subscriber=reader is not None and subscriber_of(reader) is not None,
    )  # fmt: skip


async def forget(request: Request) -> Response:
    """Leaves what is saved where it is; this browser alone no longer shows it."""
    refuse_foreign_posts(request)
    response = RedirectResponse("/bookmarks", 303)
    forget_reader(response)
    return response


def call_of(form: Form) -> Call | None:
    given = form.get("call", "")
    return Call(given) if given in tuple(Call) else None


def no_call(request: Request) -> Response:
    words = "A vote is ship or skip. Go back and press one of the two buttons."
    return page(request, "error.html", status=422, heading="Ship or skip?", words=words)


def too_many_votes(request: Request) -> Response:
    words = (
        "Very many votes have come from your network, so this one was not counted. "
        "Try again tomorrow, or vote by the link in your mail."
    )
    return _too_much(request, "Not counted", words, hours=24)


def too_many_bookmarks(request: Request) -> Response:
    words = "This is more than we keep for one reader. Remove some bookmarks, or try again in an hour."
    return _too_much(request, "Not saved", words, hours=1)


def _too_much(request: Request, heading: str, words: str, hours: int) -> Response:
    headers = {"Retry-After": str(hours * 3600)}
    return page(request, "error.html", status=429, headers=headers, heading=heading, words=words)


def _tool(request: Request) -> ToolRow:
    with reading(site(request).engine) as connection:
        found = standing_tool(connection, request.path_params["slug"])
    if found is None:
        raise HTTPException(404)
    return found


def _back(request: Request, form: Form, tool: ToolRow, reader: str) -> Response:
    """To the page that the form stood on, which is one of ours or else the tool's own."""
    asked = re.split("[?#]", form.get("back", ""), maxsplit=1)[0]
    response = RedirectResponse(asked if _BACK.fullmatch(asked) else f"/tools/{tool.slug}", 303)
    remember_reader(site(request), response, reader)
    return response


routes = [
    Route("/tools/{slug}/vote", vote, methods=["POST"]),
    Route("/tools/{slug}/bookmark", bookmark, methods=["POST"]),
    Route("/bookmarks", bookmarks),
    Route("/bookmarks/forget", forget, methods=["POST"]),
]
