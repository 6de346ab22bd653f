"""``/about``: who the panel is, how verdicts are made, what becomes of addresses."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from db.engine import reading
from db.tools import panel
from newsletter.web.metadata import About
from newsletter.web.site import page, site

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
    return page(request, "about.html", about=words, panel=members, seats=_SEATS)


routes = [Route("/about", about)]
