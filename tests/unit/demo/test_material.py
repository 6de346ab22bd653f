"""The sample material is what the demo promises: a whole week, dated within it, for every kind of reader."""

import csv
import io
import json
from calendar import timegm
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import feedparser
import pytest

from newsletter.clock import Week
from newsletter.demo.material import (
    Rehearsal,
    SampleFeed,
    feed_documents,
    readers_document,
    sample_feeds,
    tools_document,
)

WEEK = Week(2026, 47)
PANEL = ["builder", "skeptic", "futurist", "founder", "creator"]


def test_about_thirty_tools_have_takes_of_all_panelists_with_some_missing() -> None:
    tools = json.loads(tools_document())["tools"]
    takes = [take for tool in tools for take in tool["takes"]]
    assert len(tools) == 32
    assert {take["panelist"] for take in takes} == set(PANEL)
    assert any(take["score"] is None for take in takes)
    assert any(len(tool["takes"]) == 5 for tool in tools)
    assert any(not tool["takes"] for tool in tools)
    assert {"ship", "skip"} == {take["call"] for take in takes}
    assert all(tool["url"].split("/")[2].endswith(".example") for tool in tools), "invented tools, invented addresses"


def test_twenty_five_readers_choose_differently() -> None:
    readers = list(csv.DictReader(io.StringIO(readers_document())))
    known = {tool["category"] for tool in json.loads(tools_document())["tools"]}
    chosen = [tuple(filter(None, reader["categories"].split(";"))) for reader in readers]
    assert len(readers) == len({reader["email"] for reader in readers}) == 25
    assert () in chosen
    assert len(set(chosen)) > 10
    assert {category for categories in chosen for category in categories} == known


@pytest.mark.parametrize(
    "feed", [feed for feed in sample_feeds() if feed.file != "brackish.json"], ids=lambda f: f.file
)
def test_every_feed_is_well_formed_and_dated_in_its_week_or_long_before(feed: SampleFeed) -> None:
    parsed = feedparser.parse(feed_documents(WEEK, "http://127.0.0.1:1")[feed.file])
    assert not parsed.bozo, parsed.get("bozo_exception")
    moments = [
        datetime.fromtimestamp(timegm(entry.get("published_parsed") or entry.updated_parsed), UTC)
        for entry in parsed.entries
    ]
    weeks = {Week.of(moment, ZoneInfo("UTC")) for moment in moments}
    assert WEEK in weeks
    assert max(weeks) <= WEEK.next(), "what makes the next draft"


def test_the_json_feed_is_one() -> None:
    document = json.loads(feed_documents(WEEK, "")["brackish.json"])
    assert document["version"].startswith("https://jsonfeed.org/version/")
    assert document["items"][0]["date_published"] == "2026-11-21T07:30:00Z"


@pytest.mark.parametrize(
    ("now", "at"),
    [
        (datetime(2026, 11, 22, 17, 0, tzinfo=UTC), datetime(2026, 11, 16, 6, 0, tzinfo=UTC)),
        (datetime(2026, 11, 16, 0, 30, tzinfo=UTC), datetime(2026, 11, 16, 0, 30, tzinfo=UTC)),
    ],
)
def test_the_work_is_done_on_the_monday_after_or_now(now: datetime, at: datetime) -> None:
    assert Rehearsal.before(now) == Rehearsal(Week(2026, 46), at)
