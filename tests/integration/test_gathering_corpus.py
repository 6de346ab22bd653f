"""Gathering against captured feeds: every launch once, in its own week. Skipped where the corpus is absent."""

import asyncio
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import feedparser
import pytest
from sqlalchemy import Engine

from db.engine import reading
from db.feeds import all_feeds
from db.releases import ReleaseRow, list_releases
from newsletter import settings as settings_module
from newsletter.clock import Clock, Week
from newsletter.feeds.addresses import canonical_url
from newsletter.feeds.entries import read_document
from newsletter.feeds.fetch import fetch_feeds
from newsletter.feeds.parse import Readers
from newsletter.feeds.watch import Watch, watch_feed
from newsletter.issues.compose import compose_issue
from newsletter.releases.announcing import announces
from newsletter.releases.catalogue import build_catalogue
from newsletter.releases.collect import collect_releases
from newsletter.releases.matching import match_release
from newsletter.releases.naming import Naming, fold_name, read_title
from newsletter.settings import Settings
from tests.announcement_sample import draw, half_of, key_of
from tests.fakes.feed_server import FeedServer

pytestmark = pytest.mark.corpus

# Hashes, since the texts are their publishers': of entries with 0 or 1, and of titles with what they should become.
DATA = Path(__file__).parent.parent / "data" / "gathering"
ANNOUNCEMENTS = DATA / "announcements.json"
NAMES_BY_HAND = DATA / "names_by_hand.json"
NAMES_LOOKED_OVER = DATA / "names_of_titles.json"
SHORT = "github-trending"
LONG = (
    "blogsurgeai", "ai_first_podcast", "anthropic_engineering", "chanderramesh", "cohere", "github-releases",
    "google_ai", "ollama", "paulgraham", "producthunt-all", "windsurf_blog",
)  # fmt: skip
COMPOSED_AFTER = timedelta(hours=6)


@pytest.fixture(scope="module")
def histories(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("histories")
    with tarfile.open(corpus / "feeds" / "history.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "history"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def settings(engine: Engine, tmp_path: Path) -> Settings:
    environment = {"NEWSLETTER_FETCH_PRIVATE": "true", "NEWSLETTER_DATABASE_URL": str(engine.url)}
    return settings_module.load(environment, tmp_path)


def releases_of(engine: Engine) -> list[ReleaseRow]:
    with reading(engine) as connection:
        return list_releases(connection, limit=100_000)


@pytest.mark.parametrize("name", [SHORT, *(pytest.param(name, marks=pytest.mark.long) for name in LONG)])
def test_a_history_replayed_gives_each_launch_once_in_its_own_week(
    name: str, histories: Path, engine: Engine, settings: Settings, server: FeedServer
) -> None:
    folder = histories / name
    replay(folder, engine, settings, server)
    truth = {canonical_url(found["id"]): found for found in read(folder / "truth.json")["items"]}
    found = releases_of(engine)
    assert len({one.canonical_url for one in found}) == len(found), "nothing twice"
    hits = misses = extra = 0
    for week, expected in expected_weeks(read(folder / "weekly-expected.json")["weeks"]).items():
        announced = {one.canonical_url for one in found if one.week == week}
        known = {key for key in expected if not is_backfilled(truth[key])}
        hits, misses, extra = (
            hits + len(announced & known),
            misses + len(known - announced),
            extra + len(announced - known),
        )
    assert not [one for one in found if one.week and is_backfilled(truth[one.canonical_url])], "nothing back-filled"
    assert 2 * hits >= 0.98 * (2 * hits + misses + extra)


def replay(folder: Path, engine: Engine, settings: Settings, server: FeedServer) -> None:
    """Capture by capture, with the clock at its time; each week's issue is composed on the Monday after it."""
    captures = read(folder / "index.json")
    url = server.url("/feed.xml")
    first = datetime.fromisoformat(captures[0]["captured_at"])
    watch_feed(engine, Watch(url, new_tools="accept"), first)
    week = Week.of(first, settings.timezone)
    for capture in captures:
        at = datetime.fromisoformat(capture["captured_at"])
        while week.ends_at(settings.timezone) + COMPOSED_AFTER <= at:
            compose_issue(engine, week, settings, week.ends_at(settings.timezone) + COMPOSED_AFTER)
            week = week.next()
        server.serve("/feed.xml", (folder / capture["file"]).read_bytes(), Content_Type="application/xml")
        (fetched,) = fetch_feeds(engine, settings, Clock(at)).feeds
        assert fetched.status in ("ok", "unchanged"), "due at every capture, and readable"
        collect_releases(engine, settings, Clock(at))


def expected_weeks(weeks: list[dict[str, Any]]) -> dict[str, set[str]]:
    """What was seen in time, and what was seen late the week before."""
    found, late = {}, set[str]()
    for week in weeks:
        name = str(Week.of(datetime.fromisoformat(week["week_start"]), ZoneInfo("UTC")))
        found[name] = {canonical_url(url) for url in week["published_in_week_and_seen_by_end"]} | late
        late = {canonical_url(url) for url in week["published_in_week_but_seen_after_end"]}
    return found


def is_backfilled(item: dict[str, Any]) -> bool:
    """First seen more than seven days after the date it had then."""
    first_seen = datetime.fromisoformat(item["first_seen"])
    dates = [datetime.fromisoformat(date) for date in item["dates"] if date]
    return bool(dates) and first_seen - dates[0] > timedelta(days=7)


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def test_every_captured_feed_is_read_and_becomes_releases(
    corpus: Path, engine: Engine, settings: Settings, server: FeedServer
) -> None:
    now = datetime(2026, 8, 21, 6, tzinfo=UTC)
    counts = {}
    for path in sorted((corpus / "feeds" / "captures").iterdir()):
        url = server.serve(f"/{path.name}", path.read_bytes(), Content_Type="application/xml")
        watch_feed(engine, Watch(url), now)
        counts[url] = len(feedparser.parse(io.BytesIO(path.read_bytes())).entries)
    report = fetch_feeds(engine, settings, Clock(now))
    collect_releases(engine, settings, Clock(now))
    assert len(counts) >= 34
    assert {feed.status for feed in report.feeds} == {"ok"}
    assert {feed.url: feed.entries for feed in report.feeds} == counts
    with reading(engine) as connection:
        assert all(feed.name for feed in all_feeds(connection))
    found = releases_of(engine)
    assert {one.week for one in found} >= {"2026-W34", None}
    assert [one for one in found if one.week == "2026-W34"]


@pytest.mark.parametrize(
    "damage", ["truncated", *(pytest.param(one, marks=pytest.mark.long) for one in ("no encoding", "bare ampersands"))]
)
def test_malformed_feeds_are_read_as_well_as_feedparser_reads_them(corpus: Path, damage: str) -> None:
    def damaged(body: bytes) -> bytes:
        match damage:
            case "truncated":
                return body[: len(body) * 2 // 3]
            case "no encoding":
                return body.partition(b"?>")[2] or body
            case "bare ampersands":
                return body.replace(b"&amp;", b"&")
        return body

    async def read_all(bodies: list[bytes]) -> list[Any]:
        async with Readers() as readers:
            return [await readers.read(body, "application/xml", "https://example.com/feed") for body in bodies]

    bodies = [damaged(path.read_bytes()) for path in sorted((corpus / "feeds" / "captures").iterdir())]
    theirs = [feedparser.parse(io.BytesIO(body)).entries for body in bodies]
    kept = [(body, entries) for body, entries in zip(bodies, theirs, strict=True) if entries]
    ours = asyncio.run(read_all([body for body, _ in kept]))
    assert [len(document.entries) for document in ours] == [len(entries) for _, entries in kept]
    for document, (_, entries) in zip(ours, kept, strict=True):
        for mine, other in zip(document.entries, entries, strict=True):
            assert bool(mine.title) >= bool(other.get("title"))
            assert mine.url is not None or not str(other.get("link", "")).startswith("http")
            assert (mine.published_at is not None) >= (dict.get(other, "published_parsed") is not None)


def test_announcements_are_told_from_the_rest_on_entries_that_the_rules_were_not_written_for(
    histories: Path,
) -> None:
    labels = read(ANNOUNCEMENTS)["labels"]
    drawn = {key: title for key, title in _keyed_titles(histories) if key in labels}
    judged = [
        (announces(title).announces, bool(labels[key])) for key, title in drawn.items() if half_of(key) == "judge"
    ]
    right = sum(said and true for said, true in judged)
    assert len(labels) == len(drawn) == 300
    assert len(judged) == 149
    assert right / sum(said for said, _ in judged) >= 0.9
    assert right / sum(true for _, true in judged) >= 0.98


@pytest.mark.long
def test_the_entries_that_were_labelled_are_those_that_were_drawn(histories: Path) -> None:
    assert {one.key for one in draw(histories)} == read(ANNOUNCEMENTS)["labels"].keys()


def _keyed_titles(histories: Path) -> Iterator[tuple[str, str]]:
    """The keys that each entry of the histories may have in the sample, with its title as it was when first seen."""
    for folder in histories.iterdir():
        for found in read(folder / "truth.json")["items"]:
            guid, link = canonical_url(found["id"], keep_fragment=True), canonical_url(found["link"] or "")
            for identity in (f"guid:{guid}", f"link:{link}"):
                yield key_of(folder.name, identity), found["titles"][0]


@pytest.mark.parametrize(("table", "size", "wrong"), [(NAMES_BY_HAND, 166, 8), (NAMES_LOOKED_OVER, 216, 3)])
def test_real_titles_become_the_names_and_versions_that_they_should(
    table: Path, size: int, wrong: int, corpus: Path, histories: Path
) -> None:
    """The first table was written before the code was run; docs/feeds.md shows what is read wrongly."""
    expected = read(table)
    titles = {found["title"] for folder in histories.iterdir() for found in read(folder / "truth.json")["items"]}
    for path in (corpus / "feeds" / "captures").iterdir():
        document = read_document(path.read_bytes(), "", "https://captured.example/feed")
        titles |= {entry.title for entry in document.entries}
        titles |= {entry.title for entry in feedparser.parse(io.BytesIO(path.read_bytes())).entries}
    wanted = {title: expected[digest(title)] for title in titles if digest(title) in expected}
    right = sum(name in {digest(one) for one in _readings_of(title)} for title, name in wanted.items())
    assert len(expected) == len(wanted) == size
    assert right >= size - wrong


def _readings_of(title: str) -> Iterator[str]:
    """What a title says alone, and what it says on a feed of one tool's releases; there the name is the tool's."""
    alone = read_title(title)
    yield f"{alone.name}|{alone.version}|{alone.prerelease}"
    yield f"{alone.name}|{alone.version or ''}|{alone.prerelease}"
    for tool in ("The Tool", ""):
        found = read_title(title, of_tool=tool)
        yield f"{found.name}|{found.version}|{found.prerelease}"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def test_no_awkward_name_attaches_to_another_tool(corpus: Path) -> None:
    lines = (corpus / "tools" / "awkward-names.psv").read_text("utf-8").splitlines()
    names = [line.partition("|")[2].strip() for line in lines if "|" in line and not line.startswith("#")]
    tools = [(number, f"tool-{number}", fold_name(name)) for number, name in enumerate(names)]
    addresses = [(number, "address", f"https://tool-{number}.example") for number in range(len(names))]
    catalogue = build_catalogue(tools, addresses)
    assert len(names) >= 65
    for number, name in enumerate(names):
        for title in (name, f"{name} – a helper", f"Show HN: {name} – a helper", f"Introducing {name}", f"{name} 2.0"):
            found = match_release(read_title(title), "https://launches.example/p/1", catalogue)
            assert found.tool_id in (number, None), title
        others = (
            f"{name} Pro",
            f"{name}-2B",
            f"{name} Cloud – a helper",
            f"New {name}",
            f"{name}ly",
            f"{name} for Teams",
        )
        for title in others:
            found = match_release(read_title(title), "https://launches.example/p/1", catalogue)
            assert found.tool_id is None or fold_name(names[found.tool_id]) == fold_name(read_title(title).name), title


@pytest.mark.parametrize("known", ["all", "one"])
def test_products_that_share_a_name_are_told_apart_by_their_address(corpus: Path, known: str) -> None:
    names = read(corpus / "tools" / "producthunt-same-name-different-product.json")
    for name, slugs in names.items():
        kept = slugs if known == "all" else slugs[:1]
        catalogue = build_catalogue(
            [(number, slug, fold_name(name)) for number, slug in enumerate(kept)],
            [(number, "address", f"https://producthunt.com/posts/{slug}") for number, slug in enumerate(kept)],
        )
        for number, slug in enumerate(slugs):
            url = f"https://www.producthunt.com/posts/{slug}?utm_source=feed"
            found = match_release(Naming(name), url, catalogue)
            assert found.tool_id == (number if number < len(kept) else None), slug
        assert match_release(Naming(name), "https://other.example/x", catalogue).tool_id is (
            0 if len(kept) == 1 else None
        )
