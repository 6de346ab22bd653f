"""The demo's own pages: one that links everything, and the inbox. They are part of no other installation."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from functools import partial
from pathlib import Path

from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from newsletter.clock import Clock
from newsletter.editors.sign_in import make_link, sign_in
from newsletter.settings import Settings
from newsletter.web.session import set_session
from newsletter.web.site import page

# A mail brings its own styles, and is shown in a frame of the inbox alone.
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; frame-ancestors 'self'; "
    "sandbox allow-top-navigation-by-user-activation"
)


@dataclass(frozen=True)
class Message:
    """One arrived message, in the forms that people look at it in."""

    name: str
    to: str
    subject: str
    date: str
    text: str
    html: str
    source: str

    @classmethod
    def read(cls, path: Path) -> "Message":
        raw = path.read_bytes()
        parsed = message_from_bytes(raw, policy=policy.default)
        text, html = (part.get_content() if part else "" for part in map(parsed.get_body, (("plain",), ("html",))))
        to, subject, date = (str(parsed[name] or "") for name in ("Delivered-To", "Subject", "Date"))
        return cls(path.stem, to, subject, date, text, html, raw.decode("utf-8", "replace").replace("\r\n", "\n"))


def demo_routes(inbox: Path, engine: Engine, settings: Settings, clock: Clock, editor: str) -> Sequence[BaseRoute]:
    """``/demo`` and what hangs below it. Looking at it signs the visitor in as ``editor``: the demo is on loopback."""
    token = make_link(engine, editor, settings, clock.now()).rpartition("/")[2]
    _, session = sign_in(engine, token, clock.now())
    return [
        Route("/demo", partial(overview, inbox=inbox, session=session)),
        Route("/demo/inbox/{name}", partial(message, inbox=inbox)),
        Route("/demo/inbox/{name}/html", partial(as_html, inbox=inbox)),
        Route("/demo/inbox/{name}/text", partial(as_text, inbox=inbox)),
        Route("/demo/inbox/{name}/source", partial(as_source, inbox=inbox)),
    ]


def overview(request: Request, inbox: Path, session: str) -> Response:
    arrived = [Message.read(path) for path in sorted(inbox.glob("*.eml"), reverse=True)]
    response = page(request, "demo/overview.html", arrived=arrived)
    set_session(request, response, session)
    return response


def message(request: Request, inbox: Path) -> Response:
    return page(request, "demo/message.html", message=_find(request, inbox))


def as_html(request: Request, inbox: Path) -> Response:
    headers = {"Content-Security-Policy": _MAIL_POLICY}
    found = _find(request, inbox)
    if not found.html:
        return PlainTextResponse("This reader asked for plain text; there is no HTML part.", headers=headers)
    # Its links leave the frame: the pages that they lead to cannot be framed.
    return HTMLResponse(found.html.replace("<head>", '<head><base target="_top">', 1), headers=headers)


def as_text(request: Request, inbox: Path) -> Response:
    return PlainTextResponse(_find(request, inbox).text)


def as_source(request: Request, inbox: Path) -> Response:
    return PlainTextResponse(_find(request, inbox).source)


def _find(request: Request, inbox: Path) -> Message:
    name = request.path_params["name"]
    path = inbox / f"{name}.eml"
    if not re.fullmatch(r"\d{4,9}", name, re.ASCII) or not path.is_file():
        raise HTTPException(404)
    return Message.read(path)
