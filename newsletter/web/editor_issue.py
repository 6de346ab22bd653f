"""``/editor/issues/{week}``: one issue, its words and its items.

The page is one form. Whatever button is pressed, what was typed beside it is stored first, so nothing gets lost; each
field carries what it showed, and only those that were changed are stored. The hidden revision tells whether somebody
else edited meanwhile.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from db import arrangement as rows
from db import issues
from db.engine import reading
from db.issues import IssueMaterial, IssueRow
from db.states import IssueStatus
from db.tools import tool_by_id
from newsletter.clock import Week
from newsletter.errors import BadInputError, NotFoundError
from newsletter.issues import arrangement
from newsletter.issues.arrange import Edit, StaleError, arrange, undo
from newsletter.issues.arrangement import LONGEST_INTRO, LONGEST_NOTE, LONGEST_SUBJECT, Arrangement
from newsletter.issues.edition import edition, publication_of
from newsletter.issues.values import IssueValues, load_values
from newsletter.web.editor_links import back_saying
from newsletter.web.row_ids import row_id
from newsletter.web.session import Typed, Visitor, act, editor_page, show
from newsletter.web.site import site

WORDS = ("subject", "preheader", "intro")


def week_of(request: Request) -> Week:
    """The week in the address. Raises NotFoundError for what is none."""
    try:
        return Week.parse(request.path_params["week"])
    except ValueError as error:
        raise NotFoundError(str(error)) from None


def issue_path(week: Week | str) -> str:
    return f"/editor/issues/{week}"


def issue_page(request: Request, visitor: Visitor) -> Response:
    return shown_issue(request, visitor, week_of(request))


def shown_issue(request: Request, visitor: Visitor, week: Week, *, status: int = 200, **more: Any) -> Response:
    """The page as it stands; ``more`` are values on top, such as what somebody typed."""
    here = site(request)
    with reading(here.engine) as connection:
        issue = issues.issue_of_week(connection, str(week))
        if issue is None:
            raise NotFoundError(f"there is no issue {week}")
        material = issues.issue_material(connection, issue)
        changes = rows.latest_changes(connection, issue.id)
        last = last_change(changes, visitor.email)
        new = rows.added_since(connection, issue.id, last) if last else set()
        frozen = issues.content_of(connection, issue.id)
    draft = edition(material, publication_of(here.settings))
    values = load_values(frozen.content["values"]) if frozen else draft
    words = {name: getattr(values, name) for name in WORDS}
    send_at = proposed_time(issue, here.settings.timezone)
    return editor_page(
        request, visitor, "issue.html", status=status,
        **{
            "issue": issue, "week": str(week), "values": values, "words": words, "was": words, "changes": changes,
            "dropped": dropped_tools(material), "rows": {item.tool_id: item for item in material.items},
            "new": new, "zone": here.settings.timezone, "conflict": None,
            "seen": content_mark(values), "moved": False,
            "editable": issue.status in (IssueStatus.DRAFT, IssueStatus.APPROVED),
            "send_at": send_at, "send_at_was": send_at, "chosen_pair": chosen_pair(values),
            "preview": preview_choice(request), **more,
        },
    )  # fmt: skip


def content_mark(values: IssueValues) -> str:
    """Changes whenever the issue says something else, its words and notes aside: an approval names what was seen."""
    seen = replace(values, subject="", preheader="", intro="").document()
    for tool in (*seen["items"], *seen["also"]):
        tool["note"] = ""
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:32]


def dropped_tools(material: IssueMaterial) -> list[Any]:
    dropped = {item.tool_id for item in material.items if item.dropped}
    return [tool for tool in material.tools if tool.id in dropped]


def last_change(changes: list[rows.Change], email: str) -> datetime | None:
    """When this editor last changed something: what came in since then is marked as new."""
    return next((change.at for change in changes if change.who == email), None)


def proposed_time(issue: IssueRow, zone: Any) -> str:
    """What the field Send at shows: the schedule, or what was last typed, as ``2026-11-24T09:00`` in the zone."""
    if issue.send_at is not None:
        return issue.send_at.astimezone(zone).strftime("%Y-%m-%dT%H:%M")
    return str(issue.settings.get("send_at", ""))


def chosen_pair(values: IssueValues) -> tuple[str, str]:
    return values.pairs[0] if values.pairs else ("", "")


PREVIEW = {
    "width": ("desktop", "mobile", "tablet"),
    "shade": ("light", "dark", "inverted"),
    "part": ("html", "text", "source"),
    "images": ("on", "off"),
}


def preview_choice(request: Request) -> dict[str, str]:
    """How the preview is looked at: by the address, each choice's first word by default."""
    asked = request.query_params
    chosen = {name: asked[name] if asked.get(name) in words else words[0] for name, words in PREVIEW.items()}
    return chosen | {"as": asked.get("as", "").strip()[:254]}


def save(request: Request, visitor: Visitor, typed: Typed) -> Response:
    return edited(request, visitor, typed, "Saved", None)


def move_up(request: Request, visitor: Visitor, typed: Typed) -> Response:
    return _move(request, visitor, typed, -1, "moved {} up")


def move_down(request: Request, visitor: Visitor, typed: Typed) -> Response:
    return _move(request, visitor, typed, 1, "moved {} down")


def move_first(request: Request, visitor: Visitor, typed: Typed) -> Response:
    return _move(request, visitor, typed, -10_000, "moved {} to the top")


def _move(request: Request, visitor: Visitor, typed: Typed, by: int, words: str) -> Response:
    tool_id, name, shown = _item_asked(request)
    what = words.format(name)
    return edited(request, visitor, typed, what, lambda now: arrangement.move(now, shown, tool_id, by), at=tool_id)


def reorder(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """All items in a new order, as dragging them leaves it: ids separated by commas."""
    order = [row_id(part) for part in typed.line("order", 20_000).split(",")]
    known = {tool.id for tool in _values(request).items}
    wanted = [tool_id for tool_id in dict.fromkeys(order) if tool_id in known]
    return edited(request, visitor, typed, "put the items in order", lambda now: arrangement.put_in_order(now, wanted))


def pin(request: Request, visitor: Visitor, typed: Typed) -> Response:
    tool_id, name, shown = _item_asked(request)
    what = f"pinned {name}"
    return edited(request, visitor, typed, what, lambda now: arrangement.pin(now, shown, tool_id), at=tool_id)


def unpin(request: Request, visitor: Visitor, typed: Typed) -> Response:
    tool_id, name, _ = _item_asked(request)
    what = f"left the place of {name} to the rule"
    return edited(request, visitor, typed, what, lambda now: arrangement.unpin(now, tool_id), at=tool_id)


def drop(request: Request, visitor: Visitor, typed: Typed) -> Response:
    tool_id, name, _ = _item_asked(request)
    return edited(request, visitor, typed, f"dropped {name}", lambda now: arrangement.drop(now, tool_id))


def restore(request: Request, visitor: Visitor, typed: Typed) -> Response:
    tool_id, name, _ = _item_asked(request)
    return edited(request, visitor, typed, f"restored {name}", lambda now: arrangement.restore(now, tool_id))


def set_pair(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """Both sides name the pair; none leaves it to the rule."""
    ids = {tool.slug: tool.id for tool in _values(request).items}
    left, right = ids.get(typed.line("left")), ids.get(typed.line("right"))
    if (left is None) != (right is None) or (left is not None and left == right):
        raise BadInputError("a head-to-head needs two different tools of this issue, or none to leave it to the rule")
    what = "changed the head-to-head" if left is not None else "left the head-to-head to the rule"
    return edited(request, visitor, typed, what, lambda now: arrangement.pair(now, left, right, visitor.email))


def take_back(request: Request, visitor: Visitor, typed: Typed) -> Response:
    here, week = site(request), week_of(request)
    undone = undo(here.engine, week, by=visitor.email, now=here.clock.now())
    return back_with(week, f"Took back: {undone.what}" if undone else "There is nothing to take back")


def edited(
    request: Request, visitor: Visitor, typed: Typed, what: str, edit: Edit | None, *, at: int | None = None
) -> Response:
    """Store what was typed, then the edit; answer with the page, or with what somebody else changed meanwhile."""
    try:
        revision, voided = store_typed(request, visitor, typed)
        if edit is not None:
            here = site(request)
            done = arrange(
                here.engine, week_of(request), edit, what, by=visitor.email, revision=revision, now=here.clock.now()
            )
            voided = voided or done.voided
    except StaleError as error:
        return conflict(request, visitor, typed, error)
    said = what[:1].upper() + what[1:] + (". The approval is void: approve it again." if voided else "")
    return back_with(week_of(request), said, f"#item-{at}" if at else "")


def store_typed(request: Request, visitor: Visitor, typed: Typed) -> tuple[int | None, bool]:
    """Store the fields that were changed; returns the revision to go on from, and whether an approval ended."""
    here = site(request)
    revision = typed.number("revision")
    edit, what = typed_words(typed)
    done = arrange(here.engine, week_of(request), edit, what, by=visitor.email, revision=revision, now=here.clock.now())
    return (revision if revision is None else max(revision, done.revision)), done.voided


def typed_words(typed: Typed) -> tuple[Edit, str]:
    """The edit that stores what differs from what the page showed. Raises BadInputError for what is too long."""
    given = [name for name in WORDS if name in typed and typed.text(name) != typed.text(f"{name}_was")]
    changed = {name: _word(typed, name) for name in given}
    _check_lengths(changed)
    notes = _changed_notes(typed)
    wish = typed.line("send_at", 40) if typed.line("send_at", 40) != typed.line("send_at_was", 40) else None
    said = [*changed, *(["notes"] if notes else []), *(["send time"] if wish is not None else [])]

    def edit(now: Arrangement) -> Arrangement:
        now = replace(
            now,
            subject=changed.get("subject", now.subject),
            preheader=changed.get("preheader", now.preheader),
            intro=changed.get("intro", now.intro),
        )
        for tool_id, note in notes.items():
            now = arrangement.write_note(now, tool_id, note)
        return now if wish is None else arrangement.wish_time(now, wish)

    return edit, "edited the " + (" and ".join(said) or "words")


def _word(typed: Typed, name: str) -> str | None:
    text = typed.text(name).strip() if name == "intro" else typed.line(name, LONGEST_SUBJECT + 1)
    return text or None


def _check_lengths(changed: dict[str, str | None]) -> None:
    for name, text in changed.items():
        longest = LONGEST_INTRO if name == "intro" else LONGEST_SUBJECT
        if text is not None and len(text) > longest:
            raise BadInputError(f"the {name} is longer than {longest:,} characters")


def _changed_notes(typed: Typed) -> dict[int, str]:
    found = {}
    for key in typed.fields:
        tool_id = row_id(key.removeprefix("note-")) if key.startswith("note-") else None
        if tool_id is not None and typed.text(key) != typed.text(f"note_was-{tool_id}"):
            found[tool_id] = typed.text(key)[:LONGEST_NOTE]
    return found


def conflict(request: Request, visitor: Visitor, typed: Typed, error: StaleError) -> Response:
    """The page as it is now, with what this editor typed in its fields and what the others did above it."""
    words = {name: typed.text(name) for name in WORDS if name in typed}
    return shown_issue(
        request,
        visitor,
        week_of(request),
        status=409,
        conflict=error.changes,
        words=words,
        send_at=typed.line("send_at"),
    )


def back_with(week: Week | str, said: str, fragment: str = "") -> Response:
    return back_saying(issue_path(week), said, fragment)


def _values(request: Request) -> IssueValues:
    here = site(request)
    with reading(here.engine) as connection:
        issue = issues.issue_of_week(connection, str(week_of(request)))
        if issue is None:
            raise NotFoundError(f"there is no issue {week_of(request)}")
        return edition(issues.issue_material(connection, issue), publication_of(here.settings))


def _item_asked(request: Request) -> tuple[int, str, list[int]]:
    """The tool in the address, its name, and the order of the list that it stands in."""
    tool_id = request.path_params["tool_id"]
    values = _values(request)
    for part in (values.items, values.also):
        found = next((tool for tool in part if tool.id == tool_id), None)
        if found is not None:
            return tool_id, found.name, [tool.id for tool in part]
    with reading(site(request).engine) as connection:
        found_tool = tool_by_id(connection, tool_id)
    if found_tool is None:
        raise NotFoundError("there is no such tool")
    return tool_id, found_tool.name, []


_BASE = "/editor/issues/{week}"
_ITEM: Callable[[str], str] = (_BASE + "/items/{tool_id:row}/").__add__

routes: list[BaseRoute] = [
    show(_BASE, issue_page),
    act(_BASE + "/save", save),
    act(_ITEM("up"), move_up),
    act(_ITEM("down"), move_down),
    act(_ITEM("top"), move_first),
    act(_ITEM("pin"), pin),
    act(_ITEM("unpin"), unpin),
    act(_ITEM("drop"), drop),
    act(_ITEM("restore"), restore),
    act(_BASE + "/order", reorder),
    act(_BASE + "/pair", set_pair),
    act(_BASE + "/undo", take_back),
]
