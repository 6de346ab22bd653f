"""``/editor/issues/{week}``: one issue, its words and its items, the preview beside them.

The page is one form. Whatever button is pressed, what was typed beside it is stored first, so nothing gets lost; what
cannot be done comes back as the same page, with the reason and everything that was typed. The hidden revision tells
whether somebody else edited meanwhile.
"""

from collections.abc import Mapping
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from db import arrangement as rows
from db import catalogue, issues, runs
from db.engine import reading
from db.issues import IssueRow
from db.material import IssueMaterial, issue_material
from db.states import IssueStatus
from db.tools import merged_tools, tools_by_id
from newsletter.clock import Week
from newsletter.errors import NewsletterError, NotFoundError
from newsletter.issues.arrange import StaleError
from newsletter.issues.arrangement import places
from newsletter.issues.edition import edition, publication_of
from newsletter.issues.freezing import content_mark
from newsletter.issues.render import NOBODY
from newsletter.issues.values import IssueValues, load_values
from newsletter.named import issue_named
from newsletter.web.editor_desk import sending_time
from newsletter.web.editor_links import back_saying
from newsletter.web.editor_typed import ADDED, WORDS, look_of, look_query, notes_of, shown_again, with_merged
from newsletter.web.forms import asked
from newsletter.web.session import Act, Typed, Visitor, act, editor_page, refused, said_of, show, status_of
from newsletter.web.site import site

ISSUE = "/editor/issues/{week}"
_EDITABLE = (IssueStatus.DRAFT, IssueStatus.APPROVED)
_SECTIONS = {"ship": "Shipped", "split": "Split", "skip": "Skipped"}


class LeftOut(NamedTuple):
    """A tool that the issue does not carry: dropped, or ``gone``, since none of its releases is the tool's."""

    id: int
    name: str
    gone: bool


def week_of(request: Request) -> Week:
    """The week in the address. Raises NotFoundError for what is none."""
    try:
        return Week.parse(request.path_params["week"])
    except ValueError as error:
        raise NotFoundError(str(error)) from None


def issue_asked(request: Request, connection: Connection) -> IssueRow:
    """The issue of the week in the address. Raises NotFoundError where there is none."""
    return issue_named(connection, week_of(request))


def issue_path(week: Week | str) -> str:
    return ISSUE.format(week=week)


def act_on_issue(path: str, endpoint: Act) -> Route:
    """A button's target: what cannot be done is said on the page, with what was typed in its fields."""

    def answer(request: Request, visitor: Visitor, typed: Typed) -> Response:
        typed = _with_merged(request, typed)
        try:
            return endpoint(request, visitor, typed)
        except StaleError as error:
            return shown_issue(request, visitor, status=409, conflict=error.changes, **shown_again(typed))
        except NewsletterError as error:
            try:
                typed = _with_merged(request, typed)  # once more: two tools may have become one meanwhile
                return shown_issue(
                    request, visitor, status=status_of(error), trouble=said_of(error), **shown_again(typed)
                )
            except NotFoundError:  # no such issue: the reason stands alone
                return refused(request, visitor, typed, error, back="/editor")

    return act(ISSUE + path, answer)


def _with_merged(request: Request, typed: Typed) -> Typed:
    with reading(site(request).engine) as connection:
        return with_merged(typed, merged_tools(connection, notes_of(typed)))


def back_with(request: Request, typed: Typed, said: str, fragment: str = "") -> Response:
    """The page again, with the preview looked at as before, and a tool that is not added yet still in its fields."""
    adding = {name: typed.line(name) for name in ADDED}
    return back_saying(issue_path(week_of(request)), said, fragment, **look_query(typed.fields), **adding)


def shown_issue(request: Request, visitor: Visitor, *, status: int = 200, **more: Any) -> Response:
    """The page as it stands; ``more`` are values on top, such as what somebody typed."""
    here = site(request)
    now = here.clock.now()
    with reading(here.engine) as connection:
        issue = issue_asked(request, connection)
        material = issue_material(connection, issue)
        changes = rows.latest_changes(connection, issue.id)
        last = _last_change(changes, visitor.email)
        new = rows.added_since(connection, issue.id, last) if last else set()
        frozen = issues.content_of(connection, issue.id)
        goes_out = sending_time(issue, runs.look_at_jobs(connection, now), now)
        categories = [name for name, _ in catalogue.categories(connection)]
        left_out = _left_out(connection, material, more.get("notes", {}))
    values = load_values(frozen.content["values"]) if frozen else edition(material, publication_of(here.settings))
    words = {name: getattr(values, name) for name in WORDS}
    send_at = proposed_time(issue, here.settings.timezone)
    pair = values.pairs[0] if values.pairs else ("", "")
    placed = {item.tool_id: item for item in material.items}
    return editor_page(
        request, visitor, "issue.html", status=status,
        **{
            "issue": issue, "week": issue.week, "values": values, "was": words, "changes": changes,
            "words": words | more.pop("typed_words", {}),
            "notes": {}, "notes_was": {tool_id: item.note or "" for tool_id, item in placed.items()},
            "pinned": _pinned(values, {tool_id: item.position for tool_id, item in placed.items()}),
            "left_out": left_out, "new": new, "zone": here.settings.timezone,
            "sections": _sections(values), "seen": content_mark(values),
            "approved_hash": frozen.content_hash if frozen else "",
            "editable": issue.status in _EDITABLE,
            "send_at": send_at, "send_at_was": send_at, "chosen_pair": pair, "pair_was": pair,
            "goes_out": goes_out, "now": now, "test_to": visitor.email,
            "added": {name: asked(request, name, 2000) for name in ADDED},
            "look": look_of(request.query_params), "categories": categories, "from_": here.settings.from_,
            "nobody": NOBODY.email, "typed": False, "conflict": None, "trouble": "", **more,
        },
    )  # fmt: skip


def _sections(values: IssueValues) -> list[tuple[str, list[Any]]]:
    """The items in their order, with a heading wherever the next ones stand in another section of the mail."""
    runs = groupby(values.items, key=lambda tool: tool.verdict.call)
    return [(_SECTIONS[call or "split"], list(tools)) for call, tools in runs]


def _pinned(values: IssueValues, positions: Mapping[int, int | None]) -> set[int]:
    """The tools that hold their place in the list where they stand."""
    among_items, in_also = (places(positions, also=also) for also in (False, True))
    return {tool.id for tool in values.items if tool.id in among_items} | {
        tool.id for tool in values.also if tool.id in in_also
    }


def _left_out(connection: Connection, material: IssueMaterial, notes: Mapping[int, str]) -> list[LeftOut]:
    """Dropped tools, and those with a note, stored or typed, that no release of the issue is matched with any more."""
    matched = {release.tool_id for release in material.releases}
    out = {item.tool_id: item for item in material.items if item.added_by is None and item.tool_id not in matched}
    gone = tools_by_id(connection, [tool_id for tool_id, item in out.items() if notes.get(tool_id) or item.note])
    dropped = {item.tool_id for item in material.items if item.dropped} - set(out)
    found = [LeftOut(tool.id, tool.name, gone=False) for tool in material.tools if tool.id in dropped]
    if material.issue.status in _EDITABLE:
        found += [LeftOut(tool.id, tool.name, gone=True) for tool in gone.values()]
    return found


def _last_change(changes: list[rows.Change], email: str) -> datetime | None:
    """When this editor last changed something: what came in since then is marked as new."""
    return next((change.at for change in changes if change.who == email), None)


def proposed_time(issue: IssueRow, zone: ZoneInfo) -> str:
    """What the field Send at shows: the schedule, or what was last typed, as ``2026-11-24T09:00`` in the zone."""
    if issue.send_at is not None:
        return issue.send_at.astimezone(zone).strftime("%Y-%m-%dT%H:%M")
    return str(issue.settings.get("send_at", ""))


routes: list[BaseRoute] = [show(ISSUE, shown_issue)]
