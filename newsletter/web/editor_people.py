"""``/editor/people``: who may sign in, for operators: letting somebody in, changing a role, putting somebody out."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from db import tools
from db.engine import reading
from db.states import Role
from newsletter.editors.invite import add_editor, list_editors, remove_editor
from newsletter.editors.roles import OPERATORS, known_as
from newsletter.errors import BadInputError, RefusedError
from newsletter.web.editor_links import ask_once, back_saying
from newsletter.web.session import Typed, Visitor, act, editor_page, show
from newsletter.web.site import site

_PAGE = "/editor/people"


def people_page(request: Request, visitor: Visitor) -> Response:
    here = site(request)
    with reading(here.engine) as connection:
        panel = tools.panel(connection)
    return editor_page(request, visitor, "people.html", people=list_editors(here.engine), panel=panel, roles=list(Role))


def let_in(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """Somebody who is there already changes role; nobody takes the operator's role from themselves by mistake."""
    here, email, role = site(request), typed.line("email", 300), typed.line("role", 20)
    if role not in list(Role):
        raise BadInputError(f"{role!r} is no role; choose one of {', '.join(Role)}")
    if known_as(email) == visitor.email and role != visitor.editor.role:
        raise RefusedError("your own role is for another operator to change")
    panelist = typed.line("panelist", 40) or None
    if role == Role.PANELIST and panelist is None:
        raise BadInputError("say whose takes this panelist enters")
    person = add_editor(here.engine, email, role, here.clock.now(), panelist=panelist, by=visitor.email)
    return back_saying(_PAGE, f"{person.email} may sign in as {role}")


def put_out(request: Request, visitor: Visitor, typed: Typed) -> Response:
    here, email = site(request), typed.line("email", 300)
    if known_as(email) == visitor.email:
        raise RefusedError("you cannot put yourself out; another operator can")
    if typed.line("sure") != "yes":
        words = f"{email} is signed out everywhere at once and cannot sign in again until somebody lets them in."
        return ask_once(request, visitor, "Put them out?", words, "Put them out", _PAGE, email=email)
    remove_editor(here.engine, email, here.clock.now(), by=visitor.email)
    return back_saying(_PAGE, f"{email} is out")


routes: list[BaseRoute] = [
    show(_PAGE, people_page, OPERATORS),
    act(_PAGE, let_in, OPERATORS),
    act(_PAGE + "/remove", put_out, OPERATORS),
]
