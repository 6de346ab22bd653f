"""A subscriber's life: sign up, confirm, choose, leave, come back, be forgotten; with the service as people run it."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from newsletter.demo.inbox import Inbox
from newsletter.subscribers.formulas import as_text
from tests.acceptance.command import Command
from tests.fakes.waiting import until

ADDRESS = "ada@reader.example"
SETTINGS = {
    "NEWSLETTER_SECRET_KEY": "a-key-that-only-this-test-knows",
    "NEWSLETTER_TITLE": "Weekly Verdicts",
    "NEWSLETTER_FROM": "Weekly Verdicts <news@example.com>",
    "NEWSLETTER_POSTAL_ADDRESS": "Example Press, 1 Example Street",
    "NEWSLETTER_PUBLIC_URL": "https://news.example.com",
}


@pytest.fixture
def newsletter(tmp_path: Path, inbox: Inbox) -> Command:
    folder = tmp_path / "house"
    folder.mkdir()
    command = Command(folder, SETTINGS | {"NEWSLETTER_SMTP": f"smtp://127.0.0.1:{inbox.port}?tls=off"})
    command("init")
    return command


@contextmanager
def serving(newsletter: Command) -> Iterator[httpx.Client]:
    variables = {key: value for key, value in os.environ.items() if not key.startswith("NEWSLETTER_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "newsletter.cli.main", "serve", "--port", "0", "--no-scheduler"],
        env=variables | newsletter.settings, cwd=newsletter.folder, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line
        with httpx.Client(base_url=found[0], trust_env=False, timeout=30) as client:
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert "Traceback" not in said, said
    assert ADDRESS not in said, "an address is never logged"


def newest(inbox: Inbox, count: int) -> EmailMessage:
    """The message that makes ``count`` of them; it has ten seconds on a busy machine, and takes about one."""
    until(lambda: len(inbox.messages()) >= count, 10)
    assert len(inbox.messages()) == count
    found = message_from_bytes(inbox.messages()[-1].read_bytes(), policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def link_in(message: EmailMessage, kind: str) -> str:
    """The path of the link to a page of ours; it stands in both parts."""
    paths = []
    for form in ("plain", "html"):
        part = message.get_body((form,))
        assert part is not None
        found = re.search(rf"https://news\.example\.com(/{kind}/[\w-]+)", part.get_content())
        assert found, f"no {kind} link in {form}"
        paths.append(found[1])
    assert paths[0] == paths[1]
    return paths[0]


def state(newsletter: Command) -> str:
    return str(newsletter.json("subscribers", "show", ADDRESS)["state"])


def test_a_subscriber_s_life(newsletter: Command, inbox: Inbox) -> None:
    with serving(newsletter) as web:
        page = web.get("/").text
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
        time.sleep(2.1)
        said = web.post("/subscribe", data={"email": ADDRESS, "name": "Ada", "category": "Editors", **hidden})
        assert (said.status_code, "Check your inbox" in said.text) == (200, True)

        letter = newest(inbox, 1)
        assert letter["Auto-Submitted"] == "auto-generated"
        confirm = link_in(letter, "confirm")
        assert "Confirm" in web.get(confirm).text
        assert state(newsletter) == "pending"
        assert "are subscribed" in web.post(confirm).text
        assert "lready confirmed" in web.post(confirm).text

        shown = newsletter.json("subscribers", "show", ADDRESS)
        assert (shown["state"], shown["name"], shown["categories"]) == ("active", "Ada", ["Editors"])
        assert shown["consent"]["form"] == "landing"
        assert shown["consent"]["address"] == "127.0.0.1"
        assert shown["consent"]["words"] in page

        welcome = newest(inbox, 2)
        preferences, unsubscribe = link_in(welcome, "preferences"), link_in(welcome, "unsubscribe")
        saved = web.post(preferences, data={"category": ["Editors", "Databases"], "format": "text", "pause_weeks": "2"})
        assert "Saved" in saved.text
        mine = json.loads(web.get(f"{preferences}/export").content)
        assert (mine["categories"], mine["format"]) == (["Databases", "Editors"], "text")

        assert web.get(unsubscribe).status_code == 200
        assert state(newsletter) == "active"
        left = web.post(unsubscribe, data={"List-Unsubscribe": "One-Click"})
        assert (left.status_code, state(newsletter)) == (200, "unsubscribed")
        undo = re.search(r'name="undo" value="([^"]+)"', left.text)
        assert undo
        web.post(unsubscribe, data={"undo": undo[1]})
        assert state(newsletter) == "active"

        assert web.post(f"{preferences}/erase").status_code == 200
        assert "no subscriber" in newsletter.refuses("subscribers", "show", ADDRESS)
        assert newsletter.json("suppressions", "list")["suppressions"][0]["email"] is None
        readers = newsletter.folder / "readers.csv"
        readers.write_text(f"email,consent_at,consent_source\n{ADDRESS},2026-01-01,an old list\n")
        assert newsletter.json("subscribers", "import", "readers.csv")["imported"] == 0

        web.post("/subscribe", data={"email": ADDRESS})
        web.post(link_in(newest(inbox, 3), "confirm"))
        assert state(newsletter) == "active"
        assert newsletter.json("suppressions", "list") == {"suppressions": []}


def test_bad_input_gets_one_clear_line(newsletter: Command) -> None:
    assert "cannot be an address" in newsletter.refuses("subscribers", "add", "nobody")
    assert "no subscriber" in newsletter.refuses("subscribers", "unsubscribe", ADDRESS)
    assert "no subscriber" in newsletter.refuses("subscribers", "erase", ADDRESS)
    assert "not suppressed" in newsletter.refuses("suppressions", "remove", ADDRESS)
    assert "cannot be read" in newsletter.refuses("subscribers", "import", "missing.csv")
    (newsletter.folder / "empty.csv").write_text("")
    assert "header" in newsletter.refuses("subscribers", "import", "empty.csv")


def test_an_operator_adds_and_exports(newsletter: Command) -> None:
    added = newsletter.json("subscribers", "add", ADDRESS, "--confirmed", "--consent-source", "paper form")
    assert added == {"email": ADDRESS, "state": "active"}
    assert newsletter.json("subscribers", "add", "bob@reader.example")["state"] == "pending"
    export = newsletter("subscribers", "export").stdout.splitlines()
    assert export[0] == (
        "email,name,consent_at,consent_source,categories,state,format,panelists,min_ship_percent,paused_until,suppressed"
    )
    assert export[1].startswith(f"{ADDRESS},,20")
    assert newsletter.json("subscribers", "list", "--state", "pending")["subscribers"] == [
        {"email": "bob@reader.example", "state": "pending"}
    ]


@pytest.mark.parametrize("name", ["=HYPERLINK(0)", "'=1", "+1", "-", "@x", "'", 'Ann; "A"', "Ann"])
def test_what_is_exported_comes_in_again_with_rests_choices_and_formats(
    newsletter: Command, tmp_path: Path, name: str
) -> None:
    rows = [
        "email,name,consent_at,consent_source,categories,format,panelists,min_ship_percent,paused_until,suppressed",
        f"ada@reader.example,{_quoted(as_text(name))},2026-01-02,form,B;A,text,skeptic;builder,60,2027-03-01T00:00:00Z,",
        "+bob@reader.example,,2026-01-02,form,,,,,,",
        "no@reader.example,,2026-01-02,form,,,,,,",
    ]
    (newsletter.folder / "in.csv").write_text("\n".join(rows) + "\n", "utf-8")
    assert newsletter.json("subscribers", "import", "in.csv")["imported"] == 3
    newsletter("suppressions", "add", "no@reader.example")
    out = newsletter("subscribers", "export").stdout
    cells = [cell for row in csv.reader(out.splitlines()) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    other = Command(tmp_path / "other", newsletter.settings)
    other.folder.mkdir()
    other("init")
    (other.folder / "out.csv").write_text(out, "utf-8")
    report = other.json("subscribers", "import", "out.csv")
    assert (report["imported"], [row["reason"] for row in report["rejected"]]) == (
        2, ["is suppressed (manual) in this file, so it does not come in"],
    )  # fmt: skip
    there, here = (where("subscribers", "export").stdout.splitlines() for where in (other, newsletter))
    assert there[:3] == here[:3]
    shown = other.json("subscribers", "show", "ada@reader.example")
    assert (shown["name"], shown["format"], shown["panelists"]) == (name, "text", ["builder", "skeptic"])
    assert (shown["min_ship_percent"], shown["paused_until"]) == (60, "2027-03-01T00:00:00Z")


def _quoted(field: str) -> str:
    return '"' + field.replace('"', '""') + '"'
