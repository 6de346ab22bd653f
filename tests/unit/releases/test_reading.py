from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from newsletter.releases.announcing import announces
from newsletter.releases.reading import Announced, FeedRules, Shown, Skipped, read_entry, said_in
from newsletter.releases.weeks import place

NOW = datetime(2026, 11, 18, 9, tzinfo=UTC)  # a Wednesday of 2026-W47
ZONE = ZoneInfo("UTC")
LAUNCHES = FeedRules("launches", None, None, None, False)


def shown(title: str = "Quillbase – notes", summary: str | None = None, at: datetime | None = NOW) -> Shown:
    return Shown(title, summary, "https://quillbase.example/", at, NOW, False)


def read(entry: Shown, rules: FeedRules = LAUNCHES, composed: tuple[str, ...] = ()) -> Skipped | Announced:
    return read_entry(entry, rules, composed=composed, zone=ZONE)


def week(
    at: datetime | None, seen: datetime = NOW, composed: tuple[str, ...] = (), backlog: bool = False
) -> tuple[str | None, bool]:
    found = place(at, seen, backlog=backlog, composed=composed, zone=ZONE)
    return (str(found.week) if found.week else None, found.late)


def test_a_release_belongs_to_the_week_of_its_date() -> None:
    assert week(datetime(2026, 11, 15, 23, 59, tzinfo=UTC)) == ("2026-W46", False)
    assert week(datetime(2026, 11, 16, tzinfo=UTC)) == ("2026-W47", False)


def test_the_week_is_that_of_the_publications_zone() -> None:
    at = datetime(2026, 11, 15, 23, 30, tzinfo=UTC)
    assert str(place(at, NOW, backlog=False, composed=(), zone=ZoneInfo("Europe/Berlin")).week) == "2026-W47"


def test_an_undated_one_belongs_to_the_week_it_was_first_seen_in() -> None:
    assert week(None) == ("2026-W47", False)


def test_one_seen_after_its_issue_was_composed_goes_to_the_next_as_late() -> None:
    at = datetime(2026, 11, 15, tzinfo=UTC)
    assert week(at, composed=("2026-W46",)) == ("2026-W47", True)
    assert week(at, composed=("2026-W46", "2026-W47")) == ("2026-W48", True)


def test_one_first_seen_over_seven_days_after_its_date_has_no_week() -> None:
    assert week(NOW - timedelta(days=7)) == ("2026-W46", False)
    assert week(NOW - timedelta(days=7, seconds=1)) == (None, False)
    assert week(None, backlog=True) == (None, False)


def test_the_feeds_rules_are_read_over_title_text_and_address() -> None:
    only_ai = FeedRules("launches", None, r"\bAI\b", None, False)
    assert isinstance(read(shown("Quillbase – notes"), only_ai), Skipped)
    assert isinstance(read(shown("Quillbase – notes", "With AI."), only_ai), Announced)
    assert read(shown("Quillbase – crypto notes"), FeedRules("launches", None, None, "crypto", False)) == Skipped(
        "the feed's exclude rule leaves it out"
    )


@pytest.mark.parametrize(
    "title", ["Version 3.2.1 released", "3.2.1 is out!", "v3.2.1 is now available", "Release 3.2.1"]
)
def test_a_version_of_which_nothing_is_said_but_that_it_is_there_is_the_feeds_tools(title: str) -> None:
    found = read(
        Shown(title, None, "https://quill.example/log", NOW, NOW, False), replace(LAUNCHES, name="Quill changelog")
    )
    assert isinstance(found, Announced)
    assert (found.naming.name, found.naming.version) == ("Quill", "3.2.1")


def test_prereleases_are_left_out_of_release_feeds_unless_asked_for() -> None:
    rules = FeedRules("releases", "Quillbase", None, None, False)
    assert read(shown("v2.0.0-rc1"), rules) == Skipped("it is a pre-release (2.0.0-rc1)")
    wanted = read(shown("v2.0.0-rc1"), FeedRules("releases", "Quillbase", None, None, True))
    assert isinstance(wanted, Announced)
    assert wanted.naming.version == "2.0.0-rc1"


@pytest.mark.parametrize("kind", ["launches", "releases"])
def test_a_bare_version_is_named_by_the_repository_or_package_that_it_is_of(kind: str) -> None:
    rules = FeedRules(kind, None, None, None, False)
    for url in ("https://github.com/acme/lantern/releases/tag/v1.2.3", "https://pypi.org/project/lantern/1.2.3/"):
        found = read(replace(shown("v1.2.3"), url=url), rules)
        assert isinstance(found, Announced)
        assert (found.naming.name, found.naming.version) == ("lantern", "1.2.3")


@pytest.mark.parametrize("kind", ["launches", "releases", "news"])
def test_a_bare_version_that_no_address_names_takes_the_name_of_its_feed(kind: str) -> None:
    rules = FeedRules(kind, None, None, None, False, "Quillbase Changelog")
    found = read(replace(shown("2.1.236"), url="https://quillbase.example/changelog#21236"), rules)
    assert isinstance(found, Announced)
    assert (found.naming.name, found.naming.version) == ("Quillbase", "2.1.236")


@pytest.mark.parametrize(
    ("title", "feed", "name", "version"),
    [
        ("Version 2.3.4 – Bug fixes", "Quillbase Changelog", "Quillbase", "2.3.4"),
        ("2.3.4 - Bug fixes", "Release notes for Quillbase", "Quillbase", "2.3.4"),
        ("v2.3: faster notes", "Quillbase Releases", "Quillbase", "2.3"),
        ("v2.3.4 \U0001f389", "Quillbase Changelog", "Quillbase", "2.3.4"),
        ("1.5 million readers", "Quillbase Blog", "1.5 million readers", None),
        ("1.1.1.1: the faster DNS", "Launches", "1.1.1.1", None),
    ],
)
def test_a_changelogs_versions_are_its_tools_whatever_is_said_behind_them(
    title: str, feed: str, name: str, version: str | None
) -> None:
    entry = replace(shown(title), url="https://quillbase.example/changelog/1")
    found = read(entry, FeedRules("launches", None, None, None, False, feed))
    assert isinstance(found, Announced)
    assert (found.naming.name, found.naming.version) == (name, version)


@pytest.mark.parametrize("kind", ["launches", "news"])
@pytest.mark.parametrize(
    "title",
    [
        "Elevated errors on requests to several models", "Elevated Quill API authentication errors",
        "Degraded performance for Quill 5", "Service disruption on Quill services", "Partial outage in Europe",
        "Quillbase.example is down - nobody can sign in", "Error while creating notes", "[Resolved] Elevated latency",
        "Resolved: increased error rates on the API", "Sync and search are unavailable",
    ],
)  # fmt: skip
def test_an_incident_of_a_status_page_announces_no_tool(kind: str, title: str) -> None:
    assert read(shown(title), FeedRules(kind, None, None, None, False)) == Skipped("it is a status report")


@pytest.mark.parametrize(
    "title",
    ["Downtime – know when your site is down", "High Performance Notes – write fast", "Pager – Incident management",
     "Monitoring – for everybody", "Errors – with stack traces"],
)  # fmt: skip
def test_a_launch_that_speaks_of_incidents_is_a_launch(title: str) -> None:
    assert isinstance(read(shown(title)), Announced)


def test_a_repositorys_prerelease_is_left_out_of_every_kind_of_feed() -> None:
    entry = replace(shown("v1.2.3rc1"), url="https://github.com/acme/lantern/releases/tag/v1.2.3rc1")
    assert read(entry) == Skipped("it is a pre-release (1.2.3rc1)")


def test_an_entry_without_a_title_is_named_by_its_text() -> None:
    found = read(shown("", "Quillbase answers. It has notes."))
    assert isinstance(found, Announced)
    assert found.naming.name == "Quillbase answers."
    assert isinstance(read(shown("", None)), Skipped)


@pytest.mark.parametrize(
    ("summary", "said"),
    [
        ("Notes that answer back. Discussion | Link", "Notes that answer back."),
        ("Article URL: https://quill.example/ Comments URL: https://n.example/item?id=1 Points: 3 # Comments: 0", None),
        ("It answers. Comments URL: https://n.example/item?id=1 Points: 3 # Comments: 0", "It answers."),
        ("Hi all submitted by /u/quill to r/notes [link] [comments]", "Hi all"),
        ("Quillbase is out. […] The post Quillbase is out appeared first on Quill Blog.", "Quillbase is out. […]"),
        ("Notes: Discussion | Links", "Notes: Discussion | Links"),
        ("", None),
        (None, None),
    ],
)
def test_what_a_site_writes_below_every_entry_says_nothing_of_the_tool(summary: str | None, said: str | None) -> None:
    assert said_in(summary) == said


def test_news_that_announces_nothing_is_skipped_with_the_reason() -> None:
    found = read(shown("How we think about notes"), FeedRules("news", None, None, None, False))
    assert found == Skipped("it asks or explains")


@pytest.mark.parametrize(
    "title",
    [
        "Introducing Quillbase", "Quillbase 2.0 is now available", "Quillbase is generally available",
        "Announcing the Quillbase SDK", "Show HN: Quillbase", "Quillbase v2.1", "Changelog: May 2026", "Quillbase Sync",
        "Quillbase in Emacs", "Quillbase now supports Windows", "Quill 3", "Acme launches Quillbase",
        "Open-sourcing Quillbase", "Quillbase: notes that answer back", "Quillbase - Your source for collaboration",
        "https://quillbase.example - Save notes", "Quillbase - Notes, podcast and interview",
        "Quillbase 2.3.1 fixes CVE-2026-1234", "Quillbase - Start writing: join for 40% off",
        "Quillbase 5.2.1 Maintenance Release", "Quillbase 5.2.2 Maintenance and Security Release",
    ],
)  # fmt: skip
def test_announcements_are_told(title: str) -> None:
    assert announces(title).announces


@pytest.mark.parametrize(
    "title",
    [
        "How we built Quillbase", "Why notes matter", "What is a note?", "Acme raises $20 million", "Our Series B",
        "Quillbase vs Lantern: a comparison", "Elevated errors on requests", "Lessons from a year of notes",
        "Acme partners with Example Corp", "Case study: notes at Example Corp", "The future of notes",
        "Write Well - Learn to write in weeks", "Acme novels - Ongoing novels", "Notes Empire - 549 prompts for notes",
        "Quillbase is SOC2 compliant", "A guide to better notes", "An update to our pricing",
        "Security advisory: CVE-2026-1234 in Quillbase", "Black Friday: 50% off Quillbase",
        "Quillbase deprecates API v1", "End of life for Quillbase 2.1",
    ],
)  # fmt: skip
def test_essays_and_business_news_are_told(title: str) -> None:
    found = announces(title)
    assert not found.announces
    assert found.reason
