"""``/editor/rules``: the names that editors said are always a certain tool's, to look at and to take back."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from db import desk
from db.engine import reading
from newsletter.tools.edit import forget_name
from newsletter.web.editor_links import back_saying
from newsletter.web.row_ids import row_id
from newsletter.web.session import Typed, Visitor, act, editor_page, note, show
from newsletter.web.site import site

RULES_A_PAGE = 100


def rules_page(request: Request, visitor: Visitor) -> Response:
    before = request.query_params.get("before", "")
    with reading(site(request).engine) as connection:
        found = desk.always_rules(connection, row_id(before), RULES_A_PAGE + 1)
    return editor_page(
        request, visitor, "rules.html", rules=found[:RULES_A_PAGE], more=len(found) > RULES_A_PAGE
    )  # fmt: skip


def remove(request: Request, visitor: Visitor, typed: Typed) -> Response:
    here = site(request)
    name = forget_name(here.engine, request.path_params["rule_id"], here.clock.now())
    note(request, visitor, "ended a rule", f"name {name}")
    return back_saying("/editor/rules", f"“{name}” is not matched by rule any more")


routes: list[BaseRoute] = [show("/editor/rules", rules_page), act("/editor/rules/{rule_id:row}/remove", remove)]
