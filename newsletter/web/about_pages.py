"""``/about``: who the panel is, how verdicts are made, what becomes of addresses: in the operator's words, or else in
ours, which claim no more than is known."""

import re
from pathlib import Path

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from db.engine import reading
from db.tools import panel
from newsletter.issues.markdown import to_html
from newsletter.web.metadata import About
from newsletter.web.site import page, site

_LONGEST = 50_000
_SEATS = {
    "builder": "would I put this into what I am building this month?",
    "skeptic": "does it do what it says, and what does it not say?",
    "futurist": "does it matter in two years?",
    "founder": "is there a business in it, for them and for us?",
    "creator": "does it help those who make things to look at, read or hear?",
}


def about(request: Request) -> Response:
    here = site(request)
    with reading(here.engine) as connection:
        members = panel(connection)
    words = About(
        title=f"About · {here.title}",
        description=f"Who the panel of {here.title} is, how its verdicts are made, and what becomes of your address.",
        url=here.url("/about"),
    )
    own = own_words(here.settings.about)
    return page(request, "about.html", about=words, panel=members, seats=_SEATS, own_words=own)


def own_words(path: Path | None) -> list[tuple[str, Markup]]:
    """(heading, paragraphs) of the operator's file; the part before the first heading has ''. Empty without a file."""
    if path is None:
        return []
    try:
        text = path.read_text("utf-8-sig", errors="replace")[:_LONGEST]
    except OSError:
        return []
    parts = re.split(r"^##?[ \t]+(.+)$", text, flags=re.MULTILINE)
    found = [("", parts[0]), *zip(parts[1::2], parts[2::2], strict=True)]
    return [(head.strip(), Markup(to_html(body))) for head, body in found if head or body.strip()]  # noqa: S704


routes = [Route("/about", about)]
