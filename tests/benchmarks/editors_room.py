"""The editors' room with 10,000 releases, 5,000 tools and 200 issues: how soon each page answers."""

import re
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
from sqlalchemy import Engine, insert

from db.engine import make_engine, transaction
from db.migrate import migrate
from db.models import Issue, Release, Tool
from newsletter import settings as settings_module
from newsletter.clock import Clock
from newsletter.editors.invite import add_editor
from newsletter.editors.sign_in import make_link
from newsletter.settings import Settings
from newsletter.web.app import create_app
from tests.acceptance.test_editor_week import big_week
from tests.conftest import complete_environment
from tests.fakes.browser import Browser
from tests.fakes.sample_week import NOW, WEEK, release, set_out

PAGE = f"/editor/issues/{WEEK}"
PAGES = (
    "/editor",
    "/editor/queue",
    "/editor/tools",
    "/editor/tools?q=tool+49",
    "/editor/tool-names?q=tool+49",
    "/editor/takes",
    PAGE,
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/newsletter.db"
        engine = make_engine(url)
        migrate(engine, NOW)
        settings = settings_module.load(complete_environment(url), Path(folder))
        set_out(engine, settings)
        _fill(engine, settings)
        browser = Browser(create_app(settings, engine, Clock(NOW, running=False)))
        add_editor(engine, "ada@example.com", "editor", NOW)
        browser.post(make_link(engine, "ada@example.com", settings, NOW).removeprefix(settings.public_url))
        for path in PAGES:
            print(f"  {path:36} {_took(partial(browser.get, path))}")
        typed = dict(re.findall(r'name="(csrf)" value="([^"]*)"', browser.get(PAGE).text)) | {"subject": "Typed"}
        took = _took(lambda: browser.post(f"{PAGE}/preview", data=typed))
        print(f"  {'preview after an edit':36} {took}")
        engine.dispose()
    _preview_of_a_big_week()


def _preview_of_a_big_week() -> None:
    """120 launches, so that the mail has to be cut to its budget: the slowest preview there is."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/newsletter.db"
        engine = make_engine(url)
        migrate(engine, NOW)
        settings = settings_module.load(complete_environment(url), Path(folder))
        big_week(engine, settings)
        browser = Browser(create_app(settings, engine, Clock(NOW, running=False)))
        add_editor(engine, "ada@example.com", "editor", NOW)
        browser.post(make_link(engine, "ada@example.com", settings, NOW).removeprefix(settings.public_url))
        typed = dict(re.findall(r'name="(csrf)" value="([^"]*)"', browser.get(PAGE).text)) | {"subject": "Typed"}
        took = _took(lambda: browser.post(f"{PAGE}/preview", data=typed))
        print(f"  {'preview of 120 launches':36} {took}")
        for part in ("", "/difference", "/findings"):
            took = _took(partial(browser.get, PAGE + part))
            print(f"  {f'{WEEK}{part} of 120 launches':36} {took}")
        engine.dispose()


def _fill(engine: Engine, settings: Settings) -> None:
    week, weeks = WEEK, []
    for _ in range(200):
        weeks.append(week)
        week = week.previous()
    tools = [
        {"slug": f"t{n}", "name": f"Tool {n}", "name_key": f"tool {n}", "url": f"https://t{n}.example/",
         "category": "Filler", "listed": True, "created_at": NOW, "updated_at": NOW, "search_text": f"tool {n}"}
        for n in range(5_000)
    ]  # fmt: skip
    issues = [
        {"week": str(week), "number": n + 2, "starts_at": week.starts_at(settings.timezone),
         "ends_at": week.ends_at(settings.timezone), "status": "sent", "composed_at": NOW, "updated_at": NOW}
        for n, week in enumerate(weeks[1:])
    ]  # fmt: skip
    releases = [
        release(f"Release {n}", f"https://r.example/{n}", week=str(weeks[n // 50]), tool_id=n % 5_000 + 7,
                status="matched" if n % 100 else "unmatched")
        for n in range(10_000)
    ]  # fmt: skip
    with transaction(engine) as connection:
        connection.execute(insert(Tool), tools)
        connection.execute(insert(Issue), issues)
        connection.execute(insert(Release), releases)


def _took(ask: Callable[[], httpx.Response], times: int = 9) -> str:
    """Medians of some requests, the first left out: by the clock, and of this process's CPU time, which suffers less
    from what else the machine does."""
    clock, cpu = [], []
    for _ in range(times + 1):
        began, worked = time.perf_counter(), time.process_time()
        assert ask().status_code == 200
        clock.append(time.perf_counter() - began)
        cpu.append(time.process_time() - worked)
    return f"{statistics.median(clock[1:]) * 1000:5.0f} ms, {statistics.median(cpu[1:]) * 1000:4.0f} of the CPU"
