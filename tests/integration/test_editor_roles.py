"""Every address of the editors' room asks who is there, what they may do, and whether a page of ours sent it."""

import pytest
from sqlalchemy import Engine, func, select
from starlette.routing import Route

from db.engine import reading
from db.models import AuditEntry, IssueChange, Letter, Take, Tool
from newsletter.web import editor_pages
from tests.conftest import one_database
from tests.fakes.editors_room import Room
from tests.fakes.sample_week import WEEK

pytestmark = one_database

OPEN = {"/editor/sign-in", "/editor/sign-in/{token}"}
FOR_EVERYBODY = {
    "/editor/takes", "/editor/tools/{slug}/takes/{panelist}", "/editor/tools/{slug}/takes/{panelist}/card",
    "/editor/sign-out", "/editor/sign-out-everywhere",
}  # fmt: skip
FOR_OPERATORS = {"/editor/people", "/editor/people/remove"}
ROUTES = [
    (method, route.path)
    for route in editor_pages.routes
    if isinstance(route, Route) and route.path not in OPEN
    for method in sorted((route.methods or set()) - {"HEAD"})
]


def filled(path: str) -> str:
    for name, value in (
        ("{week}", str(WEEK)), ("{slug}", "curly"), ("{panelist}", "builder"), ("{tool_id:row}", "1"),
        ("{release_id:row}", "7"), ("{rule_id:row}", "1"),
    ):  # fmt: skip
        path = path.replace(name, value)
    assert "{" not in path
    return path


def what_there_is(engine: Engine) -> list[int]:
    with reading(engine) as connection:
        return [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (IssueChange, Letter, Take, Tool, AuditEntry)
        ]


def test_nobody_gets_in_without_a_session(room: Room) -> None:
    stranger = room.editor().browser
    stranger.cookies.clear()
    before = what_there_is(room.engine)
    for method, path in ROUTES:
        answer = stranger.ask(method, filled(path))
        wanted = 303 if method == "GET" else 401
        assert answer.status_code == wanted, path
    assert what_there_is(room.engine) == before


def test_a_forged_form_does_nothing_for_anybody(room: Room) -> None:
    browser = room.editor("op@example.com", "operator").browser
    before = what_there_is(room.engine)
    for method, path in ROUTES:
        if method == "POST":
            assert browser.post(filled(path), data={"csrf": "0" * 64, "sure": "yes"}).status_code == 403, path
            foreign = browser.post(filled(path), headers={"origin": "https://evil.example"})
            assert foreign.status_code == 403, path
    assert what_there_is(room.engine) == before


@pytest.mark.parametrize(
    ("role", "panelist", "allowed"), [("panelist", "builder", FOR_EVERYBODY), ("editor", None, FOR_EVERYBODY)]
)
def test_a_role_opens_what_it_is_for_and_nothing_else(
    room: Room, role: str, panelist: str | None, allowed: set[str]
) -> None:
    who = room.editor(f"{role}@example.com", role, panelist)
    page = who.browser.get("/editor/takes").text
    csrf = page.partition('name="csrf" value="')[2].partition('"')[0]
    closed = {path for _, path in ROUTES} - allowed if role == "panelist" else FOR_OPERATORS
    before = what_there_is(room.engine)
    for method, path in ROUTES:
        if path in closed:
            answer = who.browser.ask(method, filled(path), data={"csrf": csrf, "sure": "yes"})
            assert answer.status_code == 403, path
        elif method == "GET":
            assert who.browser.get(filled(path)).status_code in (200, 404), path
    assert what_there_is(room.engine) == before
