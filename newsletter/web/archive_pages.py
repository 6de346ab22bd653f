"""``/issues`` and each issue as a page and as text: the archive, as a reader without personal links sees it."""

import re

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from db import archive
from db.archive import PublicIssue
from db.engine import reading
from newsletter.clock import Week, iso
from newsletter.issues import dates
from newsletter.issues.markdown import to_html, to_text
from newsletter.issues.values import IssueValues
from newsletter.issues.words import wrapped
from newsletter.templating import text_environment
from newsletter.verdicts.comparison import comparison_path
from newsletter.web.metadata import About, shortened
from newsletter.web.published import headlines, parts_of, published_issue
from newsletter.web.schema_org import breadcrumbs, item_list
from newsletter.web.site import Site, page, site

FRESH = {"Cache-Control": "public, max-age=300"}
_PAGE = 25


def issues(request: Request) -> Response:
    here = site(request)
    asked = request.query_params.get("before")
    before = str(_week(asked)) if asked else None
    with reading(here.engine) as connection:
        found = headlines(connection, archive.newest_issues(connection, _PAGE + 1, before))
    shown = found[:_PAGE]
    about = About(
        title=f"Issues · {here.title}",
        description=f"Every issue of {here.title}: the week's new tools with the panel's verdicts.",
        url=here.url("/issues"),
        indexed=before is None,
        data=(item_list((one.subject, here.url(f"/issues/{one.week}")) for one in shown),),
    )
    spans = {one.week: dates.span(Week.parse(one.week)) for one in shown}
    next_page = f"/issues?before={shown[-1].week}" if len(found) > _PAGE else None
    return page(request, "issues.html", about=about, issues=shown, spans=spans, next=next_page, before=before)


def issue(request: Request) -> Response:
    here, name = site(request), request.path_params["week"]
    week = _week(name)
    if name != str(week):
        return RedirectResponse(f"/issues/{week}", 301)
    with reading(here.engine) as connection:
        found, values = published_issue(connection, week)
        earlier, later = archive.weeks_beside(connection, str(week))
    return page(
        request, "issue.html", headers=FRESH, about=_about(here, found, values), earlier=earlier, later=later,
        markdown=_markdown, comparison=comparison_path, **parts_of(values),
    )  # fmt: skip


def issue_text(request: Request) -> Response:
    here = site(request)
    with reading(here.engine) as connection:
        found, values = published_issue(connection, _week(request.path_params["week"]))
    text = text_environment().get_template("web/issue.txt")
    names = {"wrap": wrapped, "markdown": to_text, "comparison": comparison_path}
    written = text.render(site=here, **names, **parts_of(values))
    page_of_it = f'<{here.url(f"/issues/{found.week}")}>; rel="canonical"'  # RFC 6596: search engines show that one
    return PlainTextResponse(re.sub(r"\n{3,}", "\n\n", written), headers={**FRESH, "Link": page_of_it})


def _markdown(source: str) -> Markup:
    """The little Markdown of editors; what it makes is escaped already."""
    return Markup(to_html(source))  # noqa: S704


def _week(name: str) -> Week:
    try:
        return Week.parse(name)
    except ValueError:
        raise HTTPException(404) from None


def _about(here: Site, found: PublicIssue, values: IssueValues) -> About:
    url = here.url(f"/issues/{found.week}")
    tools = item_list((tool.name, here.url(f"/tools/{tool.slug}")) for tool in values.items)
    article = {
        "@type": "Article",
        "headline": shortened(values.subject, 110),
        "description": values.preheader,
        "url": url,
        "datePublished": iso(found.started_at),
        "publisher": {"@type": "Organization", "name": here.title, "url": here.url("/")},
    }
    trail = breadcrumbs(here, (("Issues", "/issues"), (found.week, f"/issues/{found.week}")))
    return About(
        title=f"{values.subject} · {here.title}",
        description=shortened(values.preheader),
        url=url,
        kind="article",
        data=(article, tools, trail),
    )


routes = [
    Route("/issues", issues),
    Route("/issues/{week}.txt", issue_text),
    Route("/issues/{week}", issue),
]
