"""``newsletter issues`` as it is typed."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from db.engine import transaction
from db.models import Subscriber
from db.ownership import owner
from newsletter.deliveries.steer import cancel_issue
from newsletter.issues.compose import compose_issue
from newsletter.issues.publish import publish_issue
from newsletter.settings import load
from tests.acceptance.command import Command
from tests.conftest import complete_environment
from tests.integration.test_issues import NOW, WEEK, add_reader, add_release, add_tool, launch, move, set_take


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """SQLite alone: the verbs are tested on both databases, the commands only pass on."""
    return sqlite_url


@pytest.fixture
def issues(sqlite_url: str, tmp_path: Path) -> Command:
    settings = complete_environment(sqlite_url) | {"NEWSLETTER_NOW": "2026-11-23T06:00:00Z"}
    return Command(tmp_path, settings)


def test_an_empty_week_is_said_and_is_no_error(issues: Command) -> None:
    assert issues.json("issues", "compose")["issue"] is None
    assert "Nothing came out in 2026-W47" in issues("issues", "compose").stdout


def test_compose_takes_the_week_that_ended_last_and_says_when_nothing_is_new(engine: Engine, issues: Command) -> None:
    launch(engine, "alpha", "SSS")
    assert issues.json("issues", "compose") == {
        "issue": "2026-W47", "week": "2026-W47", "status": "draft", "created": True, "changed": True,
        "new_releases": 1, "tools": 1,
    }  # fmt: skip
    assert issues.json("issues", "compose", "--week", "2026-W47")["changed"] is False
    assert "Nothing is new" in issues("issues", "compose").stdout


def test_the_receipt_of_a_draft_says_that_nothing_went_out(engine: Engine, issues: Command) -> None:
    launch(engine, "alpha", "SSS")
    issues.json("issues", "compose")
    assert issues("issues", "receipt", "2026-W47").stdout == (
        "Issue 2026-W47 is draft; nothing of it went out: it waits for approval.\n"
    )
    assert issues.json("issues", "receipt", "2026-W47")["recipients"] == 0


def test_render_writes_four_files(engine: Engine, tmp_path: Path, issues: Command) -> None:
    launch(engine, "alpha", "SSS")
    issues.json("issues", "compose")
    assert (
        issues.json("issues", "render", "2026-W47", "--to", "out")["subject"]
        == (tmp_path / "out/subject.txt").read_text().strip()
    )
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "subject.txt", "body.txt", "body.html", "message.eml",
    }  # fmt: skip
    assert b"\r" not in (tmp_path / "out/body.txt").read_bytes()


def test_approving_at_a_time_shows_in_the_issue(engine: Engine, issues: Command) -> None:
    launch(engine, "alpha", "SSS")
    issues.json("issues", "compose")
    approved = issues.json("issues", "approve", "2026-W47", "--at", "2026-11-24T09:00")
    assert approved["send_at"] == "2026-11-24T09:00:00Z"
    shown = issues.json("issues", "show", "2026-W47")
    assert (shown["status"], shown["send_at"]) == ("approved", "2026-11-24T09:00:00Z")
    assert "2026-W47  approved for 2026-11-24T09:00:00Z" in issues("status").stdout
    assert "Senders: none" in issues("status").stdout
    with owner(engine, NOW):
        assert "Senders: 1" in issues("status").stdout
    assert shown["approved_by"] == approved["approved_by"]
    (listed,) = issues.json("issues", "list")["issues"]
    assert (listed["status"], listed["subject"]) == ("approved", issues.json("issues", "show", "2026-W47")["subject"])


def test_where_approval_is_automatic_composing_approves_a_sound_draft(engine: Engine, issues: Command) -> None:
    issues.settings["NEWSLETTER_APPROVAL"] = "automatic"
    launch(engine, "alpha", "SSS")
    assert issues.json("issues", "compose")["status"] == "approved"


def test_an_approval_can_be_held_to_what_was_rendered(engine: Engine, issues: Command) -> None:
    alpha = launch(engine, "alpha", "SSS")
    issues.json("issues", "compose")
    seen = issues.json("issues", "render", "2026-W47", "--to", "out")["content_hash"]
    set_take(engine, alpha, "builder", "skip")
    assert "changed since" in issues.refuses("issues", "approve", "2026-W47", "--expect", seen)
    fresh = issues.json("issues", "render", "2026-W47", "--to", "out")["content_hash"]
    assert issues.json("issues", "approve", "2026-W47", "--expect", fresh)["content_hash"] == fresh


def test_approving_tells_when_the_readership_jumped(engine: Engine, tmp_path: Path, issues: Command) -> None:
    alpha = launch(engine, "alpha", "SSS")
    readers = [add_reader(engine, f"reader-{n}@example.org") for n in range(2)]
    issues.json("issues", "compose")
    assert issues("issues", "approve", "2026-W47").stderr == ""
    publish_issue(engine, WEEK, load(issues.settings, tmp_path), NOW)
    move(engine, "sent")
    with transaction(engine) as connection:
        connection.execute(update(Subscriber).where(Subscriber.id == readers[0]).values(state="unsubscribed"))
    add_release(engine, alpha, week="2026-W48")
    issues.settings["NEWSLETTER_NOW"] = "2026-11-30T06:00:00Z"
    issues.json("issues", "compose")
    assert "One reader would get it, 2 got the last issue" in issues("issues", "approve", "2026-W48").stderr


def test_a_skipped_week_is_listed_without_the_number_that_the_next_one_has(engine: Engine, issues: Command) -> None:
    alpha = launch(engine, "alpha", "SSS")
    add_release(engine, alpha, week="2026-W48")
    for week in (WEEK, WEEK.next()):
        compose_issue(engine, week, load(issues.settings, issues.folder), NOW)
    cancel_issue(engine, WEEK, NOW)
    lines = [line.split() for line in issues("issues", "list").stdout.splitlines()[1:]]
    assert [line[:3] for line in lines] == [["2026-W48", "1", "draft"], ["2026-W47", "–", "cancelled"]]
    assert [row["number"] for row in issues.json("issues", "list")["issues"]] == [1, None]
    assert issues.json("issues", "show", "2026-W47")["number"] is None
    assert issues("issues", "show", "2026-W47").stdout.startswith("2026-W47 (cancelled): ")


def test_what_could_not_be_signed_is_not_published(engine: Engine, issues: Command) -> None:
    launch(engine, "alpha", "SSS")
    issues.json("issues", "compose")
    issues("issues", "approve", "2026-W47")
    issues.settings["NEWSLETTER_DKIM"] = "s1:example.com:gone.pem"
    assert "gone.pem cannot be read" in issues.refuses("issues", "send", "2026-W47")
    assert issues.json("issues", "show", "2026-W47")["status"] == "approved"


@pytest.mark.parametrize(
    ("name", "value"),
    [("PUBLIC_URL", "http://news.example.com"), ("SMTP", "smtp://ada:secret@relay.example.com?tls=off")],
)
def test_what_cannot_be_sent_as_it_is_set_up_is_not_published(
    name: str, value: str, engine: Engine, issues: Command
) -> None:
    launch(engine, "alpha", "SSS")
    issues.json("issues", "compose")
    issues("issues", "approve", "2026-W47")
    issues.settings[f"NEWSLETTER_{name}"] = value
    assert f"NEWSLETTER_{name}" in issues.refuses("issues", "send", "2026-W47")
    assert issues.json("issues", "show", "2026-W47")["status"] == "approved"


def test_what_cannot_be_done_is_one_line(issues: Command) -> None:
    assert "2026-W30" in issues.refuses("issues", "show", "2026-W30")
    assert "no week" in issues.refuses("issues", "render", "next", "--to", "out")
    assert "2026-W99" in issues.refuses("issues", "approve", "2026-W99")


def test_an_empty_week_or_time_is_none_and_not_the_usual_one(engine: Engine, issues: Command) -> None:
    launch(engine, "alpha", "SSS")
    assert "'' is no week" in issues.refuses("issues", "compose", "--week", "")
    assert "'' is no week" in issues.refuses("releases", "list", "--week", "")
    issues.json("issues", "compose")
    assert "--at must be a time" in issues.refuses("issues", "approve", "2026-W47", "--at", "")


def test_a_time_that_is_past_is_refused(engine: Engine, issues: Command) -> None:
    launch(engine, "alpha", "SSS")
    issues.json("issues", "compose")
    assert "is past" in issues.refuses("issues", "approve", "2026-W47", "--at", "2020-01-01T09:00")


def test_approving_again_without_a_time_keeps_the_one_there_is(engine: Engine, issues: Command) -> None:
    launch(engine, "alpha", "SSS")
    issues.json("issues", "compose")
    issues.json("issues", "approve", "2026-W47", "--at", "2026-11-24T09:00")
    assert issues.json("issues", "approve", "2026-W47")["send_at"] == "2026-11-24T09:00:00Z"
    assert issues.json("issues", "approve", "2026-W47", "--at", "2026-11-25T09:00")["send_at"] == "2026-11-25T09:00:00Z"
    assert issues.json("issues", "show", "2026-W47")["send_at"] == "2026-11-25T09:00:00Z"


def test_a_sponsor_is_added_voids_the_approval_and_can_be_taken_out(engine: Engine, issues: Command) -> None:
    launch(engine, "alpha", "SSS")
    issues.json("issues", "compose")
    issues.json("issues", "approve", "2026-W47", "--at", "2026-11-24T09:00")
    paid = {"name": "Example Hosting", "text": "Servers.", "url": "https://sponsor.example/"}
    words = [word for name, value in paid.items() for word in (f"--{name}", value)]
    assert issues.json("issues", "sponsor", "2026-W47", *words)["approval_voided"] is True
    shown = issues.json("issues", "show", "2026-W47")
    assert (shown["status"], shown["approved_by"], shown["send_at"]) == ("draft", None, None)
    assert shown["sponsors"] == [paid]
    issues.json("issues", "sponsor", "2026-W47", "--drop", "1")
    assert issues.json("issues", "show", "2026-W47")["sponsors"] == []
    assert issues("issues", "sponsor", "2026-W47", "--drop", "1", status=1).stderr.count("\n") == 1
    assert issues("issues", "sponsor", "2026-W47", "--name", "Alone", status=2).stdout == ""


@pytest.mark.parametrize("edit", [("drop", "1"), ("match", "1", "beta")])
def test_deciding_about_a_release_of_an_approved_issue_makes_it_a_draft_again(
    engine: Engine, issues: Command, edit: tuple[str, ...]
) -> None:
    launch(engine, "alpha", "SSS")
    launch(engine, "gamma", "SSS")
    add_tool(engine, "beta", "SSS")
    issues.json("issues", "compose")
    issues.json("issues", "approve", "2026-W47", "--at", "2026-11-24T09:00")
    said = issues("releases", *edit).stderr
    assert "draft again" in said
    shown = issues.json("issues", "show", "2026-W47")
    assert (shown["status"], shown["approved_by"], shown["send_at"]) == ("draft", None, None)
    advice = said.partition("`newsletter ")[2].partition("`")[0]
    issues(*advice.split())
    carried = {item["tool"] for item in issues.json("issues", "show", "2026-W47")["items"]}
    assert carried == ({"gamma"} if edit[0] == "drop" else {"beta", "gamma"})


def test_saying_again_whose_release_it_is_is_no_edit(engine: Engine, issues: Command) -> None:
    launch(engine, "alpha", "SSS")
    issues.json("issues", "compose")
    issues("issues", "approve", "2026-W47")
    assert issues("releases", "match", "1", "alpha").stderr == ""
    assert issues.json("issues", "show", "2026-W47")["status"] == "approved"


@pytest.mark.parametrize("edit", [("drop", "1"), ("match", "1", "beta")])
def test_a_release_of_a_sent_issue_stays_what_it_is(engine: Engine, issues: Command, edit: tuple[str, ...]) -> None:
    launch(engine, "alpha", "SSS")
    launch(engine, "beta", "SSS")
    issues.json("issues", "compose")
    move(engine, "sent")
    assert "which is sent" in issues.refuses("releases", *edit)
