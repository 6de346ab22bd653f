"""The preview of an issue: the mail itself, in a page of its own that allows what mail needs and nothing more.

``GET`` shows the issue as it is stored; ``POST`` shows it with what is typed in the fields beside it. A subscriber in
*Preview as* gets what ``newsletter issues render --subscriber`` writes.
"""

from email import message_from_bytes, policy
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from newsletter.errors import NewsletterError
from newsletter.issues import budget
from newsletter.issues.check import check_issue
from newsletter.issues.checks import Finding
from newsletter.issues.render import RenderedMail, render_issue
from newsletter.issues.shades import in_shade, under_heading, without_pictures
from newsletter.web.editor_issue import PREVIEW, WORDS, week_of
from newsletter.web.session import Typed, Visitor, act, editor_page, show
from newsletter.web.site import site

# Mail carries its styles inline, so they are allowed here and nowhere else; scripts, forms and foreign files are not.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox allow-same-origin"
)


def stored(request: Request, visitor: Visitor) -> Response:
    asked = request.query_params
    return _preview(request, {name: asked.get(name, "") for name in (*PREVIEW, "as")}, None)


def typed_so_far(request: Request, visitor: Visitor, typed: Typed) -> Response:
    words = {name: typed.text(name).strip() or None for name in WORDS}
    return _preview(request, {name: typed.line(name, 254) for name in (*PREVIEW, "as")}, words)


def _preview(request: Request, asked: dict[str, str], words: dict[str, str | None] | None) -> Response:
    here = site(request)
    try:
        mail = render_issue(
            here.engine, week_of(request), here.settings, here.clock.now(), asked["as"].strip() or None, words
        )
        html = _shown(mail, asked)
    except NewsletterError as error:
        html = _plain(f"{error}.")
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return HTMLResponse(html, headers=headers)


def _shown(mail: RenderedMail, asked: dict[str, str]) -> str:
    if asked["part"] == "source":
        return _plain(mail.message.decode("utf-8", "replace"))
    heads = message_from_bytes(mail.message, policy=policy.default)
    lines = [(name, str(heads.get(name, ""))) for name in ("From", "To")] + [("Subject", mail.subject)]
    if asked["part"] == "text" or not mail.html:
        return _plain("".join(f"{name}: {value}\n" for name, value in lines) + "\n" + mail.text)
    html = without_pictures(mail.html) if asked["images"] == "off" else mail.html
    return under_heading(_links_leave(in_shade(html, asked["shade"] or "light")), lines)


def _links_leave(html: str) -> str:
    """Links open beside the editors' room, not inside the frame."""
    return html.replace("<head>", '<head><base target="_blank">', 1)


def _plain(text: str) -> str:
    style = "pre{white-space:pre-wrap;overflow-wrap:anywhere;font:13px/1.5 ui-monospace,monospace;margin:12px}"
    head = f'<meta charset="utf-8"><title>Preview</title><style>{style}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body><pre>{escape(text)}</pre></body></html>'


def check_page(request: Request, visitor: Visitor) -> Response:
    return editor_page(request, visitor, "check.html", week=str(week_of(request)), **_findings(request))


def findings(request: Request, visitor: Visitor) -> Response:
    return editor_page(request, visitor, "findings.html", week=str(week_of(request)), **_findings(request))


def _findings(request: Request) -> dict[str, Any]:
    here = site(request)
    report = check_issue(here.engine, week_of(request), here.settings, here.clock.now())
    placed = [(found, _place(request, found)) for found in report.findings]
    return {"findings": placed, "passed": report.passed, "size": report.size, "limit": budget.LIMIT}


def _place(request: Request, found: Finding) -> str | None:
    """Where to go and mend it."""
    if found.place in WORDS:
        return f"/editor/issues/{week_of(request)}#{found.place}"
    if found.place in ("items", "size", "pick"):
        return f"/editor/issues/{week_of(request)}#items-title"
    return None if found.place.startswith("NEWSLETTER_") else f"/editor/tools/{found.place}"


_BASE = "/editor/issues/{week}"

routes: list[BaseRoute] = [
    show(_BASE + "/preview", stored),
    act(_BASE + "/preview", typed_so_far),
    show(_BASE + "/check", check_page),
    show(_BASE + "/findings", findings),
]
