"""Takes: what is wanted, entering one with a live card, pasting several. A panelist enters their own and no other."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from db import audit, desk, editors, letters, tools
from db.engine import reading, transaction
from db.states import LetterKind, Role
from db.tools import TakeRow, ToolRow
from newsletter.clock import last_ended_week, real_now
from newsletter.editors.pasting import given_take, read_takes
from newsletter.editors.roles import EVERYBODY, may_enter_take
from newsletter.english import counted
from newsletter.errors import BadInputError, NotFoundError, RefusedError
from newsletter.named import tool_named
from newsletter.tools.reading import GivenTake
from newsletter.verdicts.record import record_take
from newsletter.verdicts.tally import Verdict, tally
from newsletter.web.editor_links import ask_once, back_saying
from newsletter.web.editor_tools import shown_tool
from newsletter.web.session import Typed, Visitor, act, asks_for_a_part, editor_page, note, show
from newsletter.web.site import site

_PANEL = "panel"
_RECENTLY = timedelta(hours=20)


def wanted_page(request: Request, visitor: Visitor) -> Response:
    """This week's tools that lack takes; a panelist sees those that lack their own."""
    here = site(request)
    last = last_ended_week(here.clock.now(), here.settings.timezone)
    with reading(here.engine) as connection:
        panel = tools.panel(connection)
        found = desk.tools_wanting_takes(connection, [str(last), str(last.next())], len(panel))
        takes = tools.takes_of(connection, [tool.tool_id for tool in found])
    missing = {tool.tool_id: _missing(panel, takes.get(tool.tool_id, [])) for tool in found}
    own = visitor.editor.panelist
    if not visitor.edits:
        found = [tool for tool in found if own in {member.key for member in missing[tool.tool_id]}]
    return editor_page(request, visitor, "takes.html", wanted=found, missing=missing, panel=panel)


def _missing(panel: list[tools.PanelistRow], takes: list[TakeRow]) -> list[tools.PanelistRow]:
    given = {take.panelist for take in takes}
    return [member for member in panel if member.key not in given]


def take_page(
    request: Request, visitor: Visitor, typed: Typed | None = None, trouble: str = "", status: int = 422
) -> Response:
    """One panelist's take on one tool, with the card as readers will see it. ``typed`` is what was not stored; where it
    could not be, ``trouble`` says why."""
    here, panelist = site(request), request.path_params["panelist"]
    tool, panel, takes, past = _tool_with_takes(request)
    member = _member(panel, panelist)
    _check_may(visitor, panelist)
    own = next((take for take in takes if take.panelist == panelist), None)
    history = [take for take in past if take.panelist == panelist]
    form = {"call": own.call, "score": own.score, "text": own.text} if own else {}
    shown: Any = own
    if typed is not None:
        form = {name: typed.text(name) for name in ("call", "score", "text")}
        with suppress(BadInputError):  # then the card is of what stands
            shown = _typed_take(panelist, typed)
    form = {name: "" if form.get(name) is None else form[name] for name in ("call", "score", "text")}
    return editor_page(
        request, visitor, "take.html", status=status if trouble else 200, tool=tool, member=member, form=form,
        seen=own.id if own else 0, history=history, zone=here.settings.timezone, trouble=trouble,
        **card(takes, panelist, shown),
    )  # fmt: skip


def _member(panel: list[tools.PanelistRow], panelist: str) -> tools.PanelistRow:
    member = next((member for member in panel if member.key == panelist), None)
    if member is None:
        raise NotFoundError(f"there is no panelist {panelist!r}")
    return member


def card(takes: list[TakeRow], panelist: str, given: Any) -> dict[str, Any]:
    """What the card shows: the verdict now, and as it will be with this take; ``given`` has call, score and text."""
    others = [take for take in takes if take.panelist != panelist]
    after: Verdict = tally([*others, given]) if given is not None else tally(others)
    return {"before": tally(takes), "after": after, "given": given}


def show_card(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """The card for what is typed so far; nothing is stored. Whoever comes without a script gets the whole page."""
    if not asks_for_a_part(request):
        return take_page(request, visitor, typed)
    tool, panel, takes, _ = _tool_with_takes(request)
    panelist = request.path_params["panelist"]
    member = _member(panel, panelist)
    given = _typed_take(panelist, typed) if typed.line("call") else None
    return editor_page(request, visitor, "card.html", tool=tool, member=member, **card(takes, panelist, given))


def store_take(request: Request, visitor: Visitor, typed: Typed) -> Response:
    here, slug, panelist = site(request), request.path_params["slug"], request.path_params["panelist"]
    _check_may(visitor, panelist)
    try:
        given = _typed_take(panelist, typed)
    except BadInputError as error:
        return take_page(request, visitor, typed, str(error))
    if words := _given_meanwhile(request, typed, [given]):
        return take_page(request, visitor, typed, f"{words}. Store puts yours in its place", 409)
    report = record_take(here.engine, slug, given, here.clock.now())
    note(request, visitor, "replaced a take" if report.replaced else "entered a take", f"tool {slug}", by=panelist)
    before, after = _percent(report.before), _percent(report.after)
    what = f"{after} as before" if before == after else f"{before} became {after}"
    said = f"Stored {panelist}'s take: {what}"
    return back_saying(f"/editor/tools/{slug}" if visitor.edits else "/editor/takes", said)


def _given_meanwhile(request: Request, typed: Typed, given: Sequence[GivenTake]) -> str:
    """Words about takes that storing these would replace unseen: they came after the page was made (it posts the ids
    that it showed as ``seen``) and say something else. '' where there are none."""
    if "seen" not in typed:
        return ""
    seen = set(typed.line("seen", 1_000).split(","))
    _, _, takes, _ = _tool_with_takes(request)
    mine = {take.panelist: (take.call, take.score, take.text) for take in given}
    words = [
        f"{take.panelist}'s take after you opened this page: {take.call}"
        + ("" if take.score is None else f", {take.score}/100")
        for take in takes
        if str(take.id) not in seen
        and take.panelist in mine
        and mine[take.panelist] != (take.call, take.score, take.text)
    ]
    return f"somebody stored {' and '.join(words)}" if words else ""


def paste_takes(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """Several at once: all that can be read are stored, or none."""
    here, slug = site(request), request.path_params["slug"]
    with reading(here.engine) as connection:
        panel = [(member.key, member.name) for member in tools.panel(connection)]
    try:
        given = read_takes(typed.text("takes"), panel)
    except BadInputError as error:
        return shown_tool(request, visitor, pasted=typed.text("takes"), trouble=str(error))
    if words := _given_meanwhile(request, typed, given):
        words = f"{words}. Store these takes puts yours in their place"
        return shown_tool(request, visitor, pasted=typed.text("takes"), trouble=words, status=409)
    for take in given:
        record_take(here.engine, slug, take, here.clock.now())
    note(request, visitor, "pasted takes", f"tool {slug}", by=", ".join(take.panelist for take in given))
    return back_saying(f"/editor/tools/{slug}", f"Stored {counted(len(given), 'take')}")


def ask_panelists(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """Mail every panelist who may sign in how many tools lack their take; one letter each. Asks once where somebody
    did so in the last hours."""
    here = site(request)
    if before := _asked_already(request, visitor, typed):
        return before
    last = last_ended_week(here.clock.now(), here.settings.timezone)
    with transaction(here.engine) as connection:
        panel = tools.panel(connection)
        wanted = desk.tools_wanting_takes(connection, [str(last), str(last.next())], len(panel))
        takes = tools.takes_of(connection, [tool.tool_id for tool in wanted])
        lacking = Counter(one.key for tool in wanted for one in _missing(panel, takes.get(tool.tool_id, [])))
        panelists = [row for row in editors.list_editors(connection) if row.role == Role.PANELIST and row.panelist]
        asked = [row for row in panelists if lacking[row.panelist or ""]]
        for row in asked:
            letter = _please(lacking[row.panelist or ""])
            letters.add_letter(connection, LetterKind.NOTICE, row.email, letter, real_now(), here.clock.now())
        subject = _PANEL if asked else None
        audit.add_audit(connection, visitor.email, "asked the panel for takes", subject, here.clock.now())
    if not asked:
        return back_saying("/editor/takes", "Nobody lacks a take" if panelists else "No panelist may sign in yet")
    return back_saying("/editor/takes", f"Asked {counted(len(asked), 'panelist')}")


def _asked_already(request: Request, visitor: Visitor, typed: Typed) -> Response | None:
    here = site(request)
    now, zone = here.clock.now(), here.settings.timezone
    with reading(here.engine) as connection:
        before = next(iter(audit.audit_log(connection, subject=_PANEL, limit=1)), None)
    if before is None or now - before.at > _RECENTLY or typed.line("sure") == "yes":
        return None
    words = f"{before.who} asked the panel at {before.at.astimezone(zone):%H:%M} ({zone.key}); they get another mail."
    return ask_once(request, visitor, "Ask the panel once more?", words, "Ask again", "/editor/takes")


def _please(count: int) -> dict[str, object]:
    return {
        "subject": f"{counted(count, 'tool waits', 'tools wait')} for your take",
        "paragraphs": ["The week's tools that lack your take are listed in the editors' room."],
        "link": "/editor/takes",
    }


def _typed_take(panelist: str, typed: Typed) -> GivenTake:
    return given_take(panelist, typed.line("call"), typed.number("score"), typed.text("text"))


def _check_may(visitor: Visitor, panelist: str) -> None:
    if not may_enter_take(visitor.editor.role, visitor.editor.panelist, panelist):
        raise RefusedError("panelists enter their own takes and no other")


def _tool_with_takes(
    request: Request,
) -> tuple[ToolRow, list[tools.PanelistRow], list[TakeRow], list[TakeRow]]:
    slug = request.path_params["slug"]
    with reading(site(request).engine) as connection:
        tool = tool_named(connection, slug)
        takes = tools.takes_of(connection, [tool.id])[tool.id]
        past = tools.past_takes_of(connection, [tool.id])[tool.id]
        return tool, tools.panel(connection), takes, past


def _percent(verdict: Verdict) -> str:
    return "no take" if verdict.ship_percent is None else f"{verdict.ship_percent} %"


_TAKE = "/editor/tools/{slug}/takes/{panelist}"

routes: list[BaseRoute] = [
    show("/editor/takes", wanted_page, EVERYBODY),
    act("/editor/takes/ask", ask_panelists),
    show(_TAKE, take_page, EVERYBODY),
    act(_TAKE, store_take, EVERYBODY),
    act(_TAKE + "/card", show_card, EVERYBODY),
    act("/editor/tools/{slug}/takes", paste_takes),
]
