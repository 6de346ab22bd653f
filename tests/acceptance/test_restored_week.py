"""A backup from before an issue's tools came in, put back after that issue went out: nobody reads of them twice."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.demo.material import SampleFeed
from newsletter.demo.serve_feeds import FeedServer
from tests.acceptance.command import Command
from tests.databases import copy_of_template
from tests.fakes.smtp_sink import Sink

SUNDAY, MONDAY, TUESDAY, LATER = (f"2026-11-{day}T12:00:00Z" for day in ("15", "16", "17", "23"))
TAKE = {"panelist": "builder", "score": 80, "call": "ship", "text": "Good."}
FEED, OTHER = SampleFeed("launches.xml", "Launches", "launches"), SampleFeed("more.xml", "More", "launches")


@pytest.fixture
def command(tmp_path: Path, sqlite_template: Path) -> Iterator[Command]:
    with Sink() as sink:
        yield Command(
            tmp_path,
            {
                "NEWSLETTER_DATABASE_URL": copy_of_template(sqlite_template, tmp_path / "newsletter.db"),
                "NEWSLETTER_TITLE": "Fair Verdicts",
                "NEWSLETTER_FROM": "Fair Verdicts <news@example.com>",
                "NEWSLETTER_POSTAL_ADDRESS": "1 Fair Street",
                "NEWSLETTER_SECRET_KEY": "only-for-this-test-0123456789",
                "NEWSLETTER_FETCH_PRIVATE": "true",
                "NEWSLETTER_SMTP": sink.url,
                "NEWSLETTER_NOW": SUNDAY,
            },
        )


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as server:
        date = "<pubDate>Sat, 14 Nov 2026 09:00:00 GMT</pubDate>"
        item = f"<item><title>Larch</title><link>https://larch.test/</link>{date}</item>"
        document = f'<rss version="2.0"><channel><title>Launches</title>{item}</channel></rss>'.encode()
        server.show((FEED, OTHER), {FEED.file: document, OTHER.file: document})
        yield server


def bring_tool(command: Command, name: str = "Larch") -> None:
    tool = {"slug": name.lower(), "name": name, "url": f"https://{name}.test/", "category": "Editors", "takes": [TAKE]}
    (command.folder / "tools.json").write_text(json.dumps({"tools": [tool]}))
    command("tools", "import", "tools.json")


def watch(command: Command, server: FeedServer, feed: SampleFeed = FEED) -> None:
    command("feeds", "add", f"{server.base}/{feed.file}", "--name", feed.name)


def send_the_week(command: Command) -> None:
    (command.folder / "readers.csv").write_text("email,consent_at,consent_source\nada@example.org,2026-01-02,fair\n")
    command("subscribers", "import", "readers.csv")
    command("issues", "compose", now=MONDAY)
    command("issues", "approve", "2026-W46", now=TUESDAY)
    assert command.json("issues", "send", "2026-W46", now=TUESDAY)["sent"] == 1


def carried_by_the_next(command: Command) -> list[str]:
    command("gather", now=TUESDAY)
    command("gather", FEED.name, now=TUESDAY)
    composed = command.json("issues", "compose", now=LATER)
    assert composed["week"] == "2026-W47"
    if composed["issue"] is None:
        return []
    shown = command.json("issues", "show", "2026-W47", now=LATER)
    return [*(item["tool"] for item in shown["items"]), *shown["also_released"]]


def test_what_came_in_after_the_backup_and_went_out_since_is_not_new_again(
    command: Command, server: FeedServer
) -> None:
    bring_tool(command)
    watch(command, server)
    command("backup", "backup.db")
    command("gather")
    send_the_week(command)
    command("restore", "backup.db", now=TUESDAY)
    assert carried_by_the_next(command) == []
    (release,) = command.json("releases", "list")["releases"]
    assert (release["issue"], release["tool"], release["feed_name"]) == ("2026-W46", "larch", FEED.name)


def test_what_another_feed_shows_that_is_watched_since_is_no_news_either(command: Command, server: FeedServer) -> None:
    bring_tool(command)
    command("backup", "backup.db")
    watch(command, server)
    command("gather")
    send_the_week(command)
    command("restore", "backup.db", now=TUESDAY)
    watch(command, server)
    watch(command, server, OTHER)
    assert carried_by_the_next(command) == []


@pytest.mark.parametrize("known", [True, False], ids=["of a tool that is known", "of a tool that came since"])
def test_what_waited_for_an_editor_in_the_backup_waits_no_longer(
    command: Command, server: FeedServer, known: bool
) -> None:
    if known:
        bring_tool(command, "Spruce")
    watch(command, server)
    command("gather")
    (waiting,) = command.json("releases", "list", "--unmatched")["releases"]
    command("backup", "backup.db")
    if not known:
        bring_tool(command, "Spruce")
    command("releases", "match", str(waiting["id"]), "spruce")
    send_the_week(command)
    command("restore", "backup.db", now=TUESDAY)
    bring_tool(command)
    assert command.json("releases", "list", "--unmatched")["releases"] == []
    assert carried_by_the_next(command) == []
