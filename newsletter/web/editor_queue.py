"""``/editor/queue``: releases that nobody could match for sure, each with its candidates and why.

What is decided here flows at once into the draft of the week that ended last, or of its own week, if there is one.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from db import catalogue, issues, releases, tools
from db.engine import reading
from db.releases import ReleaseRow
from db.states import IssueStatus, ReleaseStatus
from newsletter.clock import Week, last_ended_week
from newsletter.errors import BadInputError
from newsletter.issues.compose import compose_issue
from newsletter.releases.foresee import where_it_goes
from newsletter.releases.rematch import rematch_releases
from newsletter.releases.reopen import decision_on, reopen_release
from newsletter.releases.resolve import DecidedError, drop_release, make_into_tool, match_to_tool
from newsletter.releases.weeks import as_clause
from newsletter.tools.edit import remember_name
from newsletter.tools.field_values import LONGEST_TAGLINE
from newsletter.tools.reading import new_tool
from newsletter.web.editor_links import back_saying
from newsletter.web.row_ids import row_id
from newsletter.web.session import Act, Typed, Visitor, act, editor_page, note, show
from newsletter.web.site import site

RELEASES_A_PAGE = 40
_RELEASE = "/editor/queue/{release_id:row}"


def queue_page(request: Request, visitor: Visitor) -> Response:
    return _queue(request, visitor, row_id(request.query_params.get("after", "")))


def _queue(
    request: Request,
    visitor: Visitor,
    after: int | None,
    *,
    status: int = 200,
    decided: int | None = None,
    trouble: str = "",
) -> Response:
    """``decided`` is the release that somebody else decided about meanwhile, as ``trouble`` says."""
    undo = decided or row_id(request.query_params.get("undo", ""))
    with reading(site(request).engine) as connection:
        found = releases.list_releases(
            connection, status=ReleaseStatus.UNMATCHED, after_id=after or 0,
            limit=RELEASES_A_PAGE + 1,
        )  # fmt: skip
        slugs = {str(one["tool"]) for release in found for one in release.candidates or []}
        known = tools.tools_by_slug(connection, slugs)
        waiting = releases.count_unmatched(connection)
        last = releases.release_by_id(connection, undo) if undo else None
        categories = [name for name, _ in catalogue.categories(connection)]
    return editor_page(
        request, visitor, "queue.html", status=status, after=after, trouble=trouble,
        releases=found[:RELEASES_A_PAGE], more=len(found) > RELEASES_A_PAGE, known=known, waiting=waiting,
        categories=categories, last=last,
        seen=decision_on(last) if last else "", category=request.query_params.get("category", "")[:100],
        zone=site(request).settings.timezone,
    )  # fmt: skip


def _decision(path: str, endpoint: Act) -> Route:
    """A button's target: where somebody else was quicker, the queue comes back and says what they decided."""

    def answer(request: Request, visitor: Visitor, typed: Typed) -> Response:
        try:
            return endpoint(request, visitor, typed)
        except DecidedError as error:
            decided, after = request.path_params["release_id"], row_id(typed.line("after"))
            return _queue(request, visitor, after, status=409, decided=decided, trouble=str(error))

    return act(_RELEASE + path, answer)


def match(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """Say whose release it is: a candidate's button, or any slug."""
    slug = typed.line("candidate", 100) or typed.line("tool", 100)
    if not slug:
        raise BadInputError("say which tool it is: its slug, or one of the candidates")
    here, release_id = site(request), request.path_params["release_id"]
    release = match_to_tool(
        here.engine, release_id, slug.lower(), here.clock.now(), f"by {visitor.email}", waiting=True
    )
    if typed.line("always") == "yes":
        remember_name(here.engine, release.tool or slug, release.name, here.clock.now())
    _flow_in(request, release)
    return _decided(request, visitor, typed, release, f"matched with {release.tool}")


def make_tool(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """Make a tool of it: unlisted until it has a take."""
    here, release_id = site(request), request.path_params["release_id"]
    name, url, category = typed.line("name", 500), typed.line("url", 2000), typed.line("category", 100)
    given = new_tool(name, url, category, typed.line("tagline", LONGEST_TAGLINE) or None)
    release = make_into_tool(here.engine, release_id, given, here.clock.now(), f"new tool, by {visitor.email}")
    _flow_in(request, release)
    what = f"made into the new tool {release.tool}"
    return _decided(request, visitor, typed, release, what, category=category)


def drop(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """What waited is in no draft, and teaches nothing of the others that wait."""
    here = site(request)
    release = drop_release(here.engine, request.path_params["release_id"], here.clock.now(), waiting=True)
    return _decided(request, visitor, typed, release, "dropped")


def undo(request: Request, visitor: Visitor, typed: Typed) -> Response:
    here = site(request)
    seen = typed.line("seen", 200) or None
    release = reopen_release(here.engine, request.path_params["release_id"], here.clock.now(), seen)
    _flow_in(request, release)
    note(request, visitor, "took back the decision on", f"release {release.id}", title=release.title)
    return back_saying(
        "/editor/queue", f"Taken back: {release.title}", f"#release-{release.id}", after=typed.line("after", 18)
    )


def _decided(
    request: Request, visitor: Visitor, typed: Typed, release: ReleaseRow, what: str, *, category: str = ""
) -> Response:
    """Back to the part of the queue where it stood."""
    note(request, visitor, what, f"release {release.id}", title=release.title)
    said, after = f"{release.title[:70]}: {what}{_where_it_goes(request, release.id)}", typed.line("after", 18)
    return back_saying("/editor/queue", said, undo=str(release.id), category=category, after=after)


def _where_it_goes(request: Request, release_id: int) -> str:
    """The issue that a matched release is in, or will be in."""
    here = site(request)
    with reading(here.engine) as connection:
        told = where_it_goes(connection, release_id, here.settings.timezone, here.clock.now(), flowed=True)
    return as_clause(told)


def _flow_in(request: Request, release: ReleaseRow) -> None:
    """Bring the open drafts up to date with what was decided: of the week that ended last, and of the release's own
    week, where somebody composed that before its end."""
    here = site(request)
    now = here.clock.now()
    last = last_ended_week(now, here.settings.timezone)
    own = Week.parse(release.week) if release.week else last
    for week in (last, own) if own > last else (last,):
        with reading(here.engine) as connection:
            issue = issues.issue_of_week(connection, str(week))
        if issue is not None and issue.status == IssueStatus.DRAFT:
            rematch_releases(here.engine, now)
            compose_issue(here.engine, week, here.settings, now)


routes: list[BaseRoute] = [
    show("/editor/queue", queue_page),
    _decision("/match", match),
    _decision("/new-tool", make_tool),
    _decision("/drop", drop),
    _decision("/undo", undo),
]
