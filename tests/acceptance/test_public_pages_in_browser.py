"""The public pages in a real browser: phone and desktop, light and dark, with scripts and without, and for everybody.

``PICTURES=docs/pictures pytest tests/acceptance/test_public_pages_in_browser.py`` also renews the pictures in the
documentation.
"""

import os
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine, update

from db.engine import transaction
from db.keys import newest_link_key
from db.models import Tool
from db.tools import tool_by_slug, tools_by_slug
from newsletter import settings as settings_module
from newsletter.clock import Clock
from newsletter.issues.approve import approve_issue
from newsletter.issues.arrange import arrange
from newsletter.issues.arrangement import write_note
from newsletter.issues.publish import publish_issue
from newsletter.subscribers.tokens import Link, sign_link, sign_tool
from newsletter.web.app import create_app
from tests.conftest import complete_environment
from tests.fakes.pages import put
from tests.fakes.running_app import RunningApp
from tests.fakes.sample_week import LAUNCHES, NOW, WEEK, set_out

pytestmark = [pytest.mark.browser]

# Links in which "vs" stands on more than one line.
BROKEN_VS = """links => links.filter(link => {
  const found = document.createTreeWalker(link, NodeFilter.SHOW_TEXT, node => /^\\svs\\s$/.test(node.data) ? 1 : 3);
  const range = document.createRange(), node = found.nextNode();
  range.setStart(node, 1);
  range.setEnd(node, 3);
  return range.getClientRects().length > 1;
}).map(link => link.innerText)"""

# Text twice as large, as a browser that enlarges text alone shows it; and what no longer holds its words then.
LARGER = """() => {
  const all = [...document.querySelectorAll("body, body *")].map(e => [e, parseFloat(getComputedStyle(e).fontSize)]);
  for (const [element, size] of all) element.style.fontSize = 2 * size + "px";
}"""
# The size of each element that holds text of its own. Text is sized in rem alone, so the root stands for the size that
# a browser is told to take.
SIZES = """() => [...document.querySelectorAll("body *")]
  .filter(e => e.offsetParent && [...e.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
  .map(e => [`${e.tagName}.${e.className}`, parseFloat(getComputedStyle(e).fontSize)])"""
# WCAG 1.4.12.
SPACED = """* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }
p { margin-bottom: 2em !important }"""
SPILLED = """parts => parts
  .filter(e => e.scrollWidth > e.clientWidth + 2 || e.getBoundingClientRect().right > innerWidth)
  .map(e => `${e.tagName}.${e.className} ${e.scrollWidth}/${e.clientWidth}`)"""

PICTURES = os.environ.get("PICTURES")
PHONE, TABLET, DESKTOP = 320, 768, 1280
COMPARISON = "/compare/curly-vs-branchline"
PATHS = [
    "/", "/tools", "/tools?q=zzz", "/tools/curly", "/tools/inkwell", COMPARISON, "/issues", f"/issues/{WEEK}", "/about",
    "/bookmarks", "/nothing-here", "/subscribe", "/embed", "/confirm/cut-off",
    "VOTE", "BOOKMARK", "PREFERENCES", "UNSUBSCRIBE",
]  # fmt: skip


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def app(engine: Engine, sqlite_url: str, tmp_path: Path) -> Iterator[RunningApp]:
    """The sample week on its way, with one change of mind and some votes."""
    settings = settings_module.load(complete_environment(sqlite_url), tmp_path)
    set_out(engine, settings)
    better = {"panelist": "builder", "call": "ship", "score": 91, "text": "Better."}
    later = NOW + timedelta(hours=1)
    put(
        engine,
        {"slug": "curly", "takes": [better]},
        {"slug": "branchline", "votes": {"ship": 16, "skip": 9}},
        now=later,
    )
    approve_issue(engine, WEEK, "ed@example.com", settings, NOW)
    publish_issue(engine, WEEK, settings, NOW)
    with RunningApp(create_app(settings, engine, Clock(NOW, running=False))) as running:
        yield running


def address(engine: Engine, path: str) -> str:
    if not path.isupper():
        return path
    with transaction(engine) as connection:
        key_id, key = newest_link_key(connection)
        tool = tool_by_slug(connection, "curly")
    assert tool is not None
    link = sign_link(Link(1, 1), key_id, key)
    return f"/{path.lower()}/{link}" + (f".{sign_tool(tool.id, key_id, key)}" if path in ("VOTE", "BOOKMARK") else "")


def window(browser: Browser, app: RunningApp, width: int, scheme: str = "light", **more: Any) -> Page:
    context = browser.new_context(
        base_url=app.url, viewport={"width": width, "height": 900}, color_scheme=scheme, **more  # type: ignore[arg-type]
    )  # fmt: skip
    page = context.new_page()
    page.set_default_timeout(20_000)
    return page


@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "light"), (DESKTOP, "dark")])
def test_no_page_has_a_serious_finding(
    chromium: Browser, app: RunningApp, engine: Engine, width: int, scheme: str
) -> None:
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    page = window(chromium, app, width, scheme)
    found = []
    for path in PATHS:
        page.goto(address(engine, path))
        page.evaluate(axe)
        result = page.evaluate("axe.run({resultTypes: ['violations']})")
        found += [
            (path, one["id"], [node["html"] for node in one["nodes"]][:3])
            for one in result["violations"]
            if one["impact"] in ("serious", "critical")
        ]
    page.context.close()
    assert found == []


def test_nothing_scrolls_sideways_on_a_phone_and_what_is_pressed_is_44_pixels_high(
    chromium: Browser, app: RunningApp, engine: Engine
) -> None:
    page = window(chromium, app, PHONE)
    low = "nodes => nodes.filter(n => n.offsetParent && n.getBoundingClientRect().height < 43.5).map(n => n.outerHTML)"
    for path in PATHS:
        page.goto(address(engine, path))
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        pressed = page.locator(
            "main button, main .button, main select, main label.choice, main .field input:not([type=checkbox])"
        )
        assert pressed.evaluate_all(low) == [], path
    page.context.close()


@pytest.mark.parametrize("width", [375, TABLET])
def test_text_twice_as_large_stays_in_its_place(chromium: Browser, app: RunningApp, width: int) -> None:
    """WCAG 1.4.4."""
    page = window(chromium, app, width)
    for path in ("/", "/tools/curly", COMPARISON, f"/issues/{WEEK}"):
        page.goto(path)
        page.evaluate(LARGER)
        held = page.locator(".scorecard, .scorecard > li, .scores, .card, .sheet, .sheet td, .sheet th, .number")
        assert held.evaluate_all(SPILLED) == [], path
    page.context.close()


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_text_is_as_large_as_the_readers_browser_is_told_to_show_it(
    chromium: Browser, app: RunningApp, engine: Engine, width: int
) -> None:
    page = window(chromium, app, width)
    for path in PATHS:
        page.goto(address(engine, path))
        usual = page.evaluate(SIZES)
        page.evaluate("document.documentElement.style.fontSize = '24px'")
        larger = page.evaluate(SIZES)
        fixed = [was for was, now in zip(usual, larger, strict=True) if was[0] != "H1." and now[1] != 1.5 * was[1]]
        assert fixed == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    page.context.close()


@pytest.mark.parametrize("width", [PHONE, TABLET, DESKTOP])
def test_text_that_a_reader_spaces_out_stays_in_its_place(chromium: Browser, app: RunningApp, width: int) -> None:
    page = window(chromium, app, width, bypass_csp=True)
    for path in ("/", "/tools/curly", COMPARISON, f"/issues/{WEEK}"):
        page.goto(path)
        page.add_style_tag(content=SPACED)
        held = page.locator(".scorecard, .scorecard > li, .scores, .card, .sheet, .sheet td, .sheet th, .number")
        assert held.evaluate_all(SPILLED) == [], path
    page.context.close()


def test_paragraphs_of_a_note_stand_apart(chromium: Browser, engine: Engine, sqlite_url: str, tmp_path: Path) -> None:
    settings = settings_module.load(complete_environment(sqlite_url), tmp_path)
    set_out(engine, settings)
    with transaction(engine) as connection:
        ids = [tool.id for tool in tools_by_slug(connection, [launch[0] for launch in LAUNCHES]).values()]
    for tool_id in ids:
        edit = partial(write_note, tool_id=tool_id, note="One.\n\nTwo.\n- three")
        arrange(engine, WEEK, edit, "wrote a note", by="ed", revision=None, now=NOW)
    approve_issue(engine, WEEK, "ed@example.com", settings, NOW)
    publish_issue(engine, WEEK, settings, NOW)
    with RunningApp(create_app(settings, engine, Clock(NOW, running=False))) as app:
        page = window(chromium, app, PHONE)
        page.goto(f"/issues/{WEEK}")
        gaps = page.locator(".prose:not(.intro) > * + *").evaluate_all(
            "parts => parts.map(p => p.getBoundingClientRect().top - p.previousSibling.getBoundingClientRect().bottom)"
        )
        page.context.close()
    assert len(gaps) == 2 * len(ids)
    assert min(gaps) >= 8


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_names_of_200_letters_without_a_break_make_no_page_wider(
    chromium: Browser, engine: Engine, sqlite_url: str, tmp_path: Path, width: int
) -> None:
    settings = settings_module.load(complete_environment(sqlite_url), tmp_path)
    set_out(engine, settings)
    long = {"name": "W" * 200, "tagline": "m" * 200, "pricing": "0" * 200, "category": "C" * 60}
    with transaction(engine) as connection:
        connection.execute(update(Tool).values(**long))
    approve_issue(engine, WEEK, "ed@example.com", settings, NOW)
    publish_issue(engine, WEEK, settings, NOW)
    with RunningApp(create_app(settings, engine, Clock(NOW, running=False))) as running:
        page = window(chromium, running, width)
        for path in ("/", "/issues", f"/issues/{WEEK}", "/tools", "/tools/curly", "/tools/inkwell", COMPARISON):
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            assert page.locator(".links a:has(bdi)").evaluate_all(BROKEN_VS) == [], path
        page.context.close()


@pytest.mark.parametrize("width", [PHONE, TABLET, DESKTOP])
def test_no_word_of_ours_is_broken_in_a_comparison(chromium: Browser, app: RunningApp, width: int) -> None:
    page = window(chromium, app, width)
    page.goto(COMPARISON)
    lines = page.locator(".sheet th[scope=row]").evaluate_all(
        "heads => heads.map(h => { const r = document.createRange(); r.selectNodeContents(h);"
        " return [h.innerText.split(' ').length, new Set([...r.getClientRects()].map(b => b.top)).size]; })"
    )
    assert [line for line in lines if line[1] > line[0]] == []
    page.context.close()


def test_no_page_asks_anybody_else_or_breaks_its_own_policy(chromium: Browser, app: RunningApp, engine: Engine) -> None:
    page = window(chromium, app, DESKTOP)
    troubles: list[str] = []
    page.on("request", lambda request: troubles.extend([request.url] * (not request.url.startswith(app.url))))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: troubles.extend([said.text] * ("404" not in said.text)))
    for path in PATHS:
        page.goto(address(engine, path))
    page.context.close()
    assert troubles == []


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_search_answers_while_one_types(chromium: Browser, app: RunningApp, width: int) -> None:
    page = window(chromium, app, width)
    page.goto("/tools")
    told = page.get_by_role("status").element_handle()
    page.get_by_label("Search").press_sequentially("pagewr")
    expect(page.get_by_role("status")).to_have_text("1 tool for “pagewr”")
    assert told.inner_text() == "1 tool for “pagewr”", "a screen reader tells of changes in what was there before"
    expect(page.get_by_role("heading", name="Pagewright")).to_be_visible()
    assert page.url.endswith("/tools?q=pagewr")
    expect(page.get_by_label("Search")).to_be_focused()
    page.get_by_label("Search").fill("")
    page.get_by_label("Panel says").select_option("skip")
    expect(page.get_by_role("heading", name="Tallyho")).to_be_visible()
    expect(page.get_by_role("heading", name="Curly")).to_have_count(0)
    page.context.close()


def test_search_works_in_browsers_of_some_years_ago(chromium: Browser, app: RunningApp) -> None:
    """Safari counts the words of a query since version 17."""
    page = window(chromium, app, PHONE)
    page.add_init_script("delete URLSearchParams.prototype.size")
    page.goto("/tools")
    page.get_by_label("Search").fill("pagewr")
    expect(page.get_by_role("status")).to_have_text("1 tool for “pagewr”")
    page.context.close()


def test_a_line_that_drops_while_one_types_takes_nobody_off_the_page(chromium: Browser, app: RunningApp) -> None:
    page = window(chromium, app, PHONE)
    page.goto("/tools")
    page.context.set_offline(True)
    with page.expect_event("requestfailed"):
        page.get_by_label("Search").fill("pagewr")
    page.wait_for_timeout(100)  # in which it would leave the page
    expect(page.get_by_label("Search")).to_have_value("pagewr")
    page.context.set_offline(False)
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("status")).to_have_text("1 tool for “pagewr”")
    page.context.close()


def test_a_search_that_the_server_cannot_answer_says_so(chromium: Browser, app: RunningApp) -> None:
    page = window(chromium, app, PHONE)
    page.goto("/tools")
    page.route("**/tools?*", lambda route: route.fulfill(status=503, body="<h1>Back in a minute</h1>"))
    page.get_by_label("Search").fill("pagewr")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="Back in a minute")).to_be_visible()
    page.context.close()


def test_everything_works_without_scripts(chromium: Browser, app: RunningApp) -> None:
    page = window(chromium, app, PHONE, java_script_enabled=False)
    page.goto("/tools")
    page.get_by_label("Search").fill("curly")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Curly", exact=True).click()
    page.get_by_role("button", name="Ship").click()
    expect(page.get_by_text("100 % ship of 1 vote").first).to_be_visible()
    expect(page.get_by_role("heading", name="What readers say")).to_be_in_viewport()
    page.get_by_role("button", name="Save for later").click()
    expect(page.get_by_role("heading", name="What readers say")).to_be_in_viewport()
    page.get_by_role("link", name="Bookmarks").first.click()
    expect(page.get_by_role("heading", name="Curly")).to_be_visible()
    page.get_by_role("button", name="Remove Curly").click()
    expect(page.get_by_text("Nothing is saved here yet")).to_be_visible()
    page.context.close()


def test_a_comparison_is_read_and_voted_on_at_both_widths(chromium: Browser, app: RunningApp) -> None:
    for width, call, votes in ((DESKTOP, "Ship", 26), (PHONE, "Skip", 27)):
        page = window(chromium, app, width)
        page.goto("/compare/branchline-vs-curly")
        assert page.url.endswith(COMPARISON), "one order, the other redirects"
        expect(page.get_by_role("table", name="Reviewer scorecard").get_by_role("row")).to_have_count(
            6 if width == DESKTOP else 5
        )
        page.get_by_role("button", name=f"{call} Branchline").click()
        assert page.url.endswith(f"{COMPARISON}#votes"), "a vote leads back"
        expect(page.get_by_role("heading", name="What would you do?")).to_be_in_viewport()
        expect(page.get_by_role("button", name=f"{call} Branchline")).to_have_attribute("aria-pressed", "true")
        expect(page.get_by_text(f"of {votes}").first).to_be_visible()
        page.context.close()


def test_a_keyboard_reaches_the_content_and_sees_where_it_is(chromium: Browser, app: RunningApp) -> None:
    page = window(chromium, app, DESKTOP)
    page.goto("/tools/curly")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
    page.context.close()


def test_the_button_of_ones_vote_is_told_apart_where_the_reader_chooses_the_colours(
    chromium: Browser, app: RunningApp
) -> None:
    page = window(chromium, app, DESKTOP, forced_colors="active")
    page.goto("/tools/curly")
    page.get_by_role("button", name="Ship").click()
    borders = [
        page.get_by_role("button", name=name).evaluate("button => getComputedStyle(button).borderTopWidth")
        for name in ("Ship", "Skip")
    ]
    assert borders == ["3px", "1px"]
    page.context.close()


def test_what_only_a_screen_can_press_is_not_printed(chromium: Browser, app: RunningApp) -> None:
    page = window(chromium, app, DESKTOP)
    page.emulate_media(media="print")
    for path in ("/", "/tools/curly", COMPARISON, f"/issues/{WEEK}"):
        page.goto(path)
        assert page.locator("main button:visible, main .button:visible").all_inner_texts() == [], path
    expect(page.get_by_role("heading", name="What would you do?")).to_be_hidden()
    page.context.close()


@pytest.mark.parametrize("path", ["/", "/about"])
def test_an_address_that_browsers_think_wrong_is_taken_by_every_form(
    chromium: Browser, app: RunningApp, path: str
) -> None:
    """HTML knows no name beyond ASCII before the @ (RFC 6531 does)."""
    page = window(chromium, app, DESKTOP)
    page.goto(path)
    page.get_by_label("Email").fill("jürgen@example.org")
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()
    page.context.close()


def test_a_link_looks_like_one_without_a_mouse(chromium: Browser, app: RunningApp, engine: Engine) -> None:
    page = window(chromium, app, PHONE)
    plain = "links => links.filter(a => getComputedStyle(a).textDecorationLine === 'none').map(a => a.outerHTML)"
    for path in PATHS:
        page.goto(address(engine, path))
        assert page.locator("main a:not(.button)").evaluate_all(plain) == [], path
    page.context.close()


def test_a_reader_in_the_dark_prints_black_on_white(chromium: Browser, app: RunningApp) -> None:
    page = window(chromium, app, DESKTOP, "dark")
    page.emulate_media(media="print")
    page.goto(COMPARISON)
    for part in (".card", ".sheet"):
        paper, ink = page.locator(part).first.evaluate(
            "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]"
        )
        assert (paper, ink) == ("rgb(255, 255, 255)", "rgb(0, 0, 0)"), part
    scheme = page.evaluate("getComputedStyle(document.documentElement).colorScheme")
    assert scheme == "light", "a box without a tick is drawn by the browser, and dark it looks ticked"
    page.context.close()


@pytest.mark.skipif(not PICTURES, reason="PICTURES names no folder for them")
def test_pictures_of_the_pages(chromium: Browser, app: RunningApp, engine: Engine) -> None:
    for name, path in (
        ("landing", "/"),
        ("tools", "/tools"),
        ("tool", "/tools/curly"),
        ("comparison-page", COMPARISON),
        ("issue", f"/issues/{WEEK}"),
        ("preferences", address(engine, "PREFERENCES")),
    ):
        for width, scheme in ((DESKTOP, "light"), (PHONE, "dark")):
            page = window(chromium, app, width, scheme)
            page.goto(path)
            page.screenshot(path=f"{PICTURES}/{name}-{scheme}-{width}.jpeg", type="jpeg", quality=60, full_page=True)
            page.context.close()
