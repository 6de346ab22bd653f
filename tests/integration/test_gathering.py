"""Feeds in, releases out: fetching as a good citizen, and what becomes of what it brings."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine, insert

from db.engine import reading, transaction
from db.feeds import FeedRow, add_entries, all_feeds, update_feed
from db.models import Issue
from db.releases import ReleaseRow, list_releases, sources_of
from db.tools import add_tool, tool_by_slug
from newsletter.clock import Clock, Week
from newsletter.errors import BadInputError, NotFoundError, RefusedError
from newsletter.feeds import fetch
from newsletter.feeds.addresses import canonical_url
from newsletter.feeds.document import Document
from newsletter.feeds.download import Limits
from newsletter.feeds.fetch import FetchedFeed, fetch_feeds
from newsletter.feeds.parse import Readers, UnreadableError
from newsletter.feeds.parse_worker import _answer, from_json
from newsletter.feeds.watch import Watch, pause_feed, remove_feed, resume_feed, watch_feed
from newsletter.issues.compose import compose_issue
from newsletter.releases import matching
from newsletter.releases.add import add_release
from newsletter.releases.collect import CollectReport, collect_releases
from newsletter.releases.naming import fold_name
from newsletter.releases.rematch import rematch_releases
from newsletter.releases.resolve import drop_release, match_to_tool
from newsletter.settings import Settings
from newsletter.tools.merge import merge_tools
from tests.conftest import one_database
from tests.fakes.feed_server import Answer, FeedServer, item, rss

NOW = datetime(2026, 11, 18, 9, tzinfo=UTC)  # a Wednesday of 2026-W47
TODAY = "Wed, 18 Nov 2026 07:00:00 GMT"
SUNDAY = "Sun, 15 Nov 2026 07:00:00 GMT"
LAST_YEAR = "Tue, 18 Nov 2025 07:00:00 GMT"
QUICK = Limits(connect=2, read=2, whole=2, parse=5)


class ReadersHere(Readers):
    """In this process: one of its own takes 0.2 seconds to start. test_gathering_hostile.py is about those."""

    async def read(self, body: bytes, content_type: str, url: str) -> Document:
        answer = _answer(body, {"content_type": content_type, "url": url})
        if "error" in answer:
            raise UnreadableError(answer["error"])
        return from_json(answer["document"])


@pytest.fixture(autouse=True)
def _read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "Readers", ReadersHere)


class Gathering:
    """Both steps of `newsletter gather`, at a time that the test moves."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine, self.settings, self.now = engine, settings, NOW

    def watch(self, url: str, **options: object) -> FeedRow:
        return watch_feed(self.engine, Watch(url, **options), self.now)  # type: ignore[arg-type]

    def gather(self, *names: str) -> dict[str, FetchedFeed]:
        report = fetch_feeds(self.engine, self.settings, Clock(self.now), names, limits=QUICK)
        self.collected: CollectReport = collect_releases(self.engine, self.settings, Clock(self.now))
        return {feed.url: feed for feed in report.feeds}

    def later(self, **delta: float) -> "Gathering":
        self.now += timedelta(**delta)
        return self

    def feeds(self) -> list[FeedRow]:
        with reading(self.engine) as connection:
            return all_feeds(connection)

    def releases(self) -> list[ReleaseRow]:
        with reading(self.engine) as connection:
            return list_releases(connection)

    def weeks(self) -> dict[str, str | None]:
        return {release.name: release.week for release in self.releases()}

    def tool(self, slug: str, name: str, url: str, category: str = "Developer Tools") -> int:
        with transaction(self.engine) as connection:
            return add_tool(
                connection, slug=slug, name=name, name_key=fold_name(name), url=url, address_key=canonical_url(url),
                category=category, listed=True, now=self.now,
            )  # fmt: skip

    def compose(self, week: str) -> None:
        found = Week.parse(week)
        zone = self.settings.timezone
        with transaction(self.engine) as connection:
            values = {"starts_at": found.starts_at(zone), "ends_at": found.ends_at(zone), "status": "draft"}
            times = {"composed_at": self.now, "updated_at": self.now}
            connection.execute(insert(Issue).values(week=week, number=1, **values, **times))


@pytest.fixture
def gathering(engine: Engine, settings: Settings) -> Gathering:
    return Gathering(engine, settings)


def test_entries_become_releases_once(gathering: Gathering, server: FeedServer) -> None:
    url = server.serve("/a", rss(item("Quillbase – notes", "https://q.example/", TODAY)), ETag='"1"')
    gathering.watch(url)
    first = gathering.gather()[url]
    assert (first.status, first.entries, first.new, first.name) == ("ok", 1, 1, "Launches")
    assert gathering.collected.new_releases == 1
    again = gathering.later(hours=2).gather()[url]
    assert (again.status, again.entries, again.new) == ("unchanged", 1, 0)
    (release,) = gathering.releases()
    assert (release.name, release.week, release.status) == ("Quillbase", "2026-W47", "unmatched")


def test_requests_are_conditional_on_what_the_server_gave(gathering: Gathering, server: FeedServer) -> None:
    def answer(headers: dict[str, str]) -> Answer:
        if headers.get("if-none-match") == '"1"' and headers.get("if-modified-since") == TODAY:
            return Answer(status=304)
        return Answer(rss(item("One")).encode(), headers={"ETag": '"1"', "Last-Modified": TODAY})

    url = server.serve_by("/a", answer)
    gathering.watch(url)
    gathering.gather()
    assert gathering.later(days=1).gather()[url].status == "unchanged"
    assert gathering.later(days=1).gather()[url].status == "unchanged"
    assert "weeklyverdicts" in server.asked[0][1]["user-agent"].lower()
    assert "br" in server.asked[0][1]["accept-encoding"]


def test_an_answer_that_nothing_changed_is_no_first_look(gathering: Gathering, server: FeedServer) -> None:
    url = server.serve("/a.xml", b"", status=304)
    gathering.watch(url)
    assert gathering.gather()[url].error == "the server says that nothing has changed (304), which nobody asked"
    server.serve("/a.xml", rss(*(item(f"Old {n}", f"https://old.example/{n}") for n in range(11))))
    assert gathering.later(hours=1).gather()[url].new == 11
    assert {release.week for release in gathering.releases()} == {None}, "they were there before we came"


def test_a_feed_is_left_alone_until_it_is_due_unless_it_is_named(gathering: Gathering, server: FeedServer) -> None:
    url = server.serve("/a", rss(item("One")))
    gathering.watch(url, name="Mine")
    gathering.gather()
    assert gathering.later(minutes=5).gather()[url].status == "skipped"
    assert gathering.gather("mine")[url].status == "unchanged"
    assert gathering.gather(url)[url].status == "unchanged"
    with pytest.raises(NotFoundError, match="nobody"):
        gathering.gather("nobody")


def test_a_paused_feed_is_skipped(gathering: Gathering, server: FeedServer) -> None:
    url = server.serve("/a", rss(item("One")))
    gathering.watch(url)
    pause_feed(gathering.engine, url)
    assert gathering.gather()[url].status == "skipped"


@one_database
def test_one_feed_that_fails_does_not_stop_the_others(gathering: Gathering, server: FeedServer) -> None:
    good = server.serve("/good", rss(item("One", date=TODAY)))
    urls = [
        server.url("/missing"),
        server.serve("/html", "<!doctype html><html><body>Hello</body></html>"),
        server.serve("/slow", b"<rss>" + b" " * 5_000, drip=0.05),
        "http://127.0.0.1:1/",
        "http://no-such-host.invalid/",
    ]
    for url in [*urls, good]:
        gathering.watch(url)
    found = gathering.gather()
    assert [found[url].status for url in urls] == ["error"] * 5
    assert "404" in str(found[urls[0]].error)
    assert "a web page" in str(found[urls[1]].error)
    assert "2 seconds" in str(found[urls[2]].error)
    assert found[good].status == "ok"
    assert len(gathering.releases()) == 1
    assert gathering.later(minutes=1).gather()[urls[0]].status == "skipped"
    assert gathering.later(days=3).gather()[urls[0]].status == "error"
    assert "it has failed since" in str(gathering.later(days=9).gather()[urls[0]].note)


@one_database
def test_half_a_character_in_an_address_costs_no_other_feed_anything(gathering: Gathering, server: FeedServer) -> None:
    odd = '{"version": "https://jsonfeed.org/version/1.1", "title": "Odd", "items": [%s]}'
    items = '{"id": "1", "url": "https://e.example/\\ud800", "title": "One \\ud800", "content_html": "x \\udc00"}'
    gathering.watch(server.serve("/odd.json", odd % items))
    gathering.watch(server.serve("/good.xml", rss(item("Good", "https://good.example/", TODAY))))
    gathering.watch(
        server.serve("/halves.xml", rss(item("Smile &#xD83D;&#xDE00; &#55357;", "https://s.example/", TODAY)))
    )
    assert {feed.status for feed in gathering.gather().values()} == {"ok"}
    titles = {release.title for release in gathering.releases()}
    assert titles == {"One", "Good", "Smile \U0001f600 \ufffd"}


def test_a_feed_that_is_removed_or_paused_while_it_is_fetched_stays_so(
    gathering: Gathering, server: FeedServer
) -> None:
    def meanwhile(act: Callable[[Engine, str], object], url: str, status: int) -> Callable[[dict[str, str]], Answer]:
        def answer(_: dict[str, str]) -> Answer:
            act(gathering.engine, url)
            return Answer(rss(item("New", "https://new.example/", TODAY)).encode(), status)

        return answer

    removed, paused, failing = (server.url(path) for path in ("/removed.xml", "/paused.xml", "/failing.xml"))
    for url, act, status in ((removed, remove_feed, 200), (paused, pause_feed, 200), (failing, pause_feed, 500)):
        server.serve_by(url.rpartition("/")[2].join(("/", "")), meanwhile(act, url, status))
        gathering.watch(url)
    gathering.watch(server.serve("/good.xml", rss(item("Good", "https://good.example/", TODAY))))
    found = gathering.gather()
    assert (found[removed].status, found[removed].note) == ("skipped", "it was removed meanwhile")
    assert {feed.url: feed.status for feed in gathering.feeds() if feed.url != server.url("/good.xml")} == {
        paused: "paused", failing: "paused",
    }  # fmt: skip
    assert "Good" in gathering.weeks()


@one_database
def test_a_validator_that_cannot_be_sent_back_is_not(gathering: Gathering, server: FeedServer) -> None:
    url = server.serve("/feed.xml", rss(item("One", "https://one.example/", TODAY)), ETag='"caf\xe9"')
    gathering.watch(url)
    assert gathering.gather()[url].status == "ok"
    assert gathering.later(days=2).gather()[url].error is None


def test_a_permanent_redirect_is_remembered_and_a_temporary_one_is_not(
    gathering: Gathering, server: FeedServer
) -> None:
    new = server.serve("/new", rss(item("One")))
    moved = server.serve("/moved", status=301, Location="/new")
    for_now = server.serve("/for-now", status=302, Location="/elsewhere")
    server.serve("/elsewhere", rss(item("Two")))
    for url in (moved, for_now):
        gathering.watch(url)
    found = gathering.gather()
    assert found[new].status == "ok"
    assert found[for_now].status == "ok"
    assert {feed.url for feed in gathering.feeds()} == {new, for_now}
    assert gathering.gather(moved)[new].status == "unchanged"


@one_database
def test_redirects_end(gathering: Gathering, server: FeedServer) -> None:
    url = server.serve("/loop", status=301, Location="/loop")
    away = server.serve("/away", status=301, Location="file:///etc/passwd")
    gathering.watch(url)
    gathering.watch(away)
    found = gathering.gather()
    assert "more than 5 times" in str(found[url].error)
    assert "no web address" in str(found[away].error)


def test_a_feed_that_is_gone_is_retired(gathering: Gathering, server: FeedServer) -> None:
    url = server.serve("/a", status=410)
    gathering.watch(url)
    assert "410" in str(gathering.gather()[url].error)
    assert gathering.feeds()[0].status == "retired"
    assert gathering.later(days=30).gather()[url].status == "skipped"


def test_retry_after_is_honoured(gathering: Gathering, server: FeedServer) -> None:
    url = server.serve("/a", status=429, Retry_After="36000")
    gathering.watch(url)
    assert gathering.gather()[url].status == "error"
    assert gathering.later(hours=9).gather()[url].status == "skipped"
    assert gathering.later(hours=2).gather()[url].status == "error"


def test_no_private_address_is_fetched_unless_allowed(
    gathering: Gathering, server: FeedServer, settings: Settings
) -> None:
    url = server.serve("/a", rss(item("One")))
    gathering.watch(url)
    gathering.watch(f"http://localhost:{server.port}/a")
    gathering.watch(f"http://[::ffff:127.0.0.1]:{server.port}/a")
    gathering.settings = replace(settings, fetch_private=False)
    assert all("private network" in str(feed.error) for feed in gathering.gather().values())
    assert server.asked == []


@one_database
def test_a_document_larger_than_five_megabytes_is_refused(gathering: Gathering, server: FeedServer) -> None:
    url = server.serve("/a", rss(item("One")) + " " * 5_000_000)
    gathering.watch(url)
    assert "larger than 5 MB" in str(gathering.gather()[url].error)


def test_a_feed_that_shrinks_and_grows_again_announces_nothing_twice(gathering: Gathering, server: FeedServer) -> None:
    items = [item(f"Tool {n}", f"https://t{n}.example/", TODAY, f"g{n}") for n in range(5)]
    url = server.serve("/a", rss(*items))
    gathering.watch(url)
    gathering.gather()
    server.serve("/a", rss(items[0]))
    gathering.later(days=1).gather()
    server.serve("/a", rss(*items, item("Tool 9", "https://t9.example/", "Thu, 19 Nov 2026 07:00:00 GMT", "g9")))
    gathering.later(days=1).gather()
    assert len(gathering.releases()) == 6


@one_database
def test_a_feed_that_makes_its_ids_anew_for_every_request_announces_nothing_twice(
    gathering: Gathering, server: FeedServer
) -> None:
    page = "https://alpha.example/changelog"
    gathering.watch(server.url("/a"))
    for guid in ("a", "b", "c"):
        items = [item(f"Alpha {number}.0", page, TODAY, f"{guid}{number}") for number in (1, 2)]
        server.serve("/a", rss(*items))
        gathering.gather()
        gathering.later(hours=20)
    assert [release.version for release in gathering.releases()] == ["1.0", "2.0"]


def test_a_site_that_moves_with_dates_that_nobody_believes_announces_nothing_twice(
    gathering: Gathering, server: FeedServer
) -> None:
    """Hugo dates a page that has no date from the year 1."""
    zero = "Mon, 01 Jan 0001 00:00:00 +0000"
    for site in ("old.example", "new.example"):
        page = f"https://{site}/launches/quillbase/"
        url = server.serve("/a.xml", rss(item("Quillbase", page, zero, guid=page)))
        gathering.later(hours=2)
        if site == "old.example":
            gathering.watch(url)
        gathering.gather()
    assert [release.url for release in gathering.releases()] == ["https://old.example/launches/quillbase/"]


def test_a_date_once_stored_never_moves(gathering: Gathering, server: FeedServer) -> None:
    url = server.serve("/a", rss(item("One", date=SUNDAY, guid="a"), item("Two", guid="b")))
    gathering.watch(url)
    gathering.gather()
    server.serve("/a", rss(item("One", date=TODAY, guid="a"), item("Two", date=SUNDAY, guid="b")))
    gathering.later(days=1).gather()
    one, two = gathering.releases()
    assert (one.week, one.published_at) == ("2026-W46", datetime(2026, 11, 15, 7, tzinfo=UTC))
    assert (two.week, two.published_at) == ("2026-W47", None)


def test_old_posts_and_an_undated_backlog_are_kept_and_never_announced(
    gathering: Gathering, server: FeedServer
) -> None:
    backlog = [item(f"Old {n}", guid=f"o{n}") for n in range(11)]
    url = server.serve(
        "/a", rss(*backlog, item("Post of last year", date=LAST_YEAR), item("Post of today", date=TODAY))
    )
    gathering.watch(url)
    gathering.gather()
    assert gathering.collected.new_releases == 1
    assert gathering.collected.backfilled == 12
    assert {name for name, week in gathering.weeks().items() if week} == {"Post of today"}


@one_database
def test_what_was_known_by_its_page_alone_is_no_news_when_its_entries_are_told_apart(
    gathering: Gathering, server: FeedServer
) -> None:
    page = "https://thing.example/changelog"
    log = [item(f"Thing 1.{number}", page) for number in range(6, 0, -1)]
    url = server.serve("/log.xml", rss(*log))
    feed = gathering.watch(url)
    with transaction(gathering.engine) as connection:  # as an earlier version stored it
        values = [{"identity": f"link:{page}", "url": page, "link_key": None, "title": "Thing 1.6", "summary": None,
                   "published_at": None, "backlog": False}]  # fmt: skip
        add_entries(connection, feed.id, values, gathering.now)
        update_feed(connection, feed.id, first_fetched_at=gathering.now)
    gathering.gather(url)
    assert [one.week for one in gathering.releases()].count("2026-W47") == 1
    server.serve("/log.xml", rss(item("Thing 1.7", page), *log))
    gathering.later(days=1).gather(url)
    assert [one.week for one in gathering.releases()].count("2026-W47") == 2


@one_database
def test_ten_undated_entries_of_a_first_fetch_are_news(gathering: Gathering, server: FeedServer) -> None:
    url = server.serve("/a", rss(*[item(f"New {n}", guid=f"n{n}") for n in range(10)]))
    gathering.watch(url)
    gathering.gather()
    assert gathering.collected.new_releases == 10


def test_one_seen_after_its_issue_was_composed_rolls_into_the_next(gathering: Gathering, server: FeedServer) -> None:
    url = server.serve("/a", rss(item("Late", date=SUNDAY)))
    gathering.watch(url)
    gathering.compose("2026-W46")
    gathering.gather()
    (release,) = gathering.releases()
    assert (release.week, release.late) == ("2026-W47", True)


def test_a_piece_of_an_entry_waits_for_the_whole_of_it(gathering: Gathering, server: FeedServer) -> None:
    whole = rss(item("Alpha", "https://alpha.example/", TODAY), item("Beta", "https://beta.example/launch", TODAY))
    for end in ("<title>Be", "https://beta.exa", "https://beta.example/launch</link>"):
        gathering.watch(server.serve(f"/{len(end)}", whole[: whole.index(end) + len(end)]))
    gathering.gather()
    assert [release.name for release in gathering.releases()] == ["Alpha"]
    for end in ("<title>Be", "https://beta.exa", "https://beta.example/launch</link>"):
        server.serve(f"/{len(end)}", whole)
    gathering.later(hours=2).gather()
    assert [release.name for release in gathering.releases()] == ["Alpha", "Beta"]


@one_database
def test_a_piece_of_a_document_is_not_what_the_next_request_compares_with(
    gathering: Gathering, server: FeedServer
) -> None:
    whole = rss(item("Alpha", "https://alpha.example/", TODAY), item("Beta", "https://beta.example/", TODAY))
    pieces = [whole[: whole.index("Beta")], whole[: whole.index("Beta")], whole]

    def answer(headers: dict[str, str]) -> Answer:
        if headers.get("if-none-match") == '"1"':
            return Answer(status=304)
        return Answer(pieces.pop(0).encode(), headers={"ETag": '"1"'})

    gathering.watch(server.serve_by("/a", answer))
    for _ in range(3):
        gathering.gather()
        gathering.later(hours=20)
    assert [release.name for release in gathering.releases()] == ["Alpha", "Beta"]


def test_a_week_that_was_composed_and_had_nothing_is_over_too(gathering: Gathering, server: FeedServer) -> None:
    url = server.serve("/a", rss(item("Alpha – x", "https://alpha.example/", SUNDAY)))
    compose_issue(gathering.engine, Week(2026, 47), gathering.settings, NOW)  # too early to say so of this week
    compose_issue(gathering.engine, Week(2026, 46), gathering.settings, NOW)
    gathering.watch(url)
    gathering.gather()
    (release,) = gathering.releases()
    assert (release.week, release.late) == ("2026-W47", True)


def test_one_launch_in_two_feeds_is_one_release_with_two_sources(gathering: Gathering, server: FeedServer) -> None:
    one = server.serve("/1", rss(item("Quillbase – notes", "https://q.example/?utm_source=one", TODAY)))
    two = server.serve("/2", rss(item("Quillbase", "http://www.q.example", TODAY)))
    gathering.watch(one)
    gathering.watch(two)
    found = gathering.gather()
    assert (found[one].new, found[two].new, gathering.collected.new_releases) == (1, 1, 1)
    (release,) = gathering.releases()
    with reading(gathering.engine) as connection:
        assert sorted(sources_of(connection, [release.id])[release.id]) == sorted([one, two])


def test_the_same_version_in_two_feeds_of_a_tool_is_one_release(gathering: Gathering, server: FeedServer) -> None:
    gathering.tool("quillbase", "Quillbase", "https://q.example/")
    one = server.serve("/1", rss(item("v1.2.3", "https://github.com/acme/q/releases/tag/v1.2.3", TODAY)))
    two = server.serve("/2", rss(item("1.2.3", "https://pypi.org/project/q/1.2.3/", TODAY)))
    gathering.watch(one, tool="quillbase")
    gathering.watch(two, tool="quillbase")
    gathering.gather()
    (release,) = gathering.releases()
    assert (release.tool, release.version, release.name) == ("quillbase", "1.2.3", "Quillbase")


def test_a_known_tool_is_matched_and_an_unknown_one_waits(gathering: Gathering, server: FeedServer) -> None:
    gathering.tool("quillbase", "Quillbase", "https://q.example/")
    url = server.serve(
        "/a", rss(item("Quillbase – notes", date=TODAY, guid="1"), item("Lantern", date=TODAY, guid="2"))
    )
    gathering.watch(url)
    gathering.gather()
    assert [(one.name, one.tool, one.status) for one in gathering.releases()] == [
        ("Quillbase", "quillbase", "matched"),
        ("Lantern", None, "unmatched"),
    ]


def test_what_waits_is_matched_when_its_tool_joins(gathering: Gathering, server: FeedServer) -> None:
    gathering.watch(server.serve("/a", rss(item("Lantern", date=TODAY))))
    gathering.gather()
    assert rematch_releases(gathering.engine, gathering.now) == 0
    gathering.tool("lantern", "Lantern", "https://lantern.example/")
    assert rematch_releases(gathering.engine, gathering.now) == 1
    assert gathering.releases()[0].tool == "lantern"


def test_what_has_no_page_is_not_its_sites_tool_when_it_is_looked_at_again(
    gathering: Gathering, server: FeedServer
) -> None:
    launches = rss(item("Lantern Voice", date=TODAY), head="<link>https://lantern.example/</link>")
    gathering.watch(server.serve("/a", launches))
    gathering.tool("lantern", "Lantern Chat", "https://lantern.example/")
    gathering.gather()
    assert rematch_releases(gathering.engine, gathering.now) == 0
    gathering.tool("voice", "Lantern Voice", "https://voice.example/")
    assert rematch_releases(gathering.engine, gathering.now) == 1
    assert gathering.releases()[0].tool == "voice"


def test_what_links_to_its_feeds_page_lies_there_when_it_is_looked_at_again(
    gathering: Gathering, server: FeedServer
) -> None:
    page = "https://lantern.example/changelog"
    changes = [item(title, page, TODAY) for title in ("Brighter lamps", "Longer wicks")]
    gathering.watch(server.serve("/a", rss(*changes, head=f"<link>{page}</link>")))
    gathering.gather()
    gathering.tool("lantern", "Lantern", page)
    assert rematch_releases(gathering.engine, gathering.now) == 2


def test_a_feed_that_accepts_new_tools_makes_them_at_once_and_unlisted(
    gathering: Gathering, server: FeedServer
) -> None:
    items = [item("Lantern – lamps", "https://lantern.example/", TODAY), item("Lantern Two", None, TODAY, "2"),
             item("Post of last year", None, LAST_YEAR, "3")]  # fmt: skip
    gathering.watch(server.serve("/a", rss(*items)), new_tools="accept")
    gathering.gather()
    assert gathering.collected.new_tools == 2
    with reading(gathering.engine) as connection:
        tool = tool_by_slug(connection, "lantern")
    assert tool is not None
    assert (tool.listed, tool.tagline) == (False, "lamps")
    assert gathering.releases()[0].tool == "lantern"


def test_a_tools_tagline_is_without_what_the_site_writes_below_every_entry(
    gathering: Gathering, server: FeedServer
) -> None:
    below = "&lt;p&gt;Lamps&lt;/p&gt;&lt;p&gt;&lt;a&gt;Discussion&lt;/a&gt; | &lt;a&gt;Link&lt;/a&gt;&lt;/p&gt;"
    launch = item("Lantern", "https://lantern.example/", TODAY).replace(
        "</item>", f"<description>{below}</description></item>"
    )
    gathering.watch(server.serve("/a", rss(launch)), new_tools="accept")
    gathering.gather()
    with reading(gathering.engine) as connection:
        tool = tool_by_slug(connection, "lantern")
    assert tool is not None
    assert (tool.tagline, gathering.releases()[0].tagline) == ("Lamps", "Lamps")


@pytest.mark.parametrize("later", [False, True])
def test_a_launch_that_waits_becomes_a_tool_when_a_feed_that_accepts_new_tools_shows_it(
    gathering: Gathering, server: FeedServer, later: bool
) -> None:
    shown = rss(item("Lantern – lamps", "https://lantern.example/", TODAY))
    gathering.watch(server.serve("/careful", shown))
    if later:
        gathering.gather()
        assert gathering.releases()[0].tool is None
    gathering.watch(server.serve("/trusted", shown), new_tools="accept")
    gathering.gather()
    (release,) = gathering.releases()
    assert (release.tool, release.status) == ("lantern", "matched")
    assert gathering.collected.new_tools == 1


def test_what_an_editor_dropped_stays_dropped_whichever_feed_shows_it_next(
    gathering: Gathering, server: FeedServer
) -> None:
    shown = rss(item("Lantern – lamps", "https://lantern.example/", TODAY))
    gathering.watch(server.serve("/careful", shown))
    gathering.gather()
    drop_release(gathering.engine, gathering.releases()[0].id, gathering.now)
    gathering.watch(server.serve("/trusted", shown), new_tools="accept")
    gathering.gather()
    assert [(release.tool, release.status) for release in gathering.releases()] == [(None, "dropped")]
    assert gathering.collected.new_tools == 0


def test_versions_on_a_feed_that_accepts_new_tools_are_releases_of_one_tool(
    gathering: Gathering, server: FeedServer
) -> None:
    page = "https://github.com/acme/lantern/releases/tag/"
    first, second, third = (item(f"v1.0.{n}", f"{page}v1.0.{n}", TODAY, str(n)) for n in range(3))
    url = server.serve("/a", rss(first, second))
    gathering.watch(url, new_tools="accept")
    gathering.gather()
    server.serve("/a", rss(third, first, second))
    gathering.later(hours=2).gather(url)
    assert [(one.name, one.version, one.tool) for one in gathering.releases()] == [
        ("lantern", f"1.0.{n}", "lantern") for n in range(3)
    ]
    with reading(gathering.engine) as connection:
        tool = tool_by_slug(connection, "lantern")
    assert tool is not None
    assert tool.url == "https://github.com/acme/lantern"


def test_versions_of_a_changelog_are_releases_of_the_tool_in_its_title(
    gathering: Gathering, server: FeedServer
) -> None:
    items = [item(f"2.1.{n}", f"https://lantern.example/changelog#21{n}", TODAY, str(n)) for n in range(3)]
    items += [item("3.0.0", "https://lantern.example/blog/three", TODAY, "3")]
    head = "<link>https://lantern.example/</link>"
    gathering.watch(server.serve("/a", rss(*items, title="Lantern Changelog", head=head)), new_tools="accept")
    gathering.gather()
    assert {(one.name, one.tool) for one in gathering.releases()} == {("Lantern", "lantern")}
    assert len(gathering.releases()) == 4


def test_a_piece_of_a_sentence_becomes_no_tool(gathering: Gathering, server: FeedServer) -> None:
    items = [item("to the crisis in mathematics", "https://news.example/1", TODAY)]
    gathering.watch(server.serve("/a", rss(*items)), new_tools="accept")
    gathering.gather()
    assert [(one.tool, one.status) for one in gathering.releases()] == [(None, "unmatched")]


def test_a_tools_old_name_and_address_match_after_it_was_merged(gathering: Gathering, server: FeedServer) -> None:
    gathering.tool("lamp", "Lamp", "https://lamp.example/")
    gathering.tool("lantern", "Lantern", "https://lantern.example/")
    merge_tools(gathering.engine, "lamp", "lantern", gathering.now)
    items = [item("Lamp – lamps", "https://news.example/1", TODAY), item("Two", "https://lamp.example/", TODAY)]
    gathering.watch(server.serve("/a", rss(*items, head="<link>https://news.example/</link>")))
    gathering.gather()
    assert [one.tool for one in gathering.releases()] == ["lantern", "lantern"]


def test_a_name_on_pages_of_anybody_is_a_suggestion_and_on_those_of_the_feeds_site_a_match(
    gathering: Gathering, server: FeedServer
) -> None:
    gathering.tool("lantern", "Lantern", "https://lantern.example/")
    shown = "Lantern – a game about ships"
    of_all = [item(shown, "https://someone.example/1", TODAY), item("A – b", "https://other.example/1", TODAY)]
    of_one = [item(shown, "https://news.example/1", TODAY), item("A – c", "https://news.example/2", TODAY)]
    gathering.watch(server.serve("/all", rss(*of_all)))
    gathering.watch(server.serve("/one", rss(*of_one)))
    gathering.gather()
    gathering.tool("another", "Another", "https://another.example/")
    assert rematch_releases(gathering.engine, gathering.now) == 0
    found = {one.url: (one.tool, [each["tool"] for each in one.candidates or ()]) for one in gathering.releases()}
    assert found["https://someone.example/1"] == (None, ["lantern"])
    assert found["https://news.example/1"] == ("lantern", [])


@pytest.mark.parametrize(
    ("head", "page", "tool"),
    [
        ("", "https://lantern.test/", None),
        ("", "https://blog.test/?p=7", "lantern"),
        ("", "https://blog.test/lantern", "lantern"),
        ("<link>https://launches.test/</link>", "https://blog.test/lantern", None),
        ("<link>https://blog.test/</link>", "https://blog.test/lantern", "lantern"),
    ],
)
def test_the_one_entry_of_a_feed_that_may_be_anybodys_is_no_page_of_its_own(
    head: str, page: str, tool: str | None, gathering: Gathering, server: FeedServer
) -> None:
    gathering.tool("lantern", "Lantern", "https://lantern.example/")
    gathering.watch(server.serve("/a", rss(item("Lantern – a game about ships", page, TODAY), head=head)))
    gathering.gather()
    assert [one.tool for one in gathering.releases()] == [tool]


def test_a_page_that_an_editor_gave_is_still_believed_when_its_tool_comes_later(
    gathering: Gathering, server: FeedServer
) -> None:
    page = server.serve("/launch", "<title>Lantern – lamps</title>")
    add_release(gathering.engine, gathering.settings, page, None, gathering.now)
    url = server.serve("/a", rss(item("Lantern – a game", "https://someone.example/1", TODAY)))
    gathering.watch(url)
    gathering.gather()
    remove_feed(gathering.engine, url)
    gathering.tool("lantern", "Lantern", "https://lantern.example/")
    assert rematch_releases(gathering.engine, gathering.now) == 1
    found = {one.url: one.tool for one in gathering.releases()}
    assert found == {page: "lantern", "https://someone.example/1": None}


def test_launches_of_numbered_tools_are_tools_of_their_own(gathering: Gathering, server: FeedServer) -> None:
    items = [item(f"Gadget {n}", f"https://launches.example/{n}", TODAY) for n in range(30)]
    gathering.watch(server.serve("/a", rss(*items)), new_tools="accept")
    gathering.gather()
    assert len({release.tool for release in gathering.releases()}) == 30


def test_a_limit_takes_the_first_of_the_week_and_skips_the_rest(gathering: Gathering, server: FeedServer) -> None:
    url = server.serve("/a", rss(*[item(f"Tool {n}", date=TODAY, guid=f"{n}") for n in range(8)]))
    gathering.watch(url, limit=3)
    gathering.gather()
    assert [release.name for release in gathering.releases()] == ["Tool 0", "Tool 1", "Tool 2"]
    assert gathering.collected.skipped == 5


def test_an_editor_matches_and_the_address_is_remembered(gathering: Gathering, server: FeedServer) -> None:
    gathering.tool("quillbase", "Quillbase", "https://q.example/")
    gathering.watch(server.serve("/a", rss(item("Something else", "https://launches.example/posts/7", TODAY))))
    gathering.gather()
    (release,) = gathering.releases()
    assert match_to_tool(gathering.engine, release.id, "quillbase", gathering.now).tool == "quillbase"
    assert drop_release(gathering.engine, release.id, gathering.now).status == "dropped"
    gathering.watch(server.serve("/b", rss(item("Once more 2.0", "https://launches.example/posts/7", TODAY))))
    gathering.gather()
    assert gathering.releases()[-1].tool == "quillbase"
    with pytest.raises(NotFoundError):
        match_to_tool(gathering.engine, release.id, "nobody", gathering.now)
    with pytest.raises(NotFoundError):
        drop_release(gathering.engine, 999, gathering.now)


def test_an_address_that_several_releases_share_teaches_nothing(gathering: Gathering, server: FeedServer) -> None:
    gathering.tool("quillbase", "Quillbase", "https://quillbase.example/")
    site, head = "https://weekly.example/", "<link>https://weekly.example/</link>"
    shared = [item(name, site, TODAY, name) for name in ("Norvu - sorts mail", "Kelpo - folds maps")]
    linkless = [item(name, None, TODAY, name) for name in ("Fooly - fools", "Barly - bars")]
    gathering.watch(server.serve("/d", rss(*shared, head=head)))
    gathering.watch(server.serve("/b", rss(*linkless, head=head)))
    gathering.gather()
    by_name = {release.name: release.id for release in gathering.releases()}
    for name in ("Norvu", "Fooly"):
        match_to_tool(gathering.engine, by_name[name], "quillbase", gathering.now)
    assert rematch_releases(gathering.engine, gathering.now) == 0
    assert {one.name for one in gathering.releases() if one.tool} == {"Norvu", "Fooly"}


@one_database
def test_launches_without_links_of_their_own_are_tools_of_their_own(gathering: Gathering, server: FeedServer) -> None:
    site, head = "https://weekly.example/", "<link>https://weekly.example/</link>"
    shared = [item(name, site, TODAY, name) for name in ("Norvu - sorts mail", "Kelpo - folds maps")]
    linkless = [item("Zumbi - dances", None, TODAY, "z")]
    gathering.watch(server.serve("/d", rss(*shared, *linkless, head=head)), new_tools="accept")
    gathering.gather()
    assert {(one.name, one.tool) for one in gathering.releases()} == {
        ("Norvu", "norvu"), ("Kelpo", "kelpo"), ("Zumbi", "zumbi"),
    }  # fmt: skip


@one_database
def test_a_page_announces_again_half_a_year_later(gathering: Gathering, server: FeedServer) -> None:
    april = "Thu, 16 Apr 2026 07:00:00 GMT"
    gathering.watch(server.serve("/hn", rss(item("Show HN: Zorb", "https://zorb.example/", april))))
    gathering.watch(server.serve("/ph", rss(item("Zorb - now a workspace", "https://zorb.example/", TODAY))))
    gathering.gather()
    assert sorted(str(one.week) for one in gathering.releases()) == ["2026-W47", "None"]


@one_database
def test_undated_launches_of_a_feed_that_is_watched_again_are_no_news(gathering: Gathering, server: FeedServer) -> None:
    url = server.serve("/a", rss(*(item(f"Zorb{n}", f"https://zorb{n}.example/") for n in range(5))))
    gathering.watch(url)
    gathering.gather()
    remove_feed(gathering.engine, url)
    gathering.later(days=90).watch(url)
    gathering.gather()
    assert (gathering.collected.new_releases, len(gathering.releases())) == (0, 5)


@pytest.mark.parametrize("titles", [("Zorb 2.0", "Zorb"), ("Zorb", "Zorb 2.0")])
def test_one_launch_is_one_release_whether_or_not_both_feeds_name_its_version(
    gathering: Gathering, server: FeedServer, titles: tuple[str, str]
) -> None:
    for path, title in zip(("/a", "/b"), titles, strict=True):
        gathering.watch(server.serve(path, rss(item(title, "https://zorb.example/", TODAY))))
        gathering.gather()
    assert len(gathering.releases()) == 1


def test_a_version_that_an_editor_matches_teaches_where_its_repository_is(
    gathering: Gathering, server: FeedServer
) -> None:
    gathering.tool("quillbase", "Quillbase", "https://quillbase.example/")
    page = "https://github.com/acme/quillbase/releases/tag/"
    url = server.serve("/a", rss(item("v1.0", f"{page}v1.0", TODAY)))
    gathering.watch(url, kind="releases")
    gathering.gather()
    (release,) = gathering.releases()
    assert (release.name, release.tool) == ("quillbase", None)
    assert "a repository that is not known" in str(release.match_reason)
    match_to_tool(gathering.engine, release.id, "quillbase", gathering.now)
    server.serve("/a", rss(item("v1.1", f"{page}v1.1", TODAY)))
    gathering.later(hours=2).gather()
    assert gathering.releases()[-1].tool == "quillbase"


def test_what_an_editor_found_is_added_by_its_page(gathering: Gathering, server: FeedServer) -> None:
    url = server.serve(
        "/launch", "<html><head><title>Lantern – lamps</title><meta name=description content='Light.'></head></html>"
    )
    found = add_release(gathering.engine, gathering.settings, url, None, gathering.now)
    assert (found.name, found.tagline, found.summary, found.week) == ("Lantern", "lamps", "Light.", "2026-W47")
    with pytest.raises(RefusedError, match="already"):
        add_release(gathering.engine, gathering.settings, url, None, gathering.now)
    with pytest.raises(BadInputError, match="404"):
        add_release(gathering.engine, gathering.settings, server.url("/none"), None, gathering.now)


def test_what_a_page_says_of_itself_tells_a_tool_that_is_added_where_products_are_shown(
    gathering: Gathering, server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gathering.tool("lantern", "Lantern", "https://lantern.example/", category="Lamps")
    page = server.serve("/posts/lantern-2", "<title>Lantern</title><meta name=description content='A lamp.'>")
    monkeypatch.setattr(matching, "BOARDS", {urlsplit(page).netloc})
    assert add_release(gathering.engine, gathering.settings, page, None, gathering.now).tool == "lantern"


def test_addresses_and_ids_too_long_for_an_index_stop_no_gathering(gathering: Gathering, server: FeedServer) -> None:
    script = "".join(map(chr, random.Random(1).choices(range(0x4E00, 0x9FFF), k=960)))  # nothing to compress
    odd = [
        item("Lantern", f"https://lantern.example/{script}", TODAY),
        item("Kestrel", f"https://kestrel.example/?q={script[:600]}", TODAY),
        item("Quarry", "https://quarry.example/", TODAY, guid=script),
    ]
    gathering.watch(server.serve("/odd", rss(*odd)), new_tools="accept")
    gathering.watch(server.serve("/good", rss(item("Plainly", "https://plainly.example/", TODAY))))
    gathering.gather()
    names = ["Lantern", "Kestrel", "Quarry", "Plainly"]
    assert sorted(release.name for release in gathering.releases()) == sorted(names)
    gathering.later(hours=2).gather()
    assert len(gathering.releases()) == len(names), "and each is known again"


def test_removing_a_feed_keeps_what_it_announced(gathering: Gathering, server: FeedServer) -> None:
    url = server.serve("/a", rss(item("One", "https://one.example/", TODAY)))
    gathering.watch(url)
    gathering.gather()
    remove_feed(gathering.engine, url)
    assert gathering.releases()[0].feed is None
    gathering.watch(url)
    gathering.gather()
    assert len(gathering.releases()) == 1


@pytest.mark.parametrize("name", ["Über Notizen", "ÜBER NOTIZEN", "über notizen"])
def test_a_feed_is_found_by_its_name_in_any_script_and_case(gathering: Gathering, name: str) -> None:
    gathering.watch("https://one.example/feed", name="Über Notizen")
    assert pause_feed(gathering.engine, name).name == "Über Notizen"


@one_database
@pytest.mark.parametrize("act", [pause_feed, resume_feed, remove_feed])
def test_a_name_that_two_feeds_have_changes_neither(
    act: Callable[[Engine, str], FeedRow], gathering: Gathering, server: FeedServer
) -> None:
    one, two = (server.serve(path, rss()) for path in ("/one", "/two"))
    gathering.watch(one, name="Blog")
    gathering.watch(two, name="Blog")
    before = gathering.feeds()
    with pytest.raises(RefusedError, match=f"2 feeds are called 'Blog'; .* each by its address: {one}, {two}"):
        act(gathering.engine, "Blog")
    assert gathering.feeds() == before
    assert act(gathering.engine, one).url == one
    assert before[1] in gathering.feeds()
