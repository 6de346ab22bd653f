"""The archive for programs: Atom (RFC 4287), JSON Feed 1.1, the sitemap, and what robots may read."""

import json
from dataclasses import dataclass
from hashlib import sha256

from markupsafe import escape
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from db import archive
from db.archive import PublicIssue
from db.catalogue import listed_slugs
from db.engine import reading
from newsletter.clock import iso
from newsletter.issues.markdown import to_html
from newsletter.issues.values import IssueValues
from newsletter.issues.words import in_its_place
from newsletter.templating import markup_environment
from newsletter.web.archive_pages import FRESH
from newsletter.web.published import values_of
from newsletter.web.site import Site, site

_NEWEST = 20
_MOST_TOOLS = 45_000
"""A sitemap may hold 50,000 addresses (sitemaps.org)."""
_ROBOTS = """\
User-agent: *
Disallow: /editor
Disallow: /confirm/
Disallow: /unsubscribe/
Disallow: /preferences/
Disallow: /vote/
Disallow: /bookmark/
Disallow: /bookmarks
Sitemap: {sitemap}
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """An issue as feeds carry it; ``html`` is its content as markup in plain text, for the feed to escape."""

    issue: PublicIssue
    values: IssueValues
    url: str
    html: str

    @property
    def published(self) -> str:
        return iso(self.issue.started_at) or ""


def atom(request: Request) -> Response:
    here = site(request)
    entries = _entries(here)
    today = here.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)  # or no two answers would be alike
    updated = max((entry.published for entry in entries), default=iso(today))
    body = markup_environment().get_template("web/feed.atom").render(site=here, entries=entries, updated=updated)
    return _conditional(request, body, "application/atom+xml")


def json_feed(request: Request) -> Response:
    """https://www.jsonfeed.org/version/1.1/"""
    here = site(request)
    items = [
        {
            "id": entry.url, "url": entry.url, "title": entry.values.subject, "summary": entry.values.preheader,
            "content_html": entry.html, "date_published": entry.published,
        }
        for entry in _entries(here)
    ]  # fmt: skip
    document = {
        "version": "https://jsonfeed.org/version/1.1", "title": here.title, "home_page_url": here.url("/"),
        "feed_url": here.url("/feed.json"), "language": "en", "items": items,
    }  # fmt: skip
    return _conditional(request, json.dumps(document, ensure_ascii=False), "application/feed+json")


def sitemap(request: Request) -> Response:
    here = site(request)
    with reading(here.engine) as connection:
        weeks, slugs = archive.public_weeks(connection), listed_slugs(connection, _MOST_TOOLS)
    base = escape(here.settings.public_url)  # paths of ours are plain ASCII: slugs and weeks need no escaping
    places = [f"<url><loc>{base}{path}</loc></url>" for path in ("/", "/tools", "/issues", "/about")]
    places += [f"<url><loc>{base}/issues/{week}</loc><lastmod>{at.date()}</lastmod></url>" for week, at in weeks]
    places += [f"<url><loc>{base}/tools/{slug}</loc></url>" for slug in slugs]
    head = '<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
    return _conditional(request, head + "\n".join(places) + "\n</urlset>\n", "application/xml")


async def robots(request: Request) -> Response:
    return PlainTextResponse(_ROBOTS.format(sitemap=site(request).url("/sitemap.xml")))


def _entries(here: Site) -> list[Entry]:
    template = markup_environment().get_template("web/feed_entry.html")
    with reading(here.engine) as connection:
        found = [(one, values_of(connection, one)) for one in archive.newest_issues(connection, _NEWEST)]
    return [
        Entry(
            one,
            values,
            here.url(f"/issues/{one.week}"),
            template.render(site=here, issue=values, intro=to_html(values.intro)),
        )
        for one, values in found
    ]


def _conditional(request: Request, body: str, media_type: str) -> Response:
    """304 for a reader who has it already (RFC 9110, 13.1.2): feeds are asked for far more often than they change."""
    data = in_its_place(body).encode()
    headers = {**FRESH, "ETag": f'"{sha256(data).hexdigest()[:32]}"'}
    seen = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if headers["ETag"] in seen or seen == ["*"]:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=f"{media_type}; charset=utf-8", headers=headers)


routes = [
    Route("/feed.atom", atom),
    Route("/feed.json", json_feed),
    Route("/sitemap.xml", sitemap),
    Route("/robots.txt", robots),
]
