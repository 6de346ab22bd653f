"""The web app: routes from every room of pages, headers on every answer, error pages that help."""

import importlib
import logging
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from newsletter.clock import Clock
from newsletter.errors import first_line
from newsletter.settings import Settings
from newsletter.templating import templates_folder
from newsletter.web.api_routing import Problem
from newsletter.web.archive_pages import FRESH
from newsletter.web.headers import SecurityHeaders, has_token
from newsletter.web.metrics import Measured
from newsletter.web.site import Site, page

log = logging.getLogger(__name__)

# Each module offers `routes`, a list.
ROOMS = (
    "newsletter.web.health",
    "newsletter.web.subscriber_pages",
    "newsletter.web.archive_pages",
    "newsletter.web.feed_pages",
    "newsletter.web.tool_pages",
    "newsletter.web.compare_pages",
    "newsletter.web.reader_pages",
    "newsletter.web.mail_link_pages",
    "newsletter.web.about_pages",
    "newsletter.web.editor_pages",
    "newsletter.web.api_pages",
    "newsletter.web.hooks",
    "newsletter.web.metrics",
)


class _App(Starlette):
    """Headers and counts are for every answer: Starlette's own middleware has no part in the page for what nobody
    foresaw."""

    def build_middleware_stack(self) -> ASGIApp:
        return Measured(SecurityHeaders(super().build_middleware_stack()))


class _Files(StaticFiles):
    """Browsers guess for how long a file without such a header is good (RFC 9111, 4.2.2): after an upgrade they would
    lay out new pages by an old sheet for days."""

    def file_response(self, *args: Any, **options: Any) -> Response:
        response = super().file_response(*args, **options)
        response.headers.update(FRESH)
        return response


def create_app(settings: Settings, engine: Engine, clock: Clock) -> Starlette:
    """The whole site for one installation; whoever serves it closes the engine."""
    files = _Files(directory=templates_folder() / "web" / "static")

    async def icon(request: Request) -> Response:
        """Feed readers and browsers ask for it here, whatever pages say."""
        return await files.get_response("favicon.ico", request.scope)

    routes: list[BaseRoute] = [Mount("/static", files), Route("/favicon.ico", icon)]
    for name in ROOMS:
        routes.extend(importlib.import_module(name).routes)
    handlers: dict[Any, Any] = {HTTPException: _http_error, Exception: _unforeseen}
    handlers |= dict.fromkeys((OperationalError, InterfaceError, PoolTimeoutError), _no_database)
    app = _App(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False  # it would believe the Host header, and that we speak no TLS
    app.state.site = Site(settings, engine, clock)
    return app


_BROKEN_LINK = (
    "This link is not whole",
    "It may have been cut off where a line of the message ended, or what it belonged to is deleted. Open it once more "
    "from the message, all of it. If that does not help, answer any of our messages.",
)
_HELP = {
    403: (
        "This came from elsewhere",
        "This button works on our own pages alone. Open the page and press it there.",
    ),
    404: ("Nothing is here", "The address may be mistyped, or the link may be cut off. Try the start page."),
    405: ("That does not work here", "This page is opened in another way. Go back and use its button."),
    413: ("That is too much", "What was sent is larger than this form takes."),
}


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if _is_of_the_api(request):
        return Problem(error.status_code, str(error.detail), headers=error.headers).response()
    if error.status_code == 404 and (path := _without_slash(request)):
        return RedirectResponse(path, 307)
    title, words = _HELP.get(error.status_code, ("That did not work", "Go back and try again."))
    headers = dict(error.headers or {})
    if error.status_code == 404 and has_token(request.url.path):
        title, words = _BROKEN_LINK
    if error.status_code == 405:
        headers["Allow"] = _allowed(request) or headers.get("Allow", "")
    return page(request, "error.html", status=error.status_code, headers=headers, heading=title, words=words)


def _without_slash(request: Request) -> str | None:
    """The address less a slash at its end, where that is one of ours; as it was sent, and without a host."""
    sent: str = request.scope["raw_path"].decode("ascii")
    path = sent.rstrip("/")
    if path in ("", sent):  # an encoded slash is none too much
        return None
    scope = {**request.scope, "path": request.url.path.rstrip("/")}
    if all(route.matches(scope)[0] is Match.NONE for route in request.app.routes):
        return None
    return f"{path}?{request.url.query}" if request.url.query else path


def _allowed(request: Request) -> str:
    """Every method of an address (RFC 9110, 10.2.1): one that shows and acts has a route for each."""
    matching = (route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE)
    methods = {method for route in matching if isinstance(route, Route) for method in route.methods or ()}
    return ", ".join(sorted(methods))


async def _no_database(request: Request, error: Exception) -> Response:
    """It is gone, takes no writes, or has no room: somebody else's trouble, and over soon, so no traceback."""
    log.warning("the database cannot be used: %s", first_line(error))
    later = {"Retry-After": "30"}
    if _is_of_the_api(request):
        return Problem(503, "The database cannot be used now", headers=later).response()
    words = "We are away for a moment. What you sent was not taken; please try again in a minute."
    return page(request, "error.html", status=503, headers=later, heading="Back in a minute", words=words)


async def _unforeseen(request: Request, error: Exception) -> Response:
    if _is_of_the_api(request):
        return Problem(500, "The mistake is ours and has been noted").response()
    words = "The mistake is ours and has been noted. Please try again in a minute."
    return page(request, "error.html", status=500, heading="That did not work", words=words)


def _is_of_the_api(request: Request) -> bool:
    return request.url.path.startswith("/api/v1/")
