"""The editors' room without a browser's window: a draft, and editors with the page that each of them has open."""

import re
from datetime import datetime, timedelta
from html import unescape

import httpx
from sqlalchemy import Engine

from db.engine import reading
from db.issues import IssueRow, issue_of_week
from newsletter.clock import Clock
from newsletter.editors.invite import add_editor
from newsletter.editors.sign_in import make_link
from newsletter.issues.approve import approve_issue
from newsletter.issues.render import read_issue
from newsletter.settings import Settings
from newsletter.web.app import create_app
from tests.fakes.browser import Browser
from tests.fakes.sample_week import NOW, WEEK

PAGE = f"/editor/issues/{WEEK}"


class Room:
    """A draft and editors who look at it."""

    def __init__(self, engine: Engine, settings: Settings, now: datetime = NOW) -> None:
        self.engine, self.settings, self.now = engine, settings, now
        self._app = create_app(settings, engine, Clock(now, running=False))

    def editor(self, email: str = "ada@example.com", role: str = "editor", panelist: str | None = None) -> "Editor":
        add_editor(self.engine, email, role, NOW, panelist=panelist)
        browser = Browser(self._app)
        link = make_link(self.engine, email, self.settings, self.now)
        browser.post(link.removeprefix(self.settings.public_url))
        return Editor(browser)

    @property
    def issue(self) -> IssueRow:
        with reading(self.engine) as connection:
            found = issue_of_week(connection, str(WEEK))
        assert found is not None
        return found

    @property
    def order(self) -> list[str]:
        return [tool.slug for tool in read_issue(self.engine, WEEK, self.settings)[1].items]

    def approve(self) -> None:
        approve_issue(self.engine, WEEK, "boss", self.settings, NOW, NOW + timedelta(days=1))


class Editor:
    """Keeps the form of the page that was opened last, as a browser's tab does."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.form: dict[str, str] = {}
        self.page = ""

    def open(self, path: str = PAGE) -> httpx.Response:
        answer = self.browser.get(path)
        self.page = answer.text
        self.form = fields(answer.text)
        return answer

    def press(self, act: str, path: str = PAGE, **typed: str) -> httpx.Response:
        return self.browser.post(f"{path}/{act}", data=self.form | typed)

    def item(self, name: str) -> str:
        found = re.search(rf'id="name-(\d+)"><bdi>{name}<', self.page)
        assert found, name
        return f"items/{found[1]}"


def fields(page: str) -> dict[str, str]:
    """What the issue's form would post."""
    form = page.partition('id="issue-form"')[2].partition("</form>")[0]
    found: dict[str, str] = {}
    for tag in re.findall(r"<input\b[^>]*>", form):
        attributes = {name: unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', tag)}
        if "name" in attributes:
            found[attributes["name"]] = attributes.get("value", "")
    for name, value in re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>\n(.*?)</textarea>', form, re.S):
        found[name] = unescape(value)
    for name, options in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else ""
    return found
