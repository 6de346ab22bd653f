"""``newsletter gather``, ``feeds`` and ``releases`` as their users type them: statuses, lines, shapes of documents."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from newsletter.cli.main import run
from tests.fakes.feed_server import FeedServer, item, rss

TODAY = "Wed, 18 Nov 2026 07:00:00 GMT"
TOOL = {"slug": "quillbase", "name": "Quillbase", "url": "https://q.example", "category": "Writing"}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command in a folder of its own; returns (status, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEWSLETTER_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("NEWSLETTER_FETCH_PRIVATE", "true")
    monkeypatch.setenv("NEWSLETTER_NOW", "2026-11-18T09:00:00Z")
    (tmp_path / "tools.json").write_text(json.dumps({"tools": [TOOL]}), "utf-8")

    def tell(*arguments: str) -> tuple[int, str, str]:
        status = run(arguments)
        said = capsys.readouterr()
        return status, said.out, said.err

    return tell


def test_a_feed_added_today_is_due_for_a_replay_of_an_earlier_week(
    told: Any, server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = server.serve("/a.xml", rss(item("Quillbase 2", "https://q.example/2", TODAY)))
    told("feeds", "add", address)
    monkeypatch.setenv("NEWSLETTER_NOW", "2025-11-18T09:00:00Z")
    assert json.loads(told("gather", "--json")[1])["feeds"][0]["status"] == "ok"


def test_gathering_reports_every_feed_in_the_promised_shape(told: Any, server: FeedServer) -> None:
    good = server.serve("/good", rss(item("Quillbase – notes", "https://q.example/", TODAY)))
    assert told("feeds", "add", good, "--name", "Mine")[0] == 0
    assert told("feeds", "add", server.url("/none"))[0] == 0
    status, out, err = told("gather", "--json")
    report = json.loads(out)
    assert (status, err, report["new_releases"]) == (0, "", 1)
    first, second = report["feeds"]
    assert first | {"note": None} == {
        "url": good, "name": "Mine", "status": "ok", "entries": 1, "new": 1, "error": None, "note": None,
    }  # fmt: skip
    assert second["status"] == "error"
    assert "404" in second["error"]


def test_a_release_is_listed_in_the_promised_shape_and_matched_when_its_tool_is_imported(
    told: Any, server: FeedServer
) -> None:
    url = server.serve("/a", rss(item("Quillbase 2.0 – notes", "https://q.example/", TODAY)))
    told("feeds", "add", url, "--name", "Mine")
    told("gather")
    (release,) = json.loads(told("releases", "list", "--unmatched", "--json")[1])["releases"]
    promised = {
        "feed": url, "feed_name": "Mine", "url": "https://q.example/", "title": "Quillbase 2.0 – notes",
        "name": "Quillbase", "version": "2.0", "published_at": "2026-11-18T07:00:00Z",
        "first_seen_at": "2026-11-18T09:00:00Z", "week": "2026-W47", "tool": None, "issue": None, "late": False,
    }  # fmt: skip
    assert {name: release[name] for name in promised} == promised
    told("tools", "import", "tools.json")
    assert json.loads(told("releases", "list", "--unmatched", "--json")[1]) == {"releases": []}
    (release,) = json.loads(told("releases", "list", "--week", "2026-W47", "--json")[1])["releases"]
    assert release["tool"] == "quillbase"
    assert json.loads(told("releases", "list", "--week", "2026-W46", "--json")[1]) == {"releases": []}


def test_editors_match_add_and_drop_by_hand(told: Any, server: FeedServer) -> None:
    told("tools", "import", "tools.json")
    page = server.serve("/page", "<title>Something – by hand</title>")
    status, out, _ = told("releases", "add", page, "--tool", "quillbase", "--json")
    assert status == 0
    number = str(json.loads(out)["id"])
    assert told("releases", "drop", number)[0] == 0
    matched = json.loads(told("releases", "match", number, "quillbase", "--json")[1])
    assert (matched["status"], matched["coming"]) == ("matched", f"it comes in {matched['week']}")
    assert f"is of quillbase; it comes in {matched['week']}." in told("releases", "match", number, "quillbase")[1]
    told("issues", "compose", "--week", matched["week"])
    assert f"is of quillbase, in {matched['week']}." in told("releases", "match", number, "quillbase")[1]


def test_feeds_go_out_as_opml_and_come_back_the_same(told: Any, tmp_path: Path) -> None:
    told("tools", "import", "tools.json")
    told("feeds", "add", "https://one.example/feed", "--name", "One & more", "--kind", "news", "--include", "AI|<b>")
    told("feeds", "add", "https://two.example/feed", "--tool", "quillbase", "--prereleases", "--limit", "7")
    (tmp_path / "feeds.opml").write_text(told("feeds", "export")[1], "utf-8")
    before = json.loads(told("feeds", "list", "--json")[1])
    told("feeds", "remove", "One & more")
    told("feeds", "remove", "https://two.example/feed")
    report = json.loads(told("feeds", "import", "feeds.opml", "--json")[1])
    assert (len(report["added"]), report["refused"]) == (2, [])
    assert json.loads(told("feeds", "list", "--json")[1]) == before


def test_feeds_come_in_from_standard_input(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opml = b"<opml version='2.0'><body><outline type='rss' xmlUrl='https://one.example/feed'/></body></opml>"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(opml)))
    status, out, _ = told("feeds", "import", "-", "--json")
    assert (status, len(json.loads(out)["added"])) == (0, 1)


def test_a_release_stays_with_the_other_feed_that_showed_it_when_the_first_is_removed(
    told: Any, server: FeedServer
) -> None:
    one, two = (server.serve(path, rss(item("Quillbase 2", "https://q.example/2", TODAY))) for path in ("/a", "/b"))
    for url, name in ((one, "One"), (two, "Two")):
        told("feeds", "add", url, "--name", name)
        told("gather", name)
    told("feeds", "remove", "One")
    (release,) = json.loads(told("releases", "list", "--json")[1])["releases"]
    assert (release["feed"], release["feed_name"], release["sources"]) == (two, "Two", [two])
    told("feeds", "remove", "Two")
    (release,) = json.loads(told("releases", "list", "--json")[1])["releases"]
    assert (release["feed"], release["feed_name"], release["sources"]) == (None, None, [])


def test_what_an_editor_decides_on_is_shown_with_all_its_sources(told: Any, server: FeedServer) -> None:
    urls = [server.serve(path, rss(item("Quillbase 2", "https://q.example/2", TODAY))) for path in ("/a", "/b")]
    told("tools", "import", "tools.json")
    for url in urls:
        told("feeds", "add", url)
        told("gather", url)
    matched = json.loads(told("releases", "match", "1", "quillbase", "--json")[1])
    dropped = json.loads(told("releases", "drop", "1", "--json")[1])
    assert (matched["sources"], dropped["sources"]) == (urls, urls)


def test_a_list_from_elsewhere_names_tools_that_are_not_here(told: Any, tmp_path: Path) -> None:
    (tmp_path / "feeds.opml").write_text(
        '<opml version="2.0"><body><outline xmlUrl="https://one.example/feed" vvKind="releases" vvTool="elsewhere"/>'
        "</body></opml>"
    )
    report = json.loads(told("feeds", "import", "feeds.opml", "--json")[1])
    assert [(feed["kind"], feed["tool"]) for feed in report["added"]] == [("releases", None)]
    assert report["without_tool"] == [{"url": "https://one.example/feed", "tool": "elsewhere"}]


def test_the_starter_list_can_be_added_twice(told: Any) -> None:
    assert len(json.loads(told("feeds", "starter", "--json")[1])["added"]) >= 38
    again = json.loads(told("feeds", "starter", "--json")[1])
    assert (again["added"], again["refused"]) == ([], [])
    feeds = json.loads(told("feeds", "list", "--json")[1])["feeds"]
    assert {feed["tool"] for feed in feeds if feed["kind"] == "releases"} >= {"ollama", "neovim"}


def test_a_feed_is_looked_at_without_watching_it(told: Any, server: FeedServer) -> None:
    url = server.serve("/a", rss(item("Introducing Quillbase", date=TODAY), item("How we think", date=TODAY, guid="2")))
    report = json.loads(told("feeds", "check", url, "--kind", "news", "--json")[1])
    assert (report["title"], report["entries"]) == ("Launches", 2)
    assert [one["name"] for one in report["readings"]] == ["Quillbase", None]
    assert report["readings"][1]["skipped"] == "it asks or explains"
    assert json.loads(told("feeds", "list", "--json")[1]) == {"feeds": []}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("feeds", "add", "ftp://example.com/feed"), "no address of a feed"),
        (("feeds", "add", "javascript:alert(1)"), "no address of a feed"),
        (("feeds", "add", "https://example.com/", "--tool", "nobody"), "there is no tool 'nobody'"),
        (("feeds", "add", "https://example.com/", "--include", "("), "no regular expression"),
        (("feeds", "pause", "nobody"), "there is no feed 'nobody'"),
        (("feeds", "show", "nobody"), "there is no feed 'nobody'"),
        (("feeds", "import", "tools.json"), "cannot be read as OPML"),
        (("feeds", "check", "http://127.0.0.1:1/"), "cannot be read"),
        (("gather", "nobody"), "there is no feed 'nobody'"),
        (("releases", "list", "--week", "W47"), "is no week"),
        (("releases", "match", "99", "quillbase"), "there is no release 99"),
        (("releases", "drop", "99"), "there is no release 99"),
        (("releases", "add", "ftp://example.com/"), "no web address"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(told: Any, arguments: tuple[str, ...], said: str) -> None:
    status, out, err = told(*arguments)
    assert (status, out) == (1, "")
    assert said in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(("limit", "kept"), [("1000000", 1_000_000), ("007", 7), ("0", None), ("9" * 20, None)])
def test_a_list_brings_limits_that_the_database_holds(told: Any, tmp_path: Path, limit: str, kept: int | None) -> None:
    outline = f'<outline xmlUrl="https://one.example/feed" vvLimit="{limit}"/>'
    (tmp_path / "feeds.opml").write_text(f'<opml version="2.0"><body>{outline}</body></opml>')
    (added,) = json.loads(told("feeds", "import", "feeds.opml", "--json")[1])["added"]
    assert added["limit"] == kept
    for option in (("feeds", "add", "https://two.example/", "--limit"), ("feeds", "show", added["url"], "--entries")):
        assert told(*option, "9" * 20)[0] == 2


def test_a_feed_is_watched_once(told: Any) -> None:
    told("feeds", "add", "https://example.com/feed")
    status, _, err = told("feeds", "add", "http://www.example.com/feed/")
    assert status == 1
    assert "watched already" in err
