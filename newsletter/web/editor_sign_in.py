"""``/editor/sign-in``: asking for a link, using it, and leaving. A link's GET changes nothing; its POST acts, once."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from newsletter.editors import sign_in
from newsletter.editors.roles import EVERYBODY
from newsletter.errors import NotFoundError
from newsletter.web.client import client_address, household_of
from newsletter.web.session import (
    COOKIE,
    Typed,
    Visitor,
    act,
    back_to,
    editor_page,
    read_ours,
    set_session,
    visitor_of,
)
from newsletter.web.site import page, site


def ask(request: Request) -> Response:
    return editor_page(request, visitor_of(request), "sign_in.html")


async def send_link(request: Request) -> Response:
    """The same answer for every address, known or not."""
    typed = await read_ours(request)
    here = site(request)
    client = household_of(client_address(request))
    await run_in_threadpool(
        sign_in.request_link, here.engine, typed.line("email", 300), client, here.settings, here.clock.now()
    )
    return editor_page(request, None, "link_sent.html")


def link(request: Request) -> Response:
    """A page with a button: mail scanners open every link. Who comes by it once more is signed in mostly."""
    here = site(request)
    usable = sign_in.is_usable(here.engine, request.path_params["token"], here.clock.now())
    return page(
        request, "editor/use_link.html", status=200 if usable else 404, usable=usable,
        visitor=None if usable else visitor_of(request), said="",
    )  # fmt: skip


def use_link(request: Request) -> Response:
    """The token is all that it takes: browsers without Sec-Fetch-Site call this page's own form ``Origin: null``."""
    here = site(request)
    try:
        editor, session = sign_in.sign_in(here.engine, request.path_params["token"], here.clock.now())
    except NotFoundError:
        return link(request)
    response = back_to("/editor" if editor.role != "panelist" else "/editor/takes")
    set_session(request, response, session)
    return response


def sign_out(request: Request, visitor: Visitor, typed: Typed) -> Response:
    sign_in.sign_out(site(request).engine, request.cookies.get(COOKIE, ""))
    return _left()


def sign_out_everywhere(request: Request, visitor: Visitor, typed: Typed) -> Response:
    here = site(request)
    sign_in.sign_out_everywhere(here.engine, visitor.editor, here.clock.now())
    return _left()


def _left() -> Response:
    response = back_to("/editor/sign-in")
    response.delete_cookie(COOKIE, path="/editor")
    return response


routes: list[BaseRoute] = [
    Route("/editor/sign-in", ask, methods=["GET"]),
    Route("/editor/sign-in", send_link, methods=["POST"]),
    Route("/editor/sign-in/{token}", link, methods=["GET"]),
    Route("/editor/sign-in/{token}", use_link, methods=["POST"]),
    act("/editor/sign-out", sign_out, EVERYBODY),
    act("/editor/sign-out-everywhere", sign_out_everywhere, EVERYBODY),
]
