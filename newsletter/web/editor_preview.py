"""The preview of an issue: the mail itself, in a page of its own that allows what mail needs and nothing more.

``GET`` shows the issue as it is stored; ``POST`` shows it with what is typed in the fields beside it. A subscriber in
*Preview as* gets what ``newsletter issues render --subscriber`` writes.
"""

from collections.abc import Container
from email import message_from_bytes, policy
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from db.engine import reading
from db.tools import tools_by_slug
from newsletter.errors import NewsletterError
from newsletter.issues import budget
from newsletter.issues.check import check_issue
from newsletter.issues.findings import Finding, in_numbers
from newsletter.issues.render import RenderedMail, render_issue
from newsletter.issues.shades import in_shade, without_pictures
from newsletter.web.editor_issue import ISSUE, issue_path, week_of
from newsletter.web.editor_typed import WORDS, look_of, notes_of
from newsletter.web.session import Typed, Visitor, act, editor_page, said_of, show
from newsletter.web.site import site

# Mail carries its styles inline, so they are allowed here and nowhere else; scripts, forms and foreign files are not.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox allow-same-origin"
)


def stored(request: Request, visitor: Visitor) -> Response:
    return _preview(request, look_of(request.query_params), None)


def typed_so_far(request: Request, visitor: Visitor, typed: Typed) -> Response:
    words = {name: typed.text(name).strip() or None for name in WORDS}
    return _preview(request, look_of(typed.fields), words, notes_of(typed))


def _preview(
    request: Request,
    look: dict[str, str],
    words: dict[str, str | None] | None,
    notes: dict[int, str] | None = None,
) -> Response:
    here, week = site(request), week_of(request)
    try:
        mail = render_issue(here.engine, week, here.settings, look["as"] or None, words, notes)
        html = _shown(mail, look)
    except NewsletterError as error:
        html = _plain(f"{said_of(error).rstrip('.')}.", _envelope("", ""), look)
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return HTMLResponse(html, headers=headers)


def _shown(mail: RenderedMail, look: dict[str, str]) -> str:
    """The mail and nothing else; whom it is for and its subject stand in the head, for the page around the frame."""
    to = str(message_from_bytes(mail.message, policy=policy.default).get("To", ""))
    if mail.withheld:
        words = f"{to} would get no mail this week: it has nothing of what they chose to read."
        return _plain(words, _envelope(to, ""), look)
    told = _envelope(to, mail.subject)
    if look["part"] == "source":
        return _plain(mail.message.decode("utf-8", "replace"), told, look)
    if look["part"] == "text" or not mail.html:
        return _plain(mail.text, told, look)
    html = without_pictures(mail.html) if look["images"] == "off" else mail.html
    # Links open beside the editors' room, not inside the frame.
    return in_shade(html, look["shade"]).replace("<head>", f'<head><base target="_blank">{told}', 1)


def _envelope(to: str, subject: str) -> str:
    """Empty where there is no mail, so that nothing of the one shown before stays."""
    told = (("to", to), ("subject", subject))
    return "".join(f'<meta name="{name}" content="{escape(text)}">' for name, text in told)


def _plain(text: str, told: str, look: dict[str, str]) -> str:
    style = "html{color-scheme:dark;background:#12110f;color:#f2efe8}" if look["shade"] != "light" else ""
    style += "pre{white-space:pre-wrap;overflow-wrap:anywhere;font:13px/1.5 ui-monospace,monospace;margin:12px}"
    head = f'<meta charset="utf-8"><title>Preview</title>{told}<style>{style}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body><pre>{escape(text)}</pre></body></html>'


def check_page(request: Request, visitor: Visitor) -> Response:
    return editor_page(request, visitor, "check.html", **_findings(request, issue_path(week_of(request))))


def findings(request: Request, visitor: Visitor) -> Response:
    """The findings alone, to stand on the issue's page."""
    return editor_page(request, visitor, "findings.html", **_findings(request, ""))


def _findings(request: Request, page: str) -> dict[str, Any]:
    here, week = site(request), week_of(request)
    report = check_issue(here.engine, week, here.settings, here.clock.now())
    with reading(here.engine) as connection:
        known = tools_by_slug(connection, {found.place for found in report.findings})
    placed = [(found, _place(found, known, page)) for found in report.findings]
    return {
        "week": str(week), "findings": placed, "passed": report.passed, "in_numbers": in_numbers(report.findings),
        "size": report.size, "limit": budget.LIMIT,
    }  # fmt: skip


def _place(found: Finding, known: Container[str], page: str) -> str | None:
    """Where to go and mend it; ``page`` is the issue's, '' from there. None where that is not in this room."""
    if found.place in WORDS:
        return f"{page}#{found.place}"
    if found.place in ("items", "size", "pick", "pair", "split"):
        return f"{page}#items-title"
    return f"/editor/tools/{found.place}" if found.place in known else None


routes: list[BaseRoute] = [
    show(ISSUE + "/preview", stored),
    act(ISSUE + "/preview", typed_so_far),
    show(ISSUE + "/check", check_page),
    show(ISSUE + "/findings", findings),
]
