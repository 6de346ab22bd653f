"""``tools import`` on both databases: all of a file or nothing, and a second import changes what it says alone."""

import json
from typing import Any

import pytest
from sqlalchemy import Engine

from db.engine import reading
from db.tools import ToolRow, aliases_of, all_tools, panel, past_takes_of, takes_of, tool_by_slug
from newsletter.clock import Clock
from newsletter.errors import BadInputError
from newsletter.feeds.fetch import fetch_feeds
from newsletter.feeds.watch import Watch, watch_feed
from newsletter.releases.collect import collect_releases
from newsletter.settings import Settings
from newsletter.tools.exporting import tool_document
from newsletter.tools.import_tools import ImportReport, import_tools
from newsletter.tools.reading import GivenTake
from newsletter.verdicts.record import record_take
from tests.fakes.feed_server import FeedServer, item, rss
from tests.fakes.times import MONDAY
from tests.fakes.together import at_once

TOOL: dict[str, Any] = {
    "slug": "example-tool",
    "name": "Example Tool",
    "tagline": "Does one thing",
    "description": "It does one thing.\n\nReally.",
    "url": "https://example.com/tool",
    "aliases": ["Example Tool 2B", "https://example.org/old-home"],
    "category": "Developer Tools",
    "pricing": "Free",
    "entry": "Free",
    "best_for": "Those with one thing to do",
    "takes": [
        {"panelist": "builder", "score": 88, "call": "ship", "text": "Good."},
        {"panelist": "founder", "score": None, "call": "skip", "text": "No.", "at": "2026-11-10", "author": "Ann"},
    ],
    "votes": {"ship": 0, "skip": 2},
}


def store(engine: Engine, *tools: dict[str, Any], dry_run: bool = False) -> ImportReport:
    return import_tools(engine, json.dumps({"tools": tools}), MONDAY, dry_run=dry_run)


def found(engine: Engine, slug: str = "example-tool") -> ToolRow:
    with reading(engine) as connection:
        tool = tool_by_slug(connection, slug)
    assert tool is not None
    return tool


def exported(engine: Engine) -> list[dict[str, Any]]:
    with reading(engine) as connection:
        tools = all_tools(connection)
        ids = [tool.id for tool in tools]
        takes, aliases = takes_of(connection, ids), aliases_of(connection, ids)
    return [tool_document(tool, aliases.get(tool.id, ()), takes[tool.id]) for tool in tools]


def test_what_was_imported_is_exported(engine: Engine) -> None:
    store(engine, TOOL)
    assert exported(engine) == [TOOL]


def test_an_address_that_a_match_taught_is_exported_and_comes_in_however_long_it_is(engine: Engine) -> None:
    address = "https://example.com/launches/" + "-".join(map(str, range(500)))
    store(engine, TOOL | {"aliases": [address]})
    assert exported(engine) == [TOOL | {"aliases": [address]}]
    with pytest.raises(BadInputError, match="aliases: is 1,916 characters long; at most 500"):
        store(engine, TOOL | {"aliases": [f"Or {address[5:]}"]})


def test_a_tool_that_a_feed_brought_is_exported_and_comes_in(engine: Engine, settings: Settings) -> None:
    words = " ".join(["Long words about it."] * 40)
    entry = item("Lantern", 'https://lantern.example/"new" &lt;one&gt;', "Mon, 16 Nov 2026 05:00:00 GMT")
    with FeedServer() as server:
        url = server.serve("/a", rss(entry.replace("</item>", f"<description>{words}</description></item>")))
        watch_feed(engine, Watch(url, new_tools="accept"), MONDAY)
        fetch_feeds(engine, settings, Clock(MONDAY))
    collect_releases(engine, settings, Clock(MONDAY))
    (tool,) = exported(engine)
    assert tool["url"] == "https://lantern.example/%22new%22%20%3Cone%3E"
    assert 500 < len(tool["tagline"]) <= 600
    assert store(engine, tool).unchanged == 1


def test_counts_are_kept_beside_the_takes(engine: Engine) -> None:
    store(engine, TOOL)
    tool = found(engine)
    assert (tool.ships, tool.skips, tool.vote_ships, tool.vote_skips) == (1, 1, 0, 2)


def test_importing_the_same_file_again_changes_nothing(engine: Engine) -> None:
    store(engine, TOOL)
    before = found(engine)
    report = import_tools(engine, json.dumps({"tools": exported(engine)}), MONDAY.replace(hour=9))
    assert (report.created, report.updated, report.unchanged, report.new_takes) == (0, 0, 1, 0)
    assert found(engine) == before


def test_of_several_who_import_the_same_at_once_one_creates_it(engine: Engine) -> None:
    reports = at_once(*[lambda: store(engine, TOOL)] * 8)
    assert sorted((report.created, report.unchanged) for report in reports) == [*[(0, 1)] * 7, (1, 0)]
    assert exported(engine) == [TOOL]


def test_only_the_fields_that_are_given_change(engine: Engine) -> None:
    store(engine, TOOL)
    store(engine, {"slug": "example-tool", "tagline": "Does two things", "pricing": None})
    assert exported(engine) == [TOOL | {"tagline": "Does two things", "pricing": None}]


def test_a_take_that_is_given_replaces_that_panelists_take_and_keeps_the_old_one(engine: Engine) -> None:
    store(engine, TOOL)
    report = store(engine, {"slug": "example-tool", "takes": [{"panelist": "builder", "call": "skip", "text": "Hm."}]})
    assert (report.new_takes, report.replaced_takes) == (0, 1)
    tool = found(engine)
    with reading(engine) as connection:
        standing, past = takes_of(connection, [tool.id])[tool.id], past_takes_of(connection, [tool.id])[tool.id]
    assert [(take.panelist, take.call) for take in standing] == [("builder", "skip"), ("founder", "skip")]
    assert [(take.panelist, take.call, take.replaced_at) for take in past] == [("builder", "ship", MONDAY)]
    assert (tool.ships, tool.skips) == (0, 2)


def test_votes_are_a_starting_balance(engine: Engine) -> None:
    store(engine, TOOL)
    store(engine, {"slug": "example-tool", "votes": {"ship": 5}})
    tool = found(engine)
    assert (tool.vote_ships, tool.vote_skips, tool.starting_skips) == (5, 2, 2)


def test_best_for_is_the_tagline_where_nobody_said(engine: Engine) -> None:
    store(engine, {name: TOOL[name] for name in ("slug", "name", "url", "category", "tagline")})
    assert found(engine).suits == "Does one thing"


def test_what_is_unlisted_stays_so_until_somebody_lists_it_or_a_take_comes(engine: Engine) -> None:
    store(engine, {**TOOL, "listed": False, "takes": []})
    store(engine, {"slug": TOOL["slug"], "tagline": "Another"})
    assert not found(engine).listed
    store(engine, {"slug": TOOL["slug"], "takes": TOOL["takes"]})
    assert found(engine).listed
    store(engine, {"slug": TOOL["slug"], "listed": False})
    store(engine, {"slug": TOOL["slug"], "takes": [TOOL["takes"][0] | {"score": 20}]})
    assert not found(engine).listed, "an editor took it off"
    record_take(engine, TOOL["slug"], GivenTake("skeptic", "skip", 12, "Still no."), MONDAY)
    assert not found(engine).listed, "another take does not undo that"


def test_a_fault_anywhere_stores_nothing(engine: Engine) -> None:
    bad = TOOL | {"slug": "other", "takes": [{"panelist": "builder", "call": "ship", "score": 140}]}
    with pytest.raises(BadInputError, match=r"nothing was stored\. tools\[1\]\.takes\[0\]\.score: 140 is outside"):
        store(engine, TOOL, bad)
    assert exported(engine) == []


def test_a_new_tool_needs_its_four_fields(engine: Engine) -> None:
    with pytest.raises(BadInputError, match=r"has no name, which a new tool needs.*has no url.*has no category"):
        store(engine, {"slug": "bare"})


@pytest.mark.parametrize(("field", "value"), [("url", "nonsense"), ("name", ""), ("category", None)])
def test_a_field_with_a_fault_is_not_called_missing_too(engine: Engine, field: str, value: object) -> None:
    with pytest.raises(BadInputError, match=rf"nothing was stored\. tools\[0\]\.{field}: [^;]*(; it must [^;]*)?$"):
        store(engine, TOOL | {field: value})


def test_a_dry_run_says_what_would_happen_and_stores_nothing(engine: Engine) -> None:
    report = store(engine, TOOL, dry_run=True)
    assert (report.created, report.new_takes) == (1, 2)
    assert exported(engine) == []


def test_a_panelist_who_is_new_joins_at_the_end_of_the_panel(engine: Engine) -> None:
    report = store(engine, TOOL | {"takes": [{"panelist": "historian", "call": "ship"}]})
    assert report.panelists == ("historian",)
    with reading(engine) as connection:
        assert [member.key for member in panel(connection)][-2:] == ["creator", "historian"]


def test_a_panelist_who_looks_mistyped_is_asked_about(engine: Engine) -> None:
    with pytest.raises(BadInputError, match="has a take by 'bulider'; is it 'builder'"):
        store(engine, TOOL | {"takes": [{"panelist": "bulider", "call": "ship"}]})


def test_tools_may_share_a_name(engine: Engine) -> None:
    assert store(engine, TOOL, TOOL | {"slug": "example-tool-2"}).created == 2


def test_new_tools_join_in_the_order_of_the_file(engine: Engine) -> None:
    slugs = [f"tool-{number}" for number in range(700)]
    store(engine, *({"slug": slug, "name": slug, "url": f"https://{slug}.example", "category": "X"} for slug in slugs))
    with reading(engine) as connection:
        assert [tool.slug for tool in all_tools(connection)] == slugs


def test_the_longest_texts_that_are_taken_can_be_stored(engine: Engine) -> None:
    wide = "".join(chr(0x1F300 + number % 200) for number in range(500))
    longest = {
        "name": wide, "tagline": wide, "pricing": wide, "category": wide[:80], "description": wide * 40,
        "url": "https://example.com/" + "".join(str(number) for number in range(700))[:1980],
        "aliases": [f"{number}{wide}"[:500] for number in range(20)],
    }  # fmt: skip
    assert store(engine, {"slug": "s" * 100, **longest}).created == 1
    assert store(engine, {"slug": "s" * 100, **longest}).unchanged == 1
