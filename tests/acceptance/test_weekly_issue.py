"""Two weeks in a row, from feeds, tools and readers that no demo made, by the commands that people type."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from newsletter.demo.inbox import Inbox
from newsletter.demo.material import SampleFeed
from newsletter.demo.serve_feeds import FeedServer
from tests.acceptance import recount
from tests.acceptance.command import Command

FIRST, SECOND = "2026-W46", "2026-W47"
MONDAY, NEXT_MONDAY = "2026-11-16T06:00:00Z", "2026-11-23T06:00:00Z"
LAUNCHES, RELEASES = SampleFeed("launches.xml", "Launches", "launches"), SampleFeed("tern.atom", "Tern", "releases")
READERS = """email,name,consent_at,consent_source,categories
olu@example.org,Olu,2026-01-02T10:00:00Z,fair,
mia@example.net,Mia,2026-01-03T10:00:00Z,fair,Editors;Databases
kai@example.org,Kai,2026-01-04T10:00:00Z,website,Editors
nobody@example.org,No Consent,,,
"""


def tool(slug: str, category: str, calls: str, votes: tuple[int, int] | None = None) -> dict[str, Any]:
    """``calls`` are the panel's in order: s for ship, k for skip, - for none."""
    panel = ("builder", "skeptic", "futurist", "founder", "creator")
    words = {"s": "ship", "k": "skip"}
    takes = [
        {"panelist": who, "call": words[call], "score": 80 if call == "s" else 30, "text": f"{who} looked at {slug}."}
        for who, call in zip(panel, calls, strict=True)
        if call != "-"
    ]
    made = {"slug": slug, "name": slug.title(), "url": f"https://{slug}.test", "category": category, "takes": takes}
    return made | ({"votes": {"ship": votes[0], "skip": votes[1]}} if votes else {})


TOOLS = {
    "tools": [
        tool("larch", "Editors", "ssksk", (2, 1)),
        tool("tern", "Editors", "sks--"),
        tool("quarry", "Databases", "kkks-", (1, 7)),
        tool("basalt", "Databases", "sk---", (0, 3)),
        tool("osier", "Editors", "sssss", (5, 0)),
    ]
}
CHANGED = {"tools": [{**tool("tern", "Editors", "k----"), "takes": tool("tern", "Editors", "k----")["takes"]}]}


def launches(*entries: tuple[str, str]) -> bytes:
    items = "".join(
        f"<item><title>{name.title()}</title><link>https://{name}.test/</link><guid>https://fair.test/{name}-{day}</guid>"
        f"<pubDate>{format_datetime(datetime.fromisoformat(day).replace(tzinfo=UTC))}</pubDate></item>"
        for name, day in entries
    )
    return (
        f'<rss version="2.0"><channel><title>Fair</title><link>https://fair.test</link>{items}</channel></rss>'.encode()
    )


def versions(*entries: tuple[str, str]) -> bytes:
    items = "".join(
        f"<entry><id>tag:code.test,2008:tern/{version}</id><title>{version}</title><updated>{day}T09:00:00Z</updated>"
        f'<link rel="alternate" href="https://code.test/tern/{version}"/></entry>'
        for version, day in entries
    )
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>Tern</title><id>tern</id>{items}</feed>'.encode()


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as found:
        yield found


@pytest.fixture
def command(tmp_path: Path, inbox: Inbox) -> Command:
    return Command(
        tmp_path,
        {
            "NEWSLETTER_TITLE": "Fair Verdicts",
            "NEWSLETTER_FROM": "Fair Verdicts <news@example.com>",
            "NEWSLETTER_POSTAL_ADDRESS": "1 Fair Street",
            "NEWSLETTER_SECRET_KEY": "only-for-this-test-0123456789",
            "NEWSLETTER_SMTP": f"smtp://127.0.0.1:{inbox.port}?tls=off",
            "NEWSLETTER_FETCH_PRIVATE": "true",
            "NEWSLETTER_PUBLIC_URL": "https://news.example.com",
            "NEWSLETTER_SENDERS": "1",
        },
    )


def write(folder: Path, name: str, content: object) -> str:
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return name


def send_week(command: Command, week: str, now: str) -> dict[str, Any]:
    """From the feeds to the inbox; returns the receipt."""
    command("gather", now=now)
    command("issues", "compose", "--week", week, now=now)
    command("issues", "approve", week, now=now)
    receipt: dict[str, Any] = command.json("issues", "send", week, now=now)
    return receipt


def plain(mail: bytes) -> str:
    body = message_from_bytes(mail, policy=policy.default).get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def reader_of(mail: bytes) -> str:
    return str(message_from_bytes(mail)["Delivered-To"])


def test_two_weeks_repeat_nothing_and_count_right(
    command: Command, server: FeedServer, inbox: Inbox, tmp_path: Path
) -> None:
    first_launches = (("larch", "2026-11-10"), ("quarry", "2026-11-12"), ("basalt", "2026-11-14"))
    first_versions = (("v1.0.0", "2026-11-11"),)
    server.show(
        (LAUNCHES, RELEASES), {"launches.xml": launches(*first_launches), "tern.atom": versions(*first_versions)}
    )
    command("init", now=MONDAY)
    command("tools", "import", write(tmp_path, "tools.json", TOOLS), now=MONDAY)
    imported = command.json("subscribers", "import", write(tmp_path, "readers.csv", READERS), now=MONDAY)
    assert (imported["imported"], [row["line"] for row in imported["rejected"]]) == (3, [5])
    command("feeds", "add", f"{server.base}/launches.xml", "--kind", "launches", now=MONDAY)
    command("feeds", "add", f"{server.base}/tern.atom", "--kind", "releases", "--tool", "tern", now=MONDAY)

    receipt = send_week(command, FIRST, MONDAY)
    assert (receipt["status"], receipt["recipients"], receipt["sent"]) == ("sent", 3, 3)
    first = {reader_of(path.read_bytes()): path.read_bytes() for path in inbox.messages()}
    assert set(first) == {"olu@example.org", "mia@example.net", "kai@example.org"}
    shown = command.json("issues", "show", FIRST)
    assert {item["tool"] for item in shown["items"]} == {"larch", "quarry", "basalt", "tern"}

    # A week later: one take changed, the old entries are still in the feeds, and three are new.
    server.show(
        (LAUNCHES, RELEASES),
        {
            "launches.xml": launches(("osier", "2026-11-18"), *first_launches),
            "tern.atom": versions(("v1.1.0", "2026-11-19"), *first_versions),
        },
    )
    command("tools", "import", write(tmp_path, "changed.json", CHANGED), now=NEXT_MONDAY)
    assert send_week(command, SECOND, NEXT_MONDAY)["sent"] == 3
    second = {reader_of(path.read_bytes()): path.read_bytes() for path in inbox.messages()[3:]}
    assert set(second) == set(first)
    shown = command.json("issues", "show", SECOND)
    assert {item["tool"] for item in shown["items"]} == {"osier", "tern"}

    counted = recount.expected([TOOLS])
    for week, mails, right, names in (
        (FIRST, first, counted, {"Larch", "Quarry", "Basalt", "Tern"}),
        (SECOND, second, counted | {"Tern": recount.expected([TOOLS, CHANGED])["Tern"]}, {"Osier", "Tern"}),
    ):
        for reader, mail in mails.items():
            for part, said in recount.said_in(mail, right).items():
                for name, verdicts in said.items():
                    for verdict in verdicts:
                        # A head-to-head gives the panel's counts without the community's.
                        assert verdict[:4] == right[name][:4], (week, reader, part, name)
                        assert verdict.community in (right[name].community, None)
                assert set(said) <= names
        assert set(recount.said_in(mails["olu@example.org"], right)["plain"]) == names
        assert set(recount.said_in(mails["olu@example.org"], right)["html"]) == names
    assert counted["Tern"][:4] == ("Ship", 2, 1, 67)
    assert recount.said_in(second["olu@example.org"], counted)["plain"]["Tern"][0][:4] == ("Skip", 1, 2, 33)
    assert "Quarry" not in plain(first["kai@example.org"]).replace("https://news.example.com/compare", "")
    assert not set(re.findall(r"https://\S+\.test\S*", plain(second["olu@example.org"]))) & {
        "https://larch.test", "https://quarry.test", "https://basalt.test",
    }  # fmt: skip

    # Doing it all once more does nothing.
    again = command.json("gather", now=NEXT_MONDAY)
    assert again["new_releases"] == 0
    assert command.json("issues", "send", SECOND, now=NEXT_MONDAY)["sent"] == 3
    assert len(inbox.messages()) == 6


def test_a_week_with_nothing_makes_no_issue(command: Command) -> None:
    command("init", now=MONDAY)
    assert FIRST in command("issues", "compose", now=MONDAY).stdout
    assert command.json("issues", "list")["issues"] == []
