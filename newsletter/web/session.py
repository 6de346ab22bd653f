"""Doors of the editors' room: who is asking, from where, and what they typed.

Every page is made by ``show`` and every act by ``act``. They check the session (a cookie), the role, and for acts that
the request comes from a page of ours: the browser's ``Origin`` or ``Sec-Fetch-Site`` where it sends one, and a token
tied to the session always. Whatever goes wrong after somebody typed, what they typed comes back with the answer.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Route

from db.audit import add_audit
from db.editors import EditorRow
from db.engine import transaction
from newsletter.editors.roles import EDITORS, OPERATORS
from newsletter.editors.sign_in import SESSION_LIFE, who_is
from newsletter.errors import BadInputError, NewsletterError, NotFoundError
from newsletter.subscribers.text import one_line
from newsletter.web.forms import Form, read_form
from newsletter.web.origin import refuse_foreign_posts
from newsletter.web.site import page, site

COOKIE = "editor_session"
MOST_TYPED = 1_000_000
"""Bytes that a form may carry: a take of 20,000 characters is 120,000 at most when encoded."""
MOST_FIELDS = 5_000
"""An issue's page has two for the note of each of its tools, and a week may bring a thousand."""

# What errors advise at a command line, where it stands at the end of a clause.
_COMMAND = re.compile(r"[;:] `newsletter [^`]*`[^;]*")
_NO_STORE = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}


@dataclass(frozen=True)
class Visitor:
    """Who is signed in. ``csrf`` must come back with every form of theirs."""

    editor: EditorRow
    csrf: str

    @property
    def email(self) -> str:
        return self.editor.email

    @property
    def edits(self) -> bool:
        return self.editor.role in EDITORS

    @property
    def operates(self) -> bool:
        return self.editor.role in OPERATORS


def note(request: Request, visitor: Visitor, what: str, subject: str, **detail: object) -> None:
    """A line of the editors' log."""
    here = site(request)
    with transaction(here.engine) as connection:
        add_audit(connection, visitor.email, what, subject, here.clock.now(), detail or None)


@dataclass(frozen=True)
class Typed:
    """What was posted: fields as text or as one line, with '' for those that are absent."""

    fields: Form

    def text(self, name: str) -> str:
        """Without control characters except line ends and tabs."""
        return "".join(c for c in self.fields.get(name, "") if c in "\n\t" or (ord(c) >= 32 and ord(c) != 127))

    def line(self, name: str, limit: int = 2000) -> str:
        return one_line(self.fields.get(name, ""), limit)

    def number(self, name: str) -> int | None:
        """None when the field is absent or empty. Raises BadInputError for what is no whole number."""
        text = self.line(name)
        if not text:
            return None
        if not text.isascii() or not text.lstrip("-").isdigit() or len(text) > 15:
            raise BadInputError(f"{text!r} is no whole number")
        return int(text)

    def __contains__(self, name: str) -> bool:
        return name in self.fields

    def touched(self) -> "Typed":
        """Without the fields that hold what their page showed in them (``name_was`` beside ``name``)."""
        same = {name for name in self.fields if f"{name}_was" in self and self.text(name) == self.text(f"{name}_was")}
        left_out = same | {f"{name}_was" for name in same}
        return Typed(Form([pair for pair in self.fields.multi_items() if pair[0] not in left_out]))

    def pairs(self) -> list[tuple[str, str]]:
        """Everything typed, to be shown again; the token of the old session is left out."""
        return [(key, value) for key, value in self.fields.multi_items() if key != "csrf"]


Show = Callable[[Request, Visitor], Response]
Act = Callable[[Request, Visitor, Typed], Response]


def show(path: str, endpoint: Show, roles: frozenset[str] = EDITORS) -> Route:
    """A page for those who are signed in; others are led to the sign-in page."""

    def answer(request: Request) -> Response:
        visitor = visitor_of(request)
        if visitor is None:
            return _notice(request, None) if asks_for_a_part(request) else back_to("/editor/sign-in")
        if visitor.editor.role not in roles:
            return not_allowed(request, visitor)
        try:
            return endpoint(request, visitor)
        except NewsletterError as error:
            return sorry(request, visitor, error)

    return Route(path, answer, methods=["GET"])


def act(path: str, endpoint: Act, roles: frozenset[str] = EDITORS) -> Route:
    """A form's target. Only a signed-in editor's own page gets through to ``endpoint``."""

    async def answer(request: Request) -> Response:
        typed = await read_ours(request)
        return await run_in_threadpool(_checked, request, typed)

    def _checked(request: Request, typed: Typed) -> Response:
        visitor = visitor_of(request)
        if visitor is None or not hmac.compare_digest(visitor.csrf.encode(), typed.text("csrf").encode()):
            return _notice(request, visitor) if asks_for_a_part(request) else _kept(request, visitor, typed)
        if visitor.editor.role not in roles:
            return not_allowed(request, visitor)
        try:
            return endpoint(request, visitor, typed)
        except NewsletterError as error:
            return refused(request, visitor, typed, error)

    return Route(path, answer, methods=["POST"])


def visitor_of(request: Request) -> Visitor | None:
    token = request.cookies.get(COOKIE, "")
    if not token or len(token) > 100:
        return None
    here = site(request)
    editor = who_is(here.engine, token, here.clock.now())
    return None if editor is None else Visitor(editor, csrf_of(token))


def csrf_of(session: str) -> str:
    """The session's token has 256 bits and no script can read it, so its hash is a secret that a page may carry."""
    return hashlib.sha256(b"csrf:" + session.encode()).hexdigest()


async def read_ours(request: Request) -> Typed:
    """What was posted by a page of ours. Foreign pages get 403, more than a form can hold gets 413."""
    refuse_foreign_posts(request)
    return Typed(await read_form(request, MOST_TYPED, MOST_FIELDS))


def set_session(request: Request, response: Response, token: str) -> None:
    secure = site(request).settings.public_url.startswith("https:")
    life = int(SESSION_LIFE.total_seconds())
    response.set_cookie(COOKIE, token, life, path="/editor", secure=secure, httponly=True, samesite="lax")


def editor_page(
    request: Request, visitor: Visitor | None, template: str, /, *, status: int = 200, **values: object
) -> Response:
    """Render ``templates/web/editor/<template>`` for somebody, never to be stored by anybody."""
    ours = request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
    said = request.query_params.get("said", "") if ours else ""  # nobody else's link puts words into our mouth
    values = {"said": said[:300], **values}
    return page(request, f"editor/{template}", status=status, headers=_NO_STORE, visitor=visitor, **values)


def back_to(path: str) -> RedirectResponse:
    """After an act: the page again, by GET."""
    return RedirectResponse(path, 303, _NO_STORE)


def refused(
    request: Request, visitor: Visitor, typed: Typed, error: NewsletterError, back: str | None = None
) -> Response:
    """An act that could not be done, with the reason and everything that was typed."""
    return editor_page(
        request, visitor, "refused.html", status=status_of(error), heading="That could not be done",
        words=said_of(error), typed=typed.pairs(), back=back or _page_above(request),
    )  # fmt: skip


def _page_above(request: Request) -> str:
    """Where the form stood: the nearest address above its target that is a page's."""
    path = request.url.path
    while path.count("/") > 1:
        scope = {**request.scope, "method": "GET", "path": path}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes):
            return path
        path = path.rpartition("/")[0]
    return "/editor"


def sorry(request: Request, visitor: Visitor, error: NewsletterError) -> Response:
    """A page that cannot be shown, with the reason."""
    status = status_of(error)
    heading = "Nothing is here" if status == 404 else "This cannot be shown"
    return editor_page(request, visitor, "sorry.html", status=status, heading=heading, words=said_of(error))


def said_of(error: NewsletterError) -> str:
    """What an error says to who reads it on a page, where no command can be typed."""
    return _COMMAND.sub("", str(error))


def status_of(error: NewsletterError) -> int:
    return 404 if isinstance(error, NotFoundError) else 422 if isinstance(error, BadInputError) else 409


def not_allowed(request: Request, visitor: Visitor) -> Response:
    words = f"You are signed in as {visitor.editor.role}, who may not do this."
    return editor_page(request, visitor, "sorry.html", status=403, heading="Not for you", words=words)


def asks_for_a_part(request: Request) -> bool:
    """A script of a page of ours asks for what stands in one of its places (htmx)."""
    return "HX-Request" in request.headers


def _notice(request: Request, visitor: Visitor | None) -> Response:
    """The session that the page around the part was made for has ended; base.html says where this then stands."""
    return editor_page(request, visitor, "signed_out.html", status=401)


def _kept(request: Request, visitor: Visitor | None, typed: Typed) -> Response:
    """What was typed without a session, or on a page of an earlier one, with a way to go on."""
    status, heading = (403, "Please confirm once more") if visitor else (401, "You are signed out")
    return editor_page(request, visitor, "kept.html", status=status, heading=heading, typed=typed.pairs())
