"""The editors' room in a real browser: from Monday's launches to an approved issue that is sent.

``PICTURES=docs/pictures pytest tests/acceptance/test_editor_in_browser.py`` also renews the pictures of the
handbook.
"""

import os
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Locator, Page, expect
from sqlalchemy import Engine, insert, select, update

from db import audit
from db.engine import make_engine, reading, transaction
from db.issues import issue_of_week
from db.models import Delivery, Issue, ReturnedMail, SubscriberEvent, Tool, Vote
from db.runs import write_plans
from newsletter import settings as settings_module
from newsletter.clock import Clock
from newsletter.deliveries.send import send_due
from newsletter.deliveries.send_letters import send_letters
from newsletter.deliveries.steer import cancel_issue, pause_issue
from newsletter.editors.invite import add_editor
from newsletter.editors.sign_in import make_link, sign_in
from newsletter.issues.approve import approve_issue
from newsletter.issues.publish import publish_issue
from newsletter.setting_values import Relay
from newsletter.settings import Settings
from newsletter.tools.edit import remember_name
from newsletter.web.app import create_app
from newsletter.web.session import COOKIE
from newsletter.web.site import Site
from tests.conftest import complete_environment
from tests.fakes.running_app import RunningApp
from tests.fakes.sample_week import NOW, WEEK, set_out
from tests.fakes.smtp_sink import Sink

expect.set_options(timeout=10_000)  # a busy machine is no finding
pytestmark = [pytest.mark.browser]

REFUSED = re.compile("status of (401|403|409|422)")  # an answer with a page of its own, and meant to be one
PATIENCE = 10_000  # milliseconds
PICTURES = os.environ.get("PICTURES")
PAGE = f"/editor/issues/{WEEK}"


class Room:
    """The app on a port, a mail server beside it, and a service that sends what waits."""

    def __init__(self, engine: Engine, settings: Settings, app: RunningApp, sink: Sink) -> None:
        self.engine, self.settings, self.app, self.sink = engine, settings, app, sink
        self.clock = Clock(NOW, running=False)

    def link(self, email: str, role: str = "editor", panelist: str | None = None) -> str:
        add_editor(self.engine, email, role, NOW, panelist=panelist)
        return make_link(self.engine, email, self.settings, NOW)

    def cookie(self, email: str, role: str = "editor") -> Any:
        """What a browser holds once somebody has signed in; one test does that by hand."""
        _, session = sign_in(self.engine, self.link(email, role).rpartition("/")[2], NOW)
        return {"name": COOKIE, "value": session, "domain": "127.0.0.1", "path": "/editor"}

    @property
    def status(self) -> str:
        with reading(self.engine) as connection:
            found = issue_of_week(connection, str(WEEK))
        assert found is not None
        return found.status

    def send_what_waits(self) -> None:
        """What the service does within seconds; in a thread, since the browser's driver has a loop in this one."""
        service = threading.Thread(target=self._send)
        service.start()
        service.join()

    def _send(self) -> None:
        send_letters(self.engine, self.settings, self.clock)
        send_due(self.engine, self.settings, self.clock)


@pytest.fixture
def room(sqlite_url: str, tmp_path: Path) -> Iterator[Room]:
    engine = make_engine(sqlite_url)
    settings = settings_module.load(complete_environment(sqlite_url), tmp_path)
    with Sink() as sink:
        settings = replace(settings, smtp=(Relay("127.0.0.1", sink.port, tls="off"),))
        set_out(engine, settings)
        app = create_app(settings, engine, Clock(NOW, running=False))
        with RunningApp(app) as running:
            settings = replace(settings, public_url=running.url)
            app.state.site = Site(settings, engine, Clock(NOW, running=False))
            yield Room(engine, settings, running, sink)
    engine.dispose()


class Watched:
    """A browser's window that remembers what went wrong in it: console errors, and requests to anybody else."""

    def __init__(self, context: BrowserContext, base: str) -> None:
        self.page = context.new_page()
        self.troubles: list[str] = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("request", lambda request: self._request(request.url, base))

    def _console(self, message: object) -> None:
        text = getattr(message, "text", "")
        if getattr(message, "type", "") in ("error", "warning") and not REFUSED.search(text):
            self.troubles.append(text)

    def _request(self, url: str, base: str) -> None:
        if not url.startswith((base, "data:", "about:", "blob:")):
            self.troubles.append(f"foreign request: {url}")


@pytest.fixture
def window(chromium: Browser, room: Room) -> Iterator[Page]:
    """Signed in as an editor; the test fails on any console error or foreign request."""
    context = patient(chromium, base_url=room.app.url, viewport={"width": 1400, "height": 900})
    context.add_cookies([room.cookie("ada@example.com")])
    watched = Watched(context, room.app.url)
    yield watched.page
    context.close()
    assert watched.troubles == []


def patient(chromium: Browser, **options: Any) -> BrowserContext:
    context = chromium.new_context(**options)
    context.set_default_timeout(PATIENCE)
    return context


def enter(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile("/editor(/takes)?$"))


def mail(page: Page) -> FrameLocator:
    return page.frame_locator("iframe#preview")


def names(page: Page) -> list[str]:
    return page.locator("#items h3").all_inner_texts()


def script_is_there(page: Page) -> None:
    """Dragging and keys begin to work a moment after the page can be read."""
    expect(page.locator(".keys")).to_be_visible()


def drag(what: Locator, where: Locator) -> None:
    """Let go once the page shows that it would drop there: a drag begins, and is seen, some moves after the press."""
    mouse = what.page.mouse
    what.hover()
    mouse.down()
    for step in range(200):
        where.hover(position={"x": 20 + step % 2 * 4, "y": 10})
        if "over" in (where.get_attribute("class") or "").split():
            break
    expect(where).to_have_class(re.compile("over"))
    mouse.up()


def serious_findings(page: Page) -> list[tuple[str, str, list[str]]]:
    """What axe finds on the page as it stands: its address, the rule, the first places."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    result = page.evaluate("axe.run({resultTypes: ['violations'], iframes: false})")
    return [
        (page.url, one["id"], [node["html"] for node in one["nodes"]][:3])
        for one in result["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def answered(room: Room) -> None:
    """What readers and their servers say after a sending, as the rooms that hear it write it down."""
    with transaction(room.engine) as connection:
        sent = connection.execute(select(Delivery).where(Delivery.status == "sent")).all()
        for n, kind in enumerate(("soft", "complaint")):
            row = {"fingerprint": f"f{n}", "recipient": "", "at": NOW, "source": "test", "kind": kind}
            connection.execute(insert(ReturnedMail).values(**row, changed=False, delivery_id=sent[n].id))
        left = {"at": NOW, "what": "unsubscribed", "subscriber_id": sent[0].subscriber_id}
        connection.execute(insert(SubscriberEvent).values(**left, issue_id=sent[0].issue_id))
        for n in range(9):
            vote = {"tool_id": 1 + n % 2, "voter": f"browser:{n}", "call": "ship" if n % 3 else "skip", "at": NOW}
            connection.execute(insert(Vote).values(**vote))


def picture(page: Page, name: str, *, whole: bool = False) -> None:
    """Renew a picture of the handbook, where that was asked for."""
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{PICTURES}/{name}.jpeg", type="jpeg", quality=60, full_page=whole)


def test_an_editor_signs_in_by_a_mailed_link(chromium: Browser, room: Room) -> None:
    add_editor(room.engine, "ada@example.com", "editor", NOW)
    context = patient(chromium, base_url=room.app.url)
    page = context.new_page()
    page.goto("/editor")
    page.get_by_label("E-mail address").fill("ada@example.com")
    picture(page, "editor-sign-in")
    page.get_by_role("button", name="Mail me a link").click()
    expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()
    assert serious_findings(page) == []
    room.send_what_waits()
    (arrived,) = room.sink.mails
    link = re.search(rb"http://127\.0\.0\.1:\d+/editor/sign-in/[\w-]+", arrived.data.replace(b"=\r\n", b""))
    assert link
    enter(page, link[0].decode())
    expect(page.get_by_role("heading", name="The desk")).to_be_visible()
    picture(page, "editor-desk", whole=True)
    page.goto(link[0].decode())
    expect(page.get_by_role("heading", name="This link does not work any more")).to_be_visible()
    context.close()


def test_the_queue_is_cleared_by_keyboard(window: Page) -> None:
    window.goto("/editor/queue")
    expect(window.get_by_role("heading", name=re.compile("Unmatched releases 4 wait"))).to_be_visible()
    picture(window, "editor-queue", whole=True)
    window.keyboard.press("1")
    expect(window.get_by_text("Curly 2 for teams: matched with curly")).to_be_visible()
    window.keyboard.press("u")
    expect(window.get_by_text("Taken back: Curly 2 for teams")).to_be_visible()
    window.keyboard.press("j")
    window.keyboard.press("k")
    window.keyboard.press("1")
    expect(window.get_by_text("Curly 2 for teams: matched with curly")).to_be_visible()
    window.keyboard.press("m")
    window.keyboard.type("inkw")
    expect(window.locator("#known option")).to_have_attribute("value", "inkwell")
    window.keyboard.type("ell")
    window.keyboard.press("Enter")
    expect(window.get_by_text("Pagewright Studio: matched with inkwell")).to_be_visible()
    window.keyboard.press("n")
    window.keyboard.type("Analytics")
    window.keyboard.press("Enter")
    expect(window.get_by_text("Lanternfish: made into the new tool lanternfish")).to_be_visible()
    window.keyboard.press("d")
    expect(window.get_by_text("We are hiring a designer: dropped")).to_be_visible()
    expect(window.get_by_text("Nothing waits.")).to_be_visible()
    window.goto(PAGE)
    expect(window.get_by_role("heading", name="Lanternfish")).to_be_visible()


def test_letters_decide_nothing_where_no_release_has_the_focus(window: Page) -> None:
    window.goto("/editor/queue")
    expect(window.locator(".release").first).to_be_focused()
    window.get_by_role("link", name="Desk").focus()
    for key in "dunm1jk":
        window.keyboard.press(key)
    expect(window.get_by_role("link", name="Desk")).to_be_focused()
    window.evaluate("document.activeElement.blur()")
    for key in "dunm1":
        window.keyboard.press(key)
    window.keyboard.press("j")
    expect(window.locator(".release").first).to_be_focused()
    expect(window.get_by_role("heading", name=re.compile("4 wait"))).to_be_visible()
    window.keyboard.press("d")
    expect(window.get_by_role("heading", name=re.compile("3 wait"))).to_be_visible()


def test_an_arrow_in_a_note_moves_no_item_and_a_dropped_one_leaves_the_focus_to_the_next(window: Page) -> None:
    window.goto(PAGE)
    script_is_there(window)
    before = names(window)
    window.locator(".item summary").first.click()
    note = window.get_by_label("Note on Curly")
    note.fill("Two\nlines")
    note.press("Alt+ArrowDown")
    window.wait_for_timeout(300)
    assert names(window) == before
    expect(note).to_have_value("Two\nlines")
    window.get_by_role("button", name="Drop").nth(1).press("Enter")
    expect(window.get_by_role("status")).to_contain_text(f"Dropped {before[1]}")
    expect(window.locator("#items .item").nth(1)).to_be_focused()
    expect(window.locator("#items .item").nth(1)).to_contain_text(before[2])


def test_what_was_done_is_in_sight_and_the_keyboard_goes_on_where_it_was(window: Page) -> None:
    window.goto(PAGE)
    window.get_by_label("Subject").press("End")
    window.keyboard.type("!")
    window.keyboard.press("Enter")
    expect(window.get_by_role("status")).to_have_text("Saved")
    expect(window.get_by_label("Subject")).to_be_focused()
    undo = window.get_by_role("button", name="Undo the last edit")
    window.set_viewport_size({"width": 1400, "height": 500})
    window.mouse.wheel(0, 400)
    window.wait_for_function("scrollY == 400")
    undo.press("Enter")
    said = window.get_by_text("Took back: edited the subject", exact=True)
    expect(said).to_be_in_viewport()
    expect(window.get_by_role("button", name="Bring up to date")).to_be_in_viewport()
    window.wait_for_timeout(400)
    window.mouse.wheel(0, 50)
    expect(said).to_have_count(0)


def test_who_ends_a_rule_by_keyboard_is_not_led_to_the_next_one(window: Page, room: Room) -> None:
    for name in ("Curly Pro", "Curly Max"):
        remember_name(room.engine, "curly", name, NOW)
    window.goto("/editor/rules")
    window.get_by_role("button", name="End the rule for Curly Pro").press("Enter")
    expect(window.get_by_role("status")).to_be_visible()
    expect(window.get_by_role("button", name="End the rule for Curly Max")).not_to_be_focused()
    expect(window.get_by_role("button", name="End the rule for Curly Pro")).to_have_count(0)


def test_a_note_is_as_high_as_its_lines(window: Page) -> None:
    window.goto(PAGE)
    window.locator(".item summary").first.click()
    note = window.get_by_label("Note on Curly")
    note.fill("Two things:\n\n- It is fast.\n- It is not free.\n\nAsk for the team price.")
    assert note.evaluate("field => field.scrollHeight <= field.clientHeight")


def test_a_take_changes_the_percent_as_it_is_typed(window: Page) -> None:
    window.goto("/editor/tools/branchline/takes/creator")
    card = window.locator("#card")
    expect(card).to_contain_text("50 %")
    window.get_by_text("Ship", exact=False).first.click()
    window.get_by_label("Score, 0 to 100").fill("90")
    window.get_by_label("Take", exact=True).fill("It <b>merges</b> what I meant.")
    expect(card).to_contain_text("60 %")
    expect(card).to_contain_text("It is 50 % now (2 ship / 2 skip).")
    expect(card).to_contain_text("It <b>merges</b> what I meant.")
    picture(window, "editor-take", whole=True)
    window.get_by_role("button", name="Store the take").click()
    expect(window.get_by_text("Stored creator's take: 50 % became 60 %")).to_be_visible()
    picture(window, "editor-tool", whole=True)
    window.goto(PAGE)
    expect(mail(window).locator("body")).to_contain_text("60 %")


def test_items_are_put_in_order_dropped_and_paired(window: Page) -> None:
    window.goto(PAGE)
    assert names(window)[:2] == ["Curly", "Pagewright"]
    window.get_by_role("button", name="Move down").first.click()
    expect(window.locator("#items h3").first).to_have_text("Pagewright")
    script_is_there(window)
    window.locator("#items .item").nth(1).focus()
    window.keyboard.press("Alt+ArrowUp")
    expect(window.locator("#items h3").first).to_have_text("Curly")
    script_is_there(window)
    drag(window.locator("#items .item-head").nth(3), window.locator("#items .item").first)
    expect(window.locator("#items h3").first).to_have_text("Tallyho")
    window.get_by_role("button", name="Drop").first.click()
    expect(window.get_by_role("status")).to_contain_text("Dropped Tallyho")
    assert "Tallyho" not in names(window)
    expect(mail(window).locator("body")).not_to_contain_text("Tallyho")
    window.get_by_label("First tool").select_option("curly")
    window.get_by_label("Second tool").select_option("pagewright")
    window.get_by_role("button", name="Change the pair").click()
    expect(window.get_by_role("status")).to_contain_text("Changed the head-to-head")
    window.get_by_role("button", name="Pin", exact=True).first.click()
    expect(window.locator("#items .item").first).to_contain_text("pinned")
    window.get_by_role("button", name="Restore Tallyho").click()
    expect(window.get_by_role("status")).to_contain_text("Restored Tallyho")


def test_what_is_typed_shows_in_the_preview_before_it_is_saved(window: Page) -> None:
    window.goto(PAGE)
    expect(mail(window).locator("body")).to_contain_text("Curly")
    window.get_by_label("Subject").fill("One week, two tools worth your time")
    window.get_by_label("Intro").fill("We tried **everything** twice.")
    expect(window.locator("#preview-subject")).to_have_text("One week, two tools worth your time")
    expect(mail(window).locator("h1")).to_have_text("One week, two tools worth your time")
    expect(mail(window).locator("strong")).to_contain_text("everything")
    window.locator(".item summary").first.click()
    window.get_by_label("Note on Curly").fill("Free until March.")
    expect(mail(window).locator("body")).to_contain_text("Free until March.")
    window.get_by_role("button", name="Save").click()
    expect(window.get_by_role("status")).to_contain_text("Saved")
    expect(window.get_by_label("Subject")).to_have_value("One week, two tools worth your time")
    expect(mail(window).locator("strong")).to_contain_text("everything")
    expect(window.locator(".findings")).to_contain_text("Nothing stands in the way")
    expect(window.locator(".findings")).to_contain_text("of 80,000 bytes")
    picture(window, "editor-issue")


def test_every_mode_of_the_preview(window: Page) -> None:
    window.goto(PAGE)
    frame, body = window.locator("iframe#preview"), mail(window).locator("body")
    expect(body).to_contain_text("Curly")
    expect(frame).to_have_attribute("data-width", "desktop")
    heading = mail(window).locator("h1").first
    before = window.evaluate("history.length")
    light = heading.evaluate("heading => getComputedStyle(heading).color")
    window.get_by_label("Mobile", exact=True).check()
    expect(frame).to_have_attribute("data-width", "mobile")
    box = frame.bounding_box()
    assert box is not None
    assert box["width"] <= 392
    window.get_by_label("Dark", exact=True).check()
    expect(frame).to_have_attribute("data-shade", "dark")
    expect(heading).not_to_have_css("color", light)
    picture(window, "draft-preview-dark")
    window.get_by_label("Inverted", exact=True).check()
    expect(mail(window).locator("html")).to_have_css("filter", re.compile("invert"))
    window.get_by_label("Light", exact=True).check()
    expect(mail(window).locator("html")).to_have_css("filter", "none")
    window.get_by_label("Plain text", exact=True).check()
    expect(mail(window).locator("pre")).to_contain_text("Curly")
    window.get_by_label("Source", exact=True).check()
    expect(mail(window).locator("pre")).to_contain_text("List-Unsubscribe-Post")
    window.get_by_label("HTML", exact=True).check()
    window.get_by_label("None", exact=True).check()
    expect(body).to_contain_text("Curly")
    expect(mail(window).locator("img")).to_have_count(0)
    window.get_by_label("Desktop", exact=True).check()
    window.get_by_label("Preview as").fill("bo@example.org")
    expect(window.locator("#preview-to")).to_have_text("bo@example.org")
    window.get_by_label("Preview as").fill("nobody@example.org")
    expect(mail(window).locator("pre")).to_contain_text("is no subscriber")
    expect(window.locator("#preview-to")).to_have_text("")
    expect(window.locator("#preview-subject")).to_have_text("")
    window.get_by_label("Preview as").fill("")
    expect(window.locator("#preview-to")).to_have_text("reader@example.invalid")
    assert window.evaluate("history.length") == before, "going back leads to the page before, not through previews"


@pytest.mark.parametrize("shade", ["Dark", "Inverted"])
@pytest.mark.parametrize("part", ["Plain text", "Source"])
def test_what_has_no_colours_of_its_own_can_be_read_in_the_dark(window: Page, part: str, shade: str) -> None:
    window.goto(PAGE)
    for choice in (part, shade):
        window.get_by_text(choice, exact=True).click()
    body = mail(window).locator("body")
    expect(body).to_have_css("color", "rgb(242, 239, 232)")
    expect(mail(window).locator("html")).to_have_css("background-color", "rgb(18, 17, 15)")


def test_approved_edited_scheduled_tested_sent(window: Page, room: Room) -> None:
    window.goto(PAGE)
    window.get_by_role("button", name="Approve").click()
    expect(window.get_by_role("heading", name=re.compile("Approved"))).to_be_visible()
    window.get_by_label("Subject").fill("Edited after the approval")
    window.get_by_role("button", name="Save").click()
    expect(window.get_by_role("status")).to_contain_text("The approval is void")
    window.get_by_role("link", name="What changed").click()
    expect(window.locator("ins").first).to_contain_text("Edited after the approval")
    picture(window, "editor-difference")
    window.go_back()
    assert room.status == "draft"
    window.get_by_label("Send at").fill("2026-11-24T09:00")
    window.get_by_role("button", name="Schedule").click()
    expect(window.get_by_text("Goes out on Tue 24 Nov, 09:00")).to_be_visible()
    window.get_by_label("Send test to").fill("me@example.org")
    window.get_by_label("Send test to").press("Enter")
    expect(window.get_by_role("status")).to_contain_text("A test is on its way to me@example.org")
    room.send_what_waits()
    assert [arrived.recipient for arrived in room.sink.mails] == ["me@example.org"]
    room.sink.refusing("cy@example.org", "550 5.1.1 there is no such mailbox")
    room.sink.refusing_once("bo@example.org", "550 5.5.2 I do not understand")
    window.get_by_role("button", name="Send now").click()
    window.get_by_role("button", name="Send it").click()
    expect(window.get_by_text("0 of 3 settled")).to_be_visible()
    sending = threading.Thread(target=room.send_what_waits)
    sending.start()
    expect(window.get_by_text("3 of 3 settled")).to_be_visible(timeout=20_000)
    sending.join()
    expect(window.get_by_role("cell", name="550 5.1.1 there is no such mailbox")).to_be_visible()
    expect(window.locator("#receipt .status")).to_have_text("Sent")
    window.get_by_role("button", name="Send to the missed").click()
    expect(window.get_by_text("goes to 1 of those it did not reach")).to_be_visible()
    assert serious_findings(window) == []
    window.get_by_role("button", name="Send it").click()
    expect(window.get_by_role("status")).to_contain_text("Trying again: 1 of those who were missed")
    room.send_what_waits()
    expect(window.get_by_text("3 of 3 settled")).to_be_visible()
    expect(window.locator("#receipt .status")).to_have_text("Sent")
    answered(room)
    window.reload()
    for row in ("Bounced for good 0", "Bounced for now 1", "Complaints 1", "Unsubscribed 1"):
        expect(window.get_by_role("table", name="What came back").get_by_role("row", name=row)).to_be_visible()
    expect(window.get_by_role("table", name="Votes on each item").get_by_role("row", name="Curly 3 2")).to_be_visible()
    for scheme in ("light", "dark"):
        window.emulate_media(color_scheme=scheme)
        assert serious_findings(window) == []
    window.emulate_media(color_scheme="light")
    picture(window, "editor-receipt", whole=True)
    assert sorted(arrived.recipient for arrived in room.sink.mails[1:]) == ["ada@example.org", "bo@example.org"]
    assert {arrived.header("Subject") for arrived in room.sink.mails[1:]} == {"Edited after the approval"}


def test_two_editors_at_once_do_not_overwrite_each_other(window: Page, chromium: Browser, room: Room) -> None:
    context = patient(chromium, base_url=room.app.url, viewport={"width": 1400, "height": 900})
    context.add_cookies([room.cookie("bo@example.com")])
    other = context.new_page()
    window.goto(PAGE)
    other.goto(PAGE)
    window.get_by_label("Subject").fill("Ada's subject")
    other.get_by_label("Subject").fill("Bo's subject")
    other.locator(".item summary").first.click()
    other.get_by_label("Note on Curly").fill("Bo's note")
    window.get_by_role("button", name="Save").click()
    expect(window.get_by_role("status")).to_contain_text("Saved")
    other.get_by_role("button", name="Save").click()
    expect(other.get_by_role("alert")).to_contain_text("ada@example.com")
    expect(other.get_by_role("alert")).to_contain_text("Ada's subject")
    expect(other.get_by_label("Subject")).to_have_value("Bo's subject")
    expect(other.get_by_label("Note on Curly")).to_have_value("Bo's note")
    assert serious_findings(other) == []
    picture(other, "editor-conflict")
    other.get_by_role("button", name="Save").click()
    expect(other.get_by_role("status")).to_contain_text("Saved")
    context.close()


def test_what_was_refused_is_loaded_again_and_gone_back_to_without_posting_it_again(window: Page, room: Room) -> None:
    window.goto(PAGE)
    window.get_by_label("Subject").fill("Typed and not stored")
    window.get_by_label("Send test to").fill("nobody")
    window.get_by_role("button", name="Send test").click()
    expect(window.get_by_text("That could not be done")).to_be_visible()
    window.reload()
    expect(window.get_by_text("What you typed here before was not stored")).to_be_visible()
    expect(window.get_by_label("Subject")).to_have_value("Typed and not stored")
    window.get_by_role("button", name="Stop").click()
    expect(window.get_by_role("heading", name="Stop this issue?")).to_be_visible()
    window.get_by_role("link", name="Desk").click()
    window.go_back()
    expect(window.get_by_label("Subject")).to_have_value("Typed and not stored")
    assert room.status == "draft"


def test_a_session_that_is_lost_loses_nothing_typed(window: Page, room: Room) -> None:
    window.goto(PAGE)
    expect(mail(window).locator("body")).to_contain_text("Curly")
    window.context.clear_cookies()
    window.get_by_label("Intro").fill("An hour's work that must not be lost.")
    expect(window.get_by_text("You are signed out. Nothing that you typed is lost")).to_be_visible()
    window.get_by_role("button", name="Save").click()
    expect(window.get_by_role("heading", name="You are signed out")).to_be_visible()
    expect(window.get_by_label("Intro")).to_have_value("An hour's work that must not be lost.")
    assert serious_findings(window) == []
    enter(window, room.link("ada@example.com"))
    window.goto(PAGE)
    expect(window.get_by_label("Intro")).to_have_value("An hour's work that must not be lost.")
    expect(window.get_by_role("status")).to_contain_text("was not stored. It is in the fields again")
    expect(mail(window).locator("body")).to_contain_text("An hour's work that must not be lost.")
    window.get_by_role("button", name="Save").click()
    expect(window.get_by_role("status")).to_have_text("Saved")
    window.goto(PAGE)
    expect(window.get_by_label("Intro")).to_have_value("An hour's work that must not be lost.")
    expect(window.get_by_role("status")).to_have_text("")
    window.get_by_label("Intro").fill("Not for whoever sits here next.")
    expect(mail(window).locator("body")).to_contain_text("Not for whoever sits here next.")
    assert window.evaluate("Object.keys(localStorage)") == [f"typed: ada@example.com issue {WEEK}"]
    window.context.add_cookies([room.cookie("bo@example.com")])
    window.goto(PAGE)
    expect(window.get_by_label("Intro")).to_have_value("An hour's work that must not be lost.")
    expect(window.get_by_role("status")).to_have_text("")
    window.context.add_cookies([room.cookie("ada@example.com")])
    window.goto(PAGE)
    expect(window.get_by_label("Intro")).to_have_value("Not for whoever sits here next.")
    window.get_by_text("ada@example.com").first.click()
    window.get_by_role("button", name="Sign out", exact=True).click()
    expect(window.get_by_role("heading", name="Sign in")).to_be_visible()
    assert window.evaluate("Object.keys(localStorage)") == [], "what was typed is forgotten with the session"


def test_on_a_phone_a_lost_session_is_told_where_one_types(window: Page) -> None:
    window.set_viewport_size({"width": 320, "height": 640})
    window.goto(PAGE)
    window.context.clear_cookies()
    window.get_by_label("Subject").fill("Typed too late")
    expect(window.get_by_text("You are signed out. Nothing that you typed is lost")).to_be_in_viewport()


def test_a_session_that_is_lost_while_a_take_is_typed_is_told_beside_it(window: Page, room: Room) -> None:
    window.goto("/editor/tools/branchline/takes/creator")
    window.get_by_text("Ship", exact=False).first.click()
    expect(window.locator("#card")).to_contain_text("60 %")
    window.context.clear_cookies()
    text, said = window.get_by_label("Take", exact=True), window.get_by_role("status")
    text.fill("Typed without a session.")
    expect(said).to_contain_text("You are signed out. Nothing that you typed is lost")
    expect(window.locator("#card")).to_contain_text("60 %")
    expect(window.get_by_role("heading", name="Creator on Branchline")).to_be_visible()
    assert serious_findings(window) == []
    window.context.add_cookies([room.cookie("ada@example.com")])
    text.fill("Typed in another session.")
    expect(said).to_contain_text("You signed in anew since this page was opened")
    expect(window.locator("#card")).to_contain_text("60 %")
    window.get_by_role("button", name="Store the take").click()
    window.get_by_role("button", name="Do it").click()
    expect(window.get_by_text("Stored creator's take")).to_be_visible()
    expect(window.locator("body")).to_contain_text("Typed in another session.")


def test_a_receipt_goes_on_once_somebody_is_signed_in_again(window: Page, room: Room) -> None:
    approve_issue(room.engine, WEEK, "boss", room.settings, NOW)
    window.goto(f"{PAGE}/receipt")
    window.context.clear_cookies()
    expect(window.get_by_role("status")).to_contain_text("You are signed out")
    expect(window.locator("#receipt")).to_contain_text("Approved")
    window.context.add_cookies([room.cookie("ada@example.com")])
    expect(window.get_by_role("status")).to_have_text("")
    expect(window.locator("#receipt")).to_contain_text("Approved")


def test_the_buttons_of_a_receipt_follow_what_others_do(window: Page, room: Room) -> None:
    approve_issue(room.engine, WEEK, "boss", room.settings, NOW)
    window.goto(f"{PAGE}/receipt")
    publish_issue(room.engine, WEEK, room.settings, NOW)
    pause = window.get_by_role("button", name="Pause")
    expect(pause).to_be_visible()
    pause.focus()
    window.wait_for_event("response", lambda answer: "receipt/now" in answer.url)
    window.wait_for_timeout(200)
    expect(pause).to_be_focused()
    pause_issue(room.engine, WEEK, NOW, "by somebody else")
    window.get_by_role("button", name="Resume").click()
    expect(window.get_by_role("status")).to_contain_text("The sending goes on")
    cancel_issue(room.engine, WEEK, NOW)
    expect(window.get_by_role("button", name="Pause")).to_have_count(0)
    expect(window.locator("#receipt .status")).to_have_text("Cancelled")


def test_everything_works_without_scripts(chromium: Browser, room: Room) -> None:
    context = patient(chromium, base_url=room.app.url, java_script_enabled=False)
    context.add_cookies([room.cookie("ada@example.com")])
    page = context.new_page()
    page.goto("/editor/queue")
    page.get_by_role("button", name="Match Curly").click()
    expect(page.get_by_text("matched with curly")).to_be_visible()
    page.goto(PAGE)
    page.get_by_role("button", name="Move down").first.click()
    expect(page.locator("#items h3").first).to_have_text("Pagewright")
    page.get_by_label("Plain text").check()
    page.get_by_label("Intro").fill("Typed without scripts")
    page.get_by_role("button", name="Show").click()
    expect(mail(page).locator("pre")).to_contain_text("Typed without scripts")
    context.clear_cookies()
    page.get_by_label("Subject").fill("Signed out meanwhile")
    page.get_by_role("button", name="Save").click()
    context.add_cookies([room.cookie("ada@example.com")])
    page.get_by_role("button", name="I am signed in again: go on").click()
    page.get_by_role("button", name="Do it").click()
    expect(page.get_by_label("Subject")).to_have_value("Signed out meanwhile")
    page.get_by_role("button", name="Approve").click()
    assert room.status == "approved"
    context.close()


EVERY_PAGE = (
    "/editor", "/editor/queue", "/editor/rules", "/editor/tools", "/editor/new-tool", "/editor/tools/curly",
    "/editor/tools/curly/takes/builder", "/editor/takes", "/editor/log", "/editor/people", PAGE, f"{PAGE}/receipt",
    f"{PAGE}/check", f"{PAGE}/difference", "/editor/sign-in",
)  # fmt: skip
PICTURED = ("/editor/tools", "/editor/log", "/editor/people", f"{PAGE}/check")


LOOKS = [(390, "dark"), (1280, "light")]
MORE_LOOKS = [(768, "light"), (1920, "dark")]


def test_every_page_fits_its_window_and_has_no_serious_finding(chromium: Browser, room: Room, full: bool) -> None:
    context = patient(chromium, base_url=room.app.url)
    context.add_cookies([room.cookie("op@example.com", "operator")])
    watched = Watched(context, room.app.url)
    page, found = watched.page, []
    for path in EVERY_PAGE:
        page.goto(path)
        if path == PAGE:
            expect(page.locator(".findings")).to_contain_text("Size of the mail")
        for width, scheme in LOOKS + (MORE_LOOKS if full else []):
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
            found += serious_findings(page)
            if width == 390 and path == PAGE:
                picture(page, "editor-phone-issue")
            if width == 1280 and path in PICTURED:
                picture(page, f"editor-{path.rpartition('/')[2]}")
    context.close()
    assert found == []
    assert watched.troubles == []


_SIZES = """[...document.querySelectorAll("body, body *:not(script, iframe, option, svg *)")]
  .map(e => [`${e.tagName}.${e.className}`, parseFloat(getComputedStyle(e).fontSize)])"""


def test_who_told_their_browser_to_show_larger_text_gets_it_on_every_page(chromium: Browser, room: Room) -> None:
    context = patient(chromium, base_url=room.app.url)
    context.add_cookies([room.cookie("op@example.com", "operator")])
    page = context.new_page()
    page.set_viewport_size({"width": 320, "height": 900})
    for path in EVERY_PAGE:
        page.goto(path)
        if path == PAGE:
            expect(page.locator(".findings")).to_contain_text("Size of the mail")
        usual = page.evaluate(_SIZES)
        page.evaluate("document.documentElement.style.fontSize = '24px'")
        larger = page.evaluate(_SIZES)
        assert [(name, size) for name, size in usual if size < 13] == [], path
        assert [name for (name, size), (_, then) in zip(usual, larger, strict=True) if then < 1.49 * size] == [], path
        assert page.evaluate("document.documentElement.scrollWidth") == 320, path
        page.evaluate("document.documentElement.style.fontSize = '32px'")
        beyond = "nodes => nodes.filter(n => n.getBoundingClientRect().right > 320).map(n => n.innerText)"
        assert page.locator(".switch label, .stamp").evaluate_all(beyond) == [], path
    context.close()


@pytest.mark.parametrize("width", [320, 768, 1280])
def test_names_of_200_letters_without_a_break_leave_the_other_columns_in_sight(
    window: Page, room: Room, width: int
) -> None:
    with transaction(room.engine) as connection:
        connection.execute(update(Tool).values(name="W" * 200, tagline="m" * 200, category="C" * 60))
    window.set_viewport_size({"width": width, "height": 900})
    wider = "nodes => nodes.filter(n => n.scrollWidth > n.clientWidth).map(n => n.ariaLabel)"
    for path in ("/editor/tools", "/editor/takes"):
        window.goto(path)
        assert window.locator(".scroll").evaluate_all(wider) == [], path
    window.goto("/editor/queue")
    match = window.get_by_role("button", name="Match W").first
    assert match.evaluate(
        "button => { const r = document.createRange(), t = button.querySelector('span').firstChild;"
        " r.setStart(t, 0); r.setEnd(t, 5); return r.getClientRects().length; }"
    ) == 1, "no letter of Match stands alone"  # fmt: skip


def test_tables_are_scrolled_sideways_on_no_phone(window: Page, room: Room) -> None:
    with transaction(room.engine) as connection:
        write_plans(connection, [("compose", "Mondays at six", NOW), ("read_bounces", "every five minutes", NOW)])
    approve_issue(room.engine, WEEK, "boss", room.settings, NOW)
    publish_issue(room.engine, WEEK, room.settings, NOW)
    long = "no-blank-in-it" * 15
    pause_issue(room.engine, WEEK, NOW, long)
    with transaction(room.engine) as connection:
        connection.execute(update(Issue).values(approved_by=long))
        connection.execute(update(Delivery).values(status="failed", email=f"{long}@example.org", reply=long))
        audit.add_audit(connection, long, long, f"tool {long}", NOW)
    window.set_viewport_size({"width": 320, "height": 900})
    for path in ("/editor", "/editor/log", f"{PAGE}/receipt"):
        window.goto(path)
        assert window.evaluate("document.documentElement.scrollWidth") == 320, path
        wider = "nodes => nodes.filter(n => n.scrollWidth > n.clientWidth).map(n => n.innerText)"
        assert window.locator(".scroll").evaluate_all(wider) == [], path


def test_what_was_moved_is_in_sight_and_clear_of_what_is_said_about_it(window: Page) -> None:
    window.set_viewport_size({"width": 1280, "height": 700})
    window.goto(PAGE)
    for button in ("To the top", "Move down", "To the top"):
        item = window.locator(".item", has_text="Tallyho")
        item.get_by_role("button", name=button).scroll_into_view_if_needed()
        item.get_by_role("button", name=button).click()
        expect(window.locator(".said")).to_contain_text("Tallyho")
        expect(item).to_be_focused()
        box, said = item.bounding_box(), window.locator(".said").bounding_box()
        assert box
        assert said
        assert box["y"] >= 0, button
        assert box["y"] + box["height"] <= 700, button
        assert box["y"] + box["height"] <= said["y"] or said["y"] + said["height"] <= box["y"], button


def test_an_address_stands_in_one_line_beside_a_long_reply(window: Page, room: Room) -> None:
    approve_issue(room.engine, WEEK, "boss", room.settings, NOW)
    publish_issue(room.engine, WEEK, room.settings, NOW)
    with transaction(room.engine) as connection:
        connection.execute(update(Delivery).values(status="failed", reply="550 5.1.1 no such user " * 20))
    window.set_viewport_size({"width": 1280, "height": 900})
    window.goto(f"{PAGE}/receipt")
    lines = window.locator("th.name").evaluate_all(
        "all => all.map(n => { const r = document.createRange(); r.selectNodeContents(n); "
        "return new Set([...r.getClientRects()].map(b => b.top)).size; })"
    )
    assert set(lines) == {1}


def test_no_word_above_a_figure_of_the_desk_is_broken_on_a_phone(window: Page) -> None:
    window.set_viewport_size({"width": 320, "height": 900})
    window.goto("/editor")
    unbroken = "h => { h.style.overflowWrap = 'normal'; return h.scrollWidth <= h.clientWidth; }"
    headings = window.locator(".figure h2").all()
    assert [heading.inner_text() for heading in headings if not heading.evaluate(unbroken)] == []


def test_links_beside_each_other_are_24_pixels_high(window: Page) -> None:
    window.set_viewport_size({"width": 320, "height": 900})
    low = "links => links.filter(n => n.getBoundingClientRect().height < 24).map(n => n.innerText)"
    for path, links in (("/editor/takes", ".stacks a"), ("/editor/tools", ".stacks a"), (PAGE, ".facts-links a")):
        window.goto(path)
        assert window.locator(links).evaluate_all(low) == [], path


def test_a_panelist_enters_their_own_take_and_no_other(chromium: Browser, room: Room) -> None:
    context = patient(chromium, base_url=room.app.url)
    page = context.new_page()
    enter(page, room.link("sam@example.com", "panelist", "creator"))
    picture(page, "editor-takes", whole=True)
    page.get_by_role("link", name="Creator on Inkwell").click()
    page.get_by_text("▼ Skip").click()
    page.get_by_role("button", name="Store the take").click()
    expect(page.get_by_text("Stored creator's take: no take became 0 %")).to_be_visible()
    page.goto("/editor/tools/inkwell/takes/builder")
    expect(page.get_by_text("panelists enter their own takes")).to_be_visible()
    context.close()
