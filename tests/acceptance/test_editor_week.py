"""A big week in the editors' room: 120 launches, composed before the queue is cleared, approved in ten minutes."""

import json
import re

import pytest
from sqlalchemy import Engine, insert

from db.engine import reading, transaction
from db.models import Release
from db.releases import list_releases
from db.tools import tools_by_slug
from newsletter.clock import Clock
from newsletter.editors.invite import add_editor
from newsletter.editors.sign_in import make_link
from newsletter.issues.compose import compose_issue
from newsletter.issues.render import read_issue, render_issue
from newsletter.settings import Settings
from newsletter.tools.import_tools import import_tools
from newsletter.web.app import create_app
from tests.fakes.browser import Browser
from tests.fakes.sample_week import NOW, PANEL, WEEK, release

SECONDS_A_STEP = 2
PAGE = f"/editor/issues/{WEEK}"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


class ScriptedEditor:
    """Opens pages and presses buttons; each costs a step."""

    def __init__(self, browser: Browser) -> None:
        self.browser, self.steps, self.page = browser, 0, ""

    def open(self, path: str) -> str:
        self.steps += 1
        self.page = self.browser.get(path).text
        return self.page

    def press(self, path: str, **typed: str) -> None:
        """A button, and one step for each field that was typed beside it."""
        self.steps += 1 + sum(name not in ("csrf", "revision") for name in typed)
        hidden = dict(re.findall(r'name="(csrf|revision)" value="([^"]*)"', self.page))
        answer = self.browser.post(path, data=hidden | typed)
        assert answer.status_code == 303, answer.text
        self.page = self.browser.get(answer.headers["location"]).text


def big_week(engine: Engine, settings: Settings) -> None:
    """75 launches with takes, 15 without, 30 unsure; the draft is made before anybody looked."""
    tools = [
        {
            "slug": f"tool-{n}", "name": f"Tool {n}", "category": f"Category {n % 6}", "url": f"https://tool-{n}.example/",
            "takes": [{"panelist": who, "call": "ship" if (n + i) % 3 else "skip", "score": (n * 7 + i * 13) % 101}
                      for i, who in enumerate(PANEL)] if n < 75 else [],
        }
        for n in range(100)
    ]  # fmt: skip
    import_tools(engine, json.dumps({"tools": tools}), NOW)
    with transaction(engine) as connection:
        known = tools_by_slug(connection, [f"tool-{n}" for n in range(90)])
        for n in range(90):
            row = release(f"Tool {n} 1.0", f"https://l.example/{n}", tool_id=known[f"tool-{n}"].id, status="matched")
            connection.execute(insert(Release).values(**row))
        for n in range(30):
            guess = [{"tool": f"tool-{90 + n}", "score": 0.7, "reason": "a name like it"}] if n < 10 else None
            connection.execute(
                insert(Release).values(**release(f"Unsure {n}", f"https://u{n}.example/", candidates=guess))
            )
    compose_issue(engine, WEEK, settings, NOW)


def test_a_big_week_is_approved_within_ten_minutes_of_steps(engine: Engine, settings: Settings) -> None:
    big_week(engine, settings)
    ada = ScriptedEditor(Browser(create_app(settings, engine, Clock(NOW, running=False))))
    add_editor(engine, "ada@example.com", "editor", NOW)
    ada.press(make_link(engine, "ada@example.com", settings, NOW).removeprefix(settings.public_url))

    ada.open("/editor/queue")
    with reading(engine) as connection:
        waiting = [(row.title, row.id) for row in list_releases(connection, status="unmatched")]
    for n, (title, release_id) in enumerate(waiting):
        if n < 10:
            ada.press(f"/editor/queue/{release_id}/match", candidate=f"tool-{90 + n}")
        elif n < 20:
            url = f"https://u{n}.example/"
            ada.press(f"/editor/queue/{release_id}/new-tool", name=title, url=url, category="Category 1")
        else:
            ada.press(f"/editor/queue/{release_id}/drop")
    for n in range(75, 90):
        ada.open(f"/editor/tools/tool-{n}/takes/builder")
        ada.press(f"/editor/tools/tool-{n}/takes/builder", call="ship", score="91", text=f"Late look at tool {n}.")
    ada.open(PAGE)
    ada.press(f"{PAGE}/add", add_url="https://by-hand.example/", add_name="By Hand", add_category="Category 2")
    ids = {tool.slug: tool.id for tool in read_issue(engine, WEEK, settings)[1].items}
    ada.press(f"{PAGE}/items/{ids['tool-80']}/top")
    ada.press(f"{PAGE}/items/{ids['tool-3']}/drop")
    ada.press(f"{PAGE}/pair", left="tool-80", right="tool-81")
    ada.press(f"{PAGE}/approve", subject="A crowded week", intro="We read *everything*.")
    assert ada.steps * SECONDS_A_STEP <= 600

    issue, values = read_issue(engine, WEEK, settings)
    mail = render_issue(engine, WEEK, settings)
    assert (issue.status, issue.approved_by) == ("approved", "ada@example.com")
    assert mail.subject == "A crowded week"
    assert values.items[0].slug == "tool-80"
    assert values.pairs == (("tool-80", "tool-81"),)
    named = {tool.slug for tool in (*values.items, *values.also)}
    assert {f"tool-{n}" for n in range(75, 100)} <= named, "takes entered and candidates matched"
    assert {f"unsure-{n}" for n in range(10, 20)} <= named, "new tools"
    assert "by-hand" in named
    assert "tool-3" not in named
    assert len(values.items) == 75 + 15 - 1
    for tool in values.items:
        assert tool.name in mail.text
    assert not re.search(r"\bTool 3\b", mail.text)
    assert "We read *everything*." in mail.text or "We read everything." in mail.text
