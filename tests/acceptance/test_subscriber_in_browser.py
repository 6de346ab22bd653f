"""Signing up, choosing and leaving in a real browser: with scripts and without, by day and by night, on a phone."""

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine

from db.engine import make_engine, reading
from db.keys import newest_link_key
from newsletter import settings as settings_module
from newsletter.clock import Clock
from newsletter.deliveries.send_letters import send_letters
from newsletter.settings import Settings
from newsletter.subscribers.import_subscribers import add_confirmed
from newsletter.subscribers.tokens import Link, sign_link
from newsletter.subscribers.update_preferences import find_subscriber
from newsletter.web.app import create_app
from newsletter.web.site import Site
from tests.conftest import complete_environment
from tests.fakes.relay import RecordingRelay
from tests.fakes.running_app import RunningApp
from tests.fakes.sample_week import NOW, set_out

pytestmark = [pytest.mark.browser]

ADDRESS = "eve@reader.example"
SCREENS = [
    pytest.param({"java_script_enabled": False, "viewport": {"width": 360, "height": 740}}, id="phone-without-scripts"),
    pytest.param({"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"}, id="desktop-dark"),
]


class House:
    def __init__(self, engine: Engine, settings: Settings, inbox: RecordingRelay, url: str) -> None:
        self.engine, self.settings, self.inbox, self.url = engine, settings, inbox, url

    def newest_link(self, kind: str) -> str:
        """The link in the newest letter, once the service has sent what waits."""
        service = threading.Thread(target=send_letters, args=(self.engine, self.settings, Clock(NOW, running=False)))
        service.start()
        service.join()
        found = re.search(rf"http://\S+/{kind}/[\w-]+", self.inbox.to(ADDRESS)[-1].text())
        assert found
        return found[0]

    def subscriber(self) -> dict[str, Any] | None:
        return find_subscriber(self.engine, ADDRESS)

    def state(self) -> str:
        found = self.subscriber()
        return str(found["state"]) if found else "nobody"


@pytest.fixture
def house(sqlite_url: str, tmp_path: Path) -> Iterator[House]:
    engine = make_engine(sqlite_url)
    with RecordingRelay() as inbox:
        settings = settings_module.load(complete_environment(sqlite_url), tmp_path)
        settings = replace(settings, smtp=(inbox.relay,))
        set_out(engine, settings)
        app = create_app(settings, engine, Clock(NOW, running=False))
        with RunningApp(app) as running:
            settings = replace(settings, public_url=running.url)
            app.state.site = Site(settings, engine, Clock(NOW, running=False))
            yield House(engine, settings, inbox, running.url)
    engine.dispose()


@pytest.fixture
def window(chromium: Browser, house: House, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page on the screen that the test asks for; it fails on console errors and on requests to anybody else."""
    context = chromium.new_context(base_url=house.url, **request.param)
    context.set_default_timeout(10_000)
    page, troubles = context.new_page(), list[str]()
    page.on(
        "console", lambda said: troubles.append(said.text) if said.type == "error" and "422" not in said.text else None
    )
    page.on("request", lambda sent: None if sent.url.startswith(house.url) else troubles.append(sent.url))
    yield page
    context.close()
    assert troubles == []


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


@pytest.mark.parametrize("window", SCREENS, indirect=True)
def test_from_sign_up_to_forget_me(window: Page, house: House) -> None:
    window.goto("/")
    window.get_by_label("Email").fill(ADDRESS)
    window.get_by_label("Name").fill("Eve")
    window.get_by_label("Writing").check()
    expect(window.get_by_label("Leave this field empty")).not_to_be_in_viewport()
    window.wait_for_timeout(2_100)
    press(window, "Subscribe")
    expect(window.get_by_role("heading", level=1)).to_have_text("Check your inbox")

    window.goto(house.newest_link("confirm"))
    assert house.state() == "pending"
    press(window, "Confirm my subscription")
    expect(window.get_by_role("heading", level=1)).to_have_text("You are subscribed")
    assert house.state() == "active"

    window.goto(house.newest_link("preferences"))
    expect(window.get_by_label("Writing")).to_be_checked()
    window.get_by_label("Developer Tools").check()
    window.get_by_label("Skeptic").check()
    window.get_by_label("Plain text").check()
    window.get_by_label("Take a rest").select_option("4")
    press(window, "Save")
    expect(window.get_by_role("status")).to_have_text("Saved.")
    found = house.subscriber()
    assert found is not None
    assert (found["categories"], found["panelists"]) == (["Developer Tools", "Writing"], ["skeptic"])

    window.get_by_role("link", name="Unsubscribe").click()
    press(window, "Unsubscribe")
    assert house.state() == "unsubscribed"
    press(window, "Undo: keep my subscription")
    assert house.state() == "active"
    window.get_by_role("link", name="Your preferences").click()
    press(window, "Forget me")
    expect(window.get_by_role("heading", level=1)).to_have_text("You are forgotten")
    assert house.state() == "nobody"


@pytest.mark.parametrize("window", SCREENS[1:], indirect=True)
def test_an_address_that_cannot_be_one_is_pointed_at(window: Page, house: House) -> None:
    window.goto("/")
    window.get_by_label("Email").fill("eve@nowhere")
    press(window, "Subscribe")
    email = window.get_by_label("Email")
    expect(email).to_be_focused()
    expect(email).to_have_value("eve@nowhere")
    expect(window.get_by_role("alert")).to_contain_text("no domain name")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_every_page_reads_well_and_fits(chromium: Browser, house: House, scheme: Any, width: int) -> None:
    add_confirmed(house.engine, ADDRESS, name="Eve", consent_at=NOW, consent_source="form", now=NOW)
    token = token_of(house)
    page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme, base_url=house.url)
    for path in ("/", "/subscribe", "/embed", f"/preferences/{token}", f"/unsubscribe/{token}", "/confirm/none"):
        page.goto(path)
        found = Axe().run(page).response["violations"]
        assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == [], path
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0, path
    page.close()


def token_of(house: House) -> str:
    found = house.subscriber()
    assert found is not None
    with reading(house.engine) as connection:
        return sign_link(Link(found["id"]), *newest_link_key(connection))
