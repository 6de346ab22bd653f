"""The archive over HTTP: issues as pages, text and feeds, without anybody's links."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from functools import reduce
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, delete, update

from db.catalogue import releases_of
from db.engine import reading, transaction
from db.models import Take, Tool
from db.tools import standing_tool, tools_by_slug
from newsletter.clock import Clock
from newsletter.issues.approve import approve_issue
from newsletter.issues.arrange import arrange
from newsletter.issues.arrangement import Arrangement, add_sponsor, drop, write_note
from newsletter.issues.publish import publish_issue
from newsletter.settings import Settings
from newsletter.web.app import create_app
from tests.conftest import one_database
from tests.fakes.browser import Browser
from tests.fakes.pages import not_isolated, put, words
from tests.fakes.sample_week import LAUNCHES, NOW, WEEK, set_out

ATOM = "{http://www.w3.org/2005/Atom}"


def test_an_issue_is_public_from_its_start_and_not_before(engine: Engine, settings: Settings, browser: Browser) -> None:
    set_out(engine, settings)
    approve_issue(engine, WEEK, "ed@example.com", settings, NOW)
    assert browser.get(f"/issues/{WEEK}").status_code == 404
    assert browser.get(f"/issues/{WEEK}.txt").status_code == 404
    assert str(WEEK) not in browser.get("/").text
    assert "No issue has been sent yet" in browser.get("/issues").text
    publish_issue(engine, WEEK, settings, NOW)
    assert browser.get(f"/issues/{WEEK}").status_code == 200
    assert f"/issues/{WEEK}" in browser.get("/issues").text


def test_a_tool_that_an_editor_dropped_is_not_said_to_have_been_in_the_issue(
    engine: Engine, settings: Settings, browser: Browser
) -> None:
    set_out(engine, settings)
    with reading(engine) as connection:
        tool = standing_tool(connection, "inkwell")
    assert tool is not None
    arrange(engine, WEEK, lambda now: drop(now, tool.id), "dropped Inkwell", by="ed", revision=None, now=NOW)
    approve_issue(engine, WEEK, "ed@example.com", settings, NOW)
    publish_issue(engine, WEEK, settings, NOW)
    for slug, told in (("curly", True), ("inkwell", False)):
        assert (f'href="/issues/{WEEK}"' in browser.get(f"/tools/{slug}").text) is told, slug
    with reading(engine) as connection:
        known = tools_by_slug(connection, ["curly", "inkwell"])
        weeks = [releases_of(connection, known[slug].id, 5)[0].week for slug in ("curly", "inkwell")]
    assert weeks == [str(WEEK), None], "beside each release, too"


def test_the_landing_page_shows_what_the_newest_issue_found(sent: Browser) -> None:
    page = sent.get("/").text
    assert f'href="/issues/{WEEK}"' in page
    shown = words(page)
    for expected in (
        "Pick of the week Curly",
        "4 ship / 1 skip, 80 %",
        "Biggest split",
        "No panel take",
        "Read the issue",
    ):
        assert expected in shown, expected


@one_database
def test_the_landing_page_shows_what_splits_the_panel_in_a_week_without_a_pick(
    engine: Engine, settings: Settings, browser: Browser
) -> None:
    set_out(engine, settings)
    with transaction(engine) as connection:
        split = tools_by_slug(connection, ["branchline"])["branchline"]
        connection.execute(delete(Take).where(Take.tool_id != split.id))
    approve_issue(engine, WEEK, "ed@example.com", settings, NOW)
    publish_issue(engine, WEEK, settings, NOW)
    shown = words(browser.get("/").text)
    assert "Pick of the week" not in shown
    assert "Biggest split Branchline" in shown


def test_an_issue_shows_all_of_it_and_nobodys_links(engine: Engine, sent: Browser) -> None:
    page, text = sent.get(f"/issues/{WEEK}").text, sent.get(f"/issues/{WEEK}.txt").text
    for shown in (words(page), " ".join(text.split())):
        for expected in ("Curly", "Pagewright", "Branchline", "Tallyho", "Inkwell", "Nightjar", "No panel take",
                         "4 ship / 1 skip, 80 %", "Builder tried Curly for a week and says so.",
                         "Nightjar does one thing well"):  # fmt: skip
            assert expected in shown, expected
    pair = text.partition("HEAD TO HEAD")[2].partition("-----")[0]
    assert pair.startswith("\n\nCurly\n  ▲ Ship · 4 ship / 1 skip, 80 %\n  Free\nBranchline\n")
    for body in (page, text):
        assert "/unsubscribe/" not in body
        assert "/preferences/" not in body
        assert "/vote/" not in body
        assert "/bookmark/" not in body
        assert "example.org" not in body
    told = sent.get(f"/issues/{WEEK}.txt").headers
    assert told["content-type"] == "text/plain; charset=utf-8"
    assert told["link"] == f'<https://news.example.com/issues/{WEEK}>; rel="canonical"'
    assert max(map(len, text.splitlines())) <= 78
    assert "\n\n\n" not in text


def test_an_issue_has_every_note_of_its_editors(engine: Engine, settings: Settings, browser: Browser) -> None:
    set_out(engine, settings)
    with reading(engine) as connection:
        ids = [tool.id for tool in tools_by_slug(connection, [launch[0] for launch in LAUNCHES]).values()]

    def noted(now: Arrangement) -> Arrangement:
        return reduce(lambda made, tool_id: write_note(made, tool_id, f"Note {tool_id}:\n- by **hand**."), ids, now)

    arrange(engine, WEEK, noted, "wrote notes", by="ed", revision=None, now=NOW)
    approve_issue(engine, WEEK, "ed@example.com", settings, NOW)
    publish_issue(engine, WEEK, settings, NOW)
    page, text = browser.get(f"/issues/{WEEK}").text, browser.get(f"/issues/{WEEK}.txt").text
    for tool_id in ids:
        assert f"<p>Note {tool_id}:</p><ul><li>by <strong>hand</strong>.</li></ul>" in page
        assert re.search(rf"\n( *)Note {tool_id}:\n\n\1- by hand\.\n", text)


def test_words_from_right_to_left_keep_their_order_in_an_issue(
    engine: Engine, settings: Settings, browser: Browser
) -> None:
    set_out(engine, settings)
    tagline, pricing, category, take = "כלי לכתיבה (2.0)", "חינם (10)", "كتابة (1)", "يعمل جيداً. 100 %!"
    with transaction(engine) as connection:
        connection.execute(update(Tool).values(tagline=tagline, pricing=pricing, category=category))
        connection.execute(update(Take).values(text=take))
    approve_issue(engine, WEEK, "ed@example.com", settings, NOW)
    publish_issue(engine, WEEK, settings, NOW)
    for path in ("/", f"/issues/{WEEK}"):
        said = (pricing, category, take) if path != "/" else (category,)
        assert not_isolated(browser.get(path).text, *said) == [], path


def test_what_editors_and_sponsors_wrote_and_how_two_tools_differ_stands_in_the_archive_too(
    engine: Engine, settings: Settings, browser: Browser
) -> None:
    set_out(engine, settings)
    with reading(engine) as connection:
        tool = standing_tool(connection, "inkwell")
    assert tool is not None

    def edited(now: Arrangement) -> Arrangement:
        noted = write_note(now, tool.id, "Ask for the **team** price.")
        return add_sponsor(noted, "Example Hosting", "Servers *without* a bill.", "https://sponsor.example/")

    arrange(engine, WEEK, edited, "edited", by="ed", revision=None, now=NOW)
    approve_issue(engine, WEEK, "ed@example.com", settings, NOW)
    publish_issue(engine, WEEK, settings, NOW)
    page, text = browser.get(f"/issues/{WEEK}").text, browser.get(f"/issues/{WEEK}.txt").text
    for shown in (words(page).lower(), " ".join(text.lower().split())):
        for expected in ("team", "sponsor example hosting", "skeptic and founder ship curly and skip branchline."):
            assert expected in shown, expected
    assert "Ask for the <strong>team</strong> price." in page
    for body in (page, text):
        assert "https://sponsor.example/" in body


def test_what_strangers_wrote_turns_round_and_covers_nothing_beside_it(
    engine: Engine, settings: Settings, browser: Browser
) -> None:
    turning, pile = "\u202e\u2067", "\u0301" * 200
    set_out(engine, settings)
    odd = f"{turning}name e{pile}"
    with transaction(engine) as connection:
        connection.execute(update(Tool).values(name=odd, tagline=odd, category=odd, pricing=odd, description=odd))
        connection.execute(update(Take).values(text=f"{odd}\n\n{odd}", author=odd))
    approve_issue(engine, WEEK, "ed@example.com", settings, NOW)
    publish_issue(engine, WEEK, settings, NOW)
    places = ("/", "/tools", "/tools/curly", "/compare/curly-vs-branchline", f"/issues/{WEEK}", f"/issues/{WEEK}.txt",
              "/feed.atom", "/feed.json")  # fmt: skip
    for path in places:
        shown = browser.get(path).text
        assert "name e\u0301" in shown, path
        assert not set(turning) & set(shown), path
        assert "\u0301" * 7 not in shown, path
    assert "name e\u0301\u0301\u0301\u0301\u0301\u0301\n\n  name" in browser.get(f"/issues/{WEEK}.txt").text


def test_days_are_those_of_the_publications_zone(engine: Engine, settings: Settings) -> None:
    far = replace(settings, timezone=ZoneInfo("Pacific/Auckland"))
    late = NOW + timedelta(hours=14)  # the 24th where the publication is
    browser = Browser(create_app(far, engine, Clock(late, running=False)))
    set_out(engine, far)
    approve_issue(engine, WEEK, "ed@example.com", far, NOW)
    publish_issue(engine, WEEK, far, late)
    put(engine, {"slug": "curly", "takes": [{"panelist": "builder", "call": "skip", "text": "No more."}]}, now=late)
    assert '<time datetime="2026-11-24">24 Nov 2026</time>' in browser.get("/issues").text
    shown = words(browser.get("/tools/curly").text)
    assert "No more. 24 Nov 2026" in shown
    assert "24 Nov 2026 : Builder went from" in shown


def test_a_tool_stands_below_the_heading_of_its_section(sent: Browser) -> None:
    page = sent.get(f"/issues/{WEEK}").text.partition("<main")[2]
    found = re.findall(r"<h([1-3])[^>]*>(.*?)</h", page)
    assert [(level, re.sub("<[^>]*>", "", name)) for level, name in found[1:]] == [
        ("2", "Curly"), ("2", "Head to head"), ("3", "Curly"), ("3", "Branchline"), ("2", "Branchline"),
        ("2", "Also shipped"), ("3", "Pagewright"), ("2", "Skipped"), ("3", "Tallyho"),
        ("2", "Also released, no panel take yet"), ("3", "Writing"), ("3", "Developer Tools"),
        ("2", "Weekly Verdicts by mail"),
    ]  # fmt: skip


def test_an_issue_stays_as_it_was_sent(engine: Engine, sent: Browser) -> None:
    before = words(sent.get(f"/issues/{WEEK}").text)
    put(engine, {"slug": "curly", "tagline": "Changed since", "takes": [{"panelist": "builder", "call": "skip"}]})
    assert words(sent.get(f"/issues/{WEEK}").text) == before


@one_database
@pytest.mark.parametrize("week", ["2026-W54", "2026-w4", "nonsense", "2026-W46", "%00", "2026-W47.html"])
def test_a_week_without_an_issue_is_404(sent: Browser, week: str) -> None:
    assert sent.get(f"/issues/{week}").status_code == 404


def test_feeds_say_the_same_and_are_answered_with_304_when_known(sent: Browser) -> None:
    atom = sent.get("/feed.atom")
    root = ElementTree.fromstring(atom.content)
    entries = root.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}id") for entry in entries] == [f"https://news.example.com/issues/{WEEK}"]
    told = json.loads(sent.get("/feed.json").content)
    assert [item["title"] for item in told["items"]] == [entry.findtext(f"{ATOM}title") for entry in entries]
    assert told["version"] == "https://jsonfeed.org/version/1.1"
    for path in ("/feed.atom", "/feed.json", "/sitemap.xml"):
        for known in (sent.get(path).headers["etag"], "*"):
            again = sent.get(path, headers={"if-none-match": known})
            assert (again.status_code, again.content) == (304, b"")


@one_database
def test_browsers_need_not_guess_how_long_a_sheet_of_styles_is_good(browser: Browser) -> None:
    first = browser.get("/static/style.css")
    again = browser.get("/static/style.css", headers={"if-none-match": first.headers["etag"]})
    assert (first.status_code, again.status_code) == (200, 304)
    assert first.headers["cache-control"] == again.headers["cache-control"] == "public, max-age=300"


@one_database
def test_the_icon_is_where_feed_readers_ask_for_it(browser: Browser) -> None:
    icon = browser.get("/favicon.ico")
    assert icon.status_code == 200
    assert icon.headers["content-type"].startswith("image/")
    assert icon.content.startswith(b"\0\0\1\0"), "an icon file: Safari and feed readers take no drawing"


def test_feeds_are_feeds_before_the_first_issue(browser: Browser) -> None:
    assert (
        ElementTree.fromstring(browser.get("/feed.atom").content).findtext(f"{ATOM}updated") == "2026-11-23T00:00:00Z"
    )
    assert browser.get("/feed.json").json()["items"] == []


def test_the_sitemap_lists_what_is_worth_finding(engine: Engine, sent: Browser) -> None:
    found = {
        element.text for element in ElementTree.fromstring(sent.get("/sitemap.xml").content).iter() if element.text
    }
    for path in ("/", "/tools", "/issues", "/about", "/tools/curly", f"/issues/{WEEK}"):
        assert f"https://news.example.com{path}" in found
    assert "Sitemap: https://news.example.com/sitemap.xml" in sent.get("/robots.txt").text
