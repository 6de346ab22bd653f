"""What editors do to an issue on its page: words, the order of its items, what is in it and what is not, undo."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from db import desk, drafts, tools
from db.engine import reading
from db.material import issue_material
from newsletter.errors import BadInputError, NotFoundError, RefusedError
from newsletter.feeds.addresses import canonical_url
from newsletter.issues import arrangement
from newsletter.issues.arrange import Edit, arrange, undo
from newsletter.issues.edition import edition, publication_of
from newsletter.issues.values import IssueValues
from newsletter.tools.edit import make_tool
from newsletter.tools.field_values import is_web_address
from newsletter.tools.reading import new_tool
from newsletter.web.editor_issue import act_on_issue, back_with, issue_asked, shown_issue, week_of
from newsletter.web.editor_typed import Changed, changed, shown_again, without_added
from newsletter.web.row_ids import row_id
from newsletter.web.session import Typed, Visitor
from newsletter.web.site import site


def save(request: Request, visitor: Visitor, typed: Typed) -> Response:
    return _edited(request, visitor, typed, "Saved", None)


def look(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """Look at the preview in another way, where no script does it at once."""
    _, voided = store_typed(request, visitor, typed)
    return back_with(request, typed, if_void(voided).removeprefix(". "), "#look")


def move_up(request: Request, visitor: Visitor, typed: Typed) -> Response:
    return _move(request, visitor, typed, -1, "moved {} up")


def move_down(request: Request, visitor: Visitor, typed: Typed) -> Response:
    return _move(request, visitor, typed, 1, "moved {} down")


def move_first(request: Request, visitor: Visitor, typed: Typed) -> Response:
    return _move(request, visitor, typed, -10_000, "moved {} to the top")


def _move(request: Request, visitor: Visitor, typed: Typed, by: int, words: str) -> Response:
    tool_id, name, shown, also = _item_asked(request)
    what = words.format(name)
    return _edited(
        request, visitor, typed, what, lambda now: arrangement.move(now, shown, tool_id, by, also=also), at=tool_id
    )  # fmt: skip


def reorder(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """All items in a new order, as dragging them leaves it: ids separated by commas."""
    order = [row_id(part) for part in typed.line("order", 20_000).split(",")]
    known = {tool.id for tool in _values(request).items}
    wanted = [tool_id for tool_id in dict.fromkeys(order) if tool_id in known]
    return _edited(request, visitor, typed, "put the items in order", lambda now: arrangement.put_in_order(now, wanted))


def pin(request: Request, visitor: Visitor, typed: Typed) -> Response:
    tool_id, name, shown, also = _item_asked(request)
    what = f"pinned {name}"
    return _edited(
        request, visitor, typed, what, lambda now: arrangement.pin(now, shown, tool_id, also=also), at=tool_id
    )  # fmt: skip


def unpin(request: Request, visitor: Visitor, typed: Typed) -> Response:
    tool_id, name, *_ = _item_asked(request)
    what = f"left the place of {name} to the rule"
    return _edited(request, visitor, typed, what, lambda now: arrangement.unpin(now, tool_id), at=tool_id)


def drop(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """The next item of the list then has the focus, or the last one."""
    tool_id, name, shown, _ = _item_asked(request)
    others = [*shown[shown.index(tool_id) + 1 :], *reversed(shown[: shown.index(tool_id)])] if shown else []
    next_one = others[0] if others else None
    return _edited(request, visitor, typed, f"dropped {name}", lambda now: arrangement.drop(now, tool_id), at=next_one)


def restore(request: Request, visitor: Visitor, typed: Typed) -> Response:
    tool_id, name, *_ = _item_asked(request)
    what = f"restored {name}"
    return _edited(request, visitor, typed, what, lambda now: arrangement.restore(now, tool_id), at=tool_id)


def set_pair(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """Both sides name the pair; none leaves it to the rule."""
    left, right = _pair_ids(request, typed.line("left", 100), typed.line("right", 100))
    what = "changed the head-to-head" if left is not None else "left the head-to-head to the rule"
    return _edited(request, visitor, typed, what, lambda now: arrangement.pair(now, left, right, visitor.email))


def _pair_ids(request: Request, left: str, right: str) -> tuple[int, int] | tuple[None, None]:
    """The tools of these slugs; none where both are ''. Raises BadInputError for what is no pair of this issue."""
    if not left and not right:
        return None, None
    ids = {tool.slug: tool.id for tool in _values(request).items}
    if left == right or left not in ids or right not in ids:
        raise BadInputError("a head-to-head needs two different tools of this issue, or none to leave it to the rule")
    return ids[left], ids[right]


def add_by_hand(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """A tool by its slug or address; an address that nobody knows makes a new tool, which needs name and category."""
    here, given = site(request), typed.line("add_url", 2000)
    with reading(here.engine) as connection:
        tool = tools.standing_tool(connection, given.lower()) or desk.tool_at(connection, canonical_url(given))
    slug = tool.slug if tool else None
    if tool is None and is_web_address(given):
        name, category = typed.line("add_name", 500), typed.line("add_category", 100)
        slug = make_tool(here.engine, new_tool(name, given, category), here.clock.now())
    with reading(here.engine) as connection:
        tool = tools.standing_tool(connection, slug) if slug else None
        released = drafts.tools_of_releases(connection, issue_asked(request, connection).id)
    if tool is None:
        raise NotFoundError(f"there is no tool {given!r}; give its slug, or its address with a name and a category")
    edit = partial(arrangement.add, tool_id=tool.id, by=visitor.email, released=tool.id in released)
    return _edited(request, visitor, without_added(typed), f"added {tool.name}", edit, at=tool.id)


def take_back(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """Undo the latest edit that stands. What is typed is no edit yet, so it stays in the fields."""
    here, unsaved = site(request), changed(typed)
    undone = undo(
        here.engine, week_of(request), by=visitor.email, revision=typed.number("revision"), now=here.clock.now()
    )
    said = "There is nothing to take back" if undone is None else f"Took back: {undone[0].what}{if_void(undone[1])}"
    if unsaved:
        return shown_issue(request, visitor, said=said, **shown_again(typed))
    return back_with(request, typed, said)


def store_typed(request: Request, visitor: Visitor, typed: Typed) -> tuple[int | None, bool]:
    """Store the fields that were changed; returns the revision to go on from, and whether an approval ended.

    Raises StaleError where somebody else edited the issue after the page was made.
    """
    here, revision, edit = site(request), typed.number("revision"), changed(typed)
    if not edit:
        return revision, False
    now, whole = here.clock.now(), _with_pair(request, visitor, edit)
    done = arrange(
        here.engine, week_of(request), whole, edit.what, by=visitor.email, revision=revision, now=now,
        tool_ids=edit.notes,
    )  # fmt: skip
    return (revision if revision is None else max(revision, done.revision)), done.voided


def _with_pair(request: Request, visitor: Visitor, edit: Changed) -> Edit:
    if edit.pair is None:
        return edit
    left, right = _pair_ids(request, *edit.pair)
    return lambda now: arrangement.pair(edit(now), left, right, visitor.email)


def _edited(
    request: Request, visitor: Visitor, typed: Typed, what: str, edit: Edit | None, *, at: int | None = None
) -> Response:
    """Store what was typed, then the edit; answer with the page."""
    revision, voided = store_typed(request, visitor, typed)
    if edit is not None:
        here = site(request)
        done = arrange(
            here.engine, week_of(request), edit, what, by=visitor.email, revision=revision, now=here.clock.now()
        )
        voided = voided or done.voided
        if not done.changed and not changed(typed):  # a pair that was chosen is stored with what was typed
            what = "nothing changed"
    said = what[:1].upper() + what[1:] + if_void(voided)
    return back_with(request, typed, said, f"#item-{at}" if at else "")


def if_void(voided: bool) -> str:
    """What is said beside an act that ended an approval, by what was typed beside its button too."""
    return ". The approval is void: approve it again." if voided else ""


def _values(request: Request) -> IssueValues:
    here = site(request)
    with reading(here.engine) as connection:
        material = issue_material(connection, issue_asked(request, connection))
    return edition(material, publication_of(here.settings))


def _item_asked(request: Request) -> tuple[int, str, list[int], bool]:
    """The tool in the address, its name, the order of the list where it stands, and whether that is *also released*."""
    tool_id = request.path_params["tool_id"]
    values = _values(request)
    for part in (values.items, values.also):
        found = next((tool for tool in part if tool.id == tool_id), None)
        if found is not None:
            return tool_id, found.name, [tool.id for tool in part], part is values.also
    with reading(site(request).engine) as connection:
        found_tool = tools.tool_by_id(connection, tool_id)
    if found_tool is None:
        raise NotFoundError("there is no such tool")
    if found_tool.merged_into_id is not None:
        raise RefusedError(f"{found_tool.name} became part of another tool; arrange that one")
    return tool_id, found_tool.name, [], False


_ITEM = "/items/{tool_id:row}/"

routes: list[BaseRoute] = [
    act_on_issue("/save", save),
    act_on_issue("/look", look),
    act_on_issue(_ITEM + "up", move_up),
    act_on_issue(_ITEM + "down", move_down),
    act_on_issue(_ITEM + "top", move_first),
    act_on_issue(_ITEM + "pin", pin),
    act_on_issue(_ITEM + "unpin", unpin),
    act_on_issue(_ITEM + "drop", drop),
    act_on_issue(_ITEM + "restore", restore),
    act_on_issue("/order", reorder),
    act_on_issue("/pair", set_pair),
    act_on_issue("/add", add_by_hand),
    act_on_issue("/undo", take_back),
]
