"""``/editor/queue``: releases that nobody could match for sure, each with its candidates and why.

What is decided here flows at once into the draft of the week that ended last, if there is one.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from db import audit, catalogue, issues, releases, tools
from db.engine import reading, transaction
from db.releases import ReleaseRow
from db.states import IssueStatus, ReleaseStatus
from newsletter.clock import Week, last_ended_week
from newsletter.errors import BadInputError, RefusedError
from newsletter.feeds.addresses import canonical_url
from newsletter.issues.compose import compose_issue
from newsletter.releases.rematch import rematch_releases
from newsletter.releases.reopen import reopen_release
from newsletter.releases.resolve import drop_release, match_to_tool
from newsletter.tools.edit import make_tool, remember_name
from newsletter.tools.field_values import LONGEST_TAGLINE
from newsletter.web.editor_links import back_saying
from newsletter.web.row_ids import row_id
from newsletter.web.session import Typed, Visitor, act, editor_page, show
from newsletter.web.site import site

RELEASES_A_PAGE = 40


def queue_page(request: Request, visitor: Visitor) -> Response:
    after, undo = request.query_params.get("after", ""), request.query_params.get("undo", "")
    with reading(site(request).engine) as connection:
        found = releases.list_releases(
            connection, status=ReleaseStatus.UNMATCHED, after_id=row_id(after) or 0,
            limit=RELEASES_A_PAGE + 1,
        )  # fmt: skip
        slugs = {str(one["tool"]) for release in found for one in release.candidates or []}
        known = tools.tools_by_slug(connection, slugs)
        waiting = releases.count_unmatched(connection)
        categories = [name for name, _ in catalogue.categories(connection)]
    return editor_page(
        request, visitor, "queue.html", releases=found[:RELEASES_A_PAGE], more=len(found) > RELEASES_A_PAGE,
        known=known, waiting=waiting, categories=categories, undo=row_id(undo),
        category=request.query_params.get("category", "")[:100], zone=site(request).settings.timezone,
    )  # fmt: skip


def match(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """Say whose release it is: a candidate's button, or any slug."""
    slug = typed.line("candidate", 100) or typed.line("tool", 100)
    if not slug:
        raise BadInputError("say which tool it is: its slug, or one of the candidates")
    here, release_id = site(request), request.path_params["release_id"]
    release = match_to_tool(here.engine, release_id, slug.lower(), here.clock.now(), f"by {visitor.email}")
    if typed.line("always") == "yes":
        remember_name(here.engine, release.tool or slug, release.name, here.clock.now())
    return _decided(request, visitor, release, f"matched with {release.tool}")


def new_tool(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """Make a tool of it: unlisted until it has a take."""
    here, release_id = site(request), request.path_params["release_id"]
    _refuse_decided(request, release_id)
    name, url, category = typed.line("name", 500), typed.line("url", 2000), typed.line("category", 100)
    tagline, shared = typed.line("tagline", LONGEST_TAGLINE) or None, _lies_elsewhere(request, release_id, url)
    slug = make_tool(here.engine, name, url, category, here.clock.now(), tagline=tagline, shared=shared)
    release = match_to_tool(here.engine, release_id, slug, here.clock.now(), f"new tool, by {visitor.email}")
    return _decided(request, visitor, release, f"made into the new tool {slug}", category=category)


def _refuse_decided(request: Request, release_id: int) -> None:
    """A second press of the button, or another editor's, would make a second tool of it."""
    with reading(site(request).engine) as connection:
        release = releases.release_by_id(connection, release_id)
    if release is not None and release.status != ReleaseStatus.UNMATCHED:
        done = f"matched with {release.tool}" if release.tool else release.status
        raise RefusedError(f"{release.title!r} is {done} already, so no tool was made of it")


def _lies_elsewhere(request: Request, release_id: int, url: str) -> bool:
    """Whether the address is not the release's own but, for want of one, that of its feed's site."""
    with reading(site(request).engine) as connection:
        release = releases.release_by_id(connection, release_id)
        return (
            release is not None
            and canonical_url(url) == release.canonical_url
            and not releases.has_page_of_its_own(connection, release)
        )


def drop(request: Request, visitor: Visitor, typed: Typed) -> Response:
    here = site(request)
    release = drop_release(here.engine, request.path_params["release_id"], here.clock.now())
    return _decided(request, visitor, release, "dropped")


def undo(request: Request, visitor: Visitor, typed: Typed) -> Response:
    here = site(request)
    release = reopen_release(here.engine, request.path_params["release_id"], here.clock.now())
    _flow_in(request)
    _note(request, visitor, "took back the decision on", release)
    return back_saying("/editor/queue", f"Taken back: {release.title}", f"#release-{release.id}")


def _decided(request: Request, visitor: Visitor, release: ReleaseRow, what: str, *, category: str = "") -> Response:
    _flow_in(request)
    _note(request, visitor, what, release)
    return back_saying("/editor/queue", f"{release.title}: {what}", undo=str(release.id), category=category)


def _note(request: Request, visitor: Visitor, what: str, release: ReleaseRow) -> None:
    here = site(request)
    with transaction(here.engine) as connection:
        audit.add_audit(
            connection, visitor.email, what, f"release {release.id}", here.clock.now(), {"title": release.title}
        )


def _flow_in(request: Request) -> None:
    """Bring the open draft up to date with what was decided."""
    here = site(request)
    now = here.clock.now()
    last = last_ended_week(now, here.settings.timezone)
    with reading(here.engine) as connection:
        issue = issues.issue_of_week(connection, str(last))
    if issue is not None and issue.status == IssueStatus.DRAFT:
        rematch_releases(here.engine, now)
        compose_issue(here.engine, Week.parse(issue.week), here.settings, now)


_RELEASE = "/editor/queue/{release_id:row}"

routes: list[BaseRoute] = [
    show("/editor/queue", queue_page),
    act(_RELEASE + "/match", match),
    act(_RELEASE + "/new-tool", new_tool),
    act(_RELEASE + "/drop", drop),
    act(_RELEASE + "/undo", undo),
]
