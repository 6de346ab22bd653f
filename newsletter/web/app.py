"""The web app: routes from every room of pages, headers on every answer, error pages that help."""

import importlib

from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from newsletter.clock import Clock
from newsletter.settings import Settings
from newsletter.templating import templates_folder
from newsletter.web.headers import SecurityHeaders
from newsletter.web.metrics import Measured
from newsletter.web.site import Site, page

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


def create_app(settings: Settings, engine: Engine, clock: Clock) -> Starlette:
    """The whole site for one installation; whoever serves it closes the engine."""
    routes: list[BaseRoute] = [
        Mount("/static", StaticFiles(directory=templates_folder() / "web" / "static"), name="static")
    ]
    for name in ROOMS:
        routes.extend(importlib.import_module(name).routes)
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Measured), Middleware(SecurityHeaders)],
        exception_handlers={HTTPException: _http_error, Exception: _unforeseen},
    )
    app.state.site = Site(settings, engine, clock)
    return app


_HELP = {
    404: ("Nothing is here", "The address may be mistyped, or the link may be cut off. Try the start page."),
    405: ("That does not work here", "This page is opened in another way. Go back and use its button."),
    413: ("That is too much", "What was sent is larger than this form takes."),
}


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title, words = _HELP.get(error.status_code, ("That did not work", "Go back and try again."))
    headers = dict(error.headers or {})
    return page(request, "error.html", status=error.status_code, headers=headers, heading=title, words=words)


async def _unforeseen(request: Request, error: Exception) -> Response:
    words = "The mistake is ours and has been noted. Please try again in a minute."
    return page(request, "error.html", status=500, heading="That did not work", words=words)
