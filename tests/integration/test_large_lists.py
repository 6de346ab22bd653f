"""What is looked at all the time, by commands, pages and monitoring, does not go through a million rows."""

import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, insert, select, update

from db import status
from db.engine import reading, transaction
from db.issues import issue_of_week
from db.material import issue_material
from db.models import Delivery, Issue, Release, Subscriber
from db.receipts import deferrals
from db.releases import count_unmatched, list_releases
from db.returned_mail import returned_of
from db.states import BounceKind, DeliveryStatus
from db.tools import tools_by_slug, update_tool
from db.wal import empty_the_log
from newsletter import settings as settings_module
from newsletter.deliveries import receive
from newsletter.deliveries.read_receipt import read_receipt
from newsletter.deliveries.receive import count_refusals
from newsletter.issues.compose import compose_issue
from newsletter.issues.publish import publish_issue
from newsletter.issues.render import read_issue
from newsletter.settings import Settings
from newsletter.tools.reading import GivenTake, read_take
from newsletter.verdicts.record import record_take
from scheduler.engine import Context
from scheduler.jobs import send_what_is_due
from tests.acceptance.command import Command
from tests.conftest import complete_environment, one_database
from tests.fakes.browser import Browser
from tests.fakes.editors_room import Room
from tests.fakes.plans import plans_for
from tests.fakes.sample_week import NOW, WEEK, release
from tests.fakes.smtp_sink import Sink
from tests.integration.sending import published, standing, subscribe, with_relays


@pytest.fixture
def issue_id(sqlite_engine: Engine, sqlite_settings: Settings) -> int:
    return published(sqlite_engine, sqlite_settings, 120)


@pytest.fixture
def sqlite_settings(sqlite_url: str, tmp_path: Path) -> Settings:
    return settings_module.load(complete_environment(sqlite_url), tmp_path)


def refuse(engine: Engine, reply: str) -> None:
    with transaction(engine) as connection:
        values = {"status": "failed", "code": 552, "reply": reply, "finished_at": NOW}
        connection.execute(update(Delivery).values(**values))


def rows_read(steps: list[str]) -> list[str]:
    """Of the steps those that go through the rows of the ledger rather than through an index of it."""
    return [step for step in steps if "COVERING" not in step and "ix_deliveries_" not in step]


def test_counts_of_an_issue_come_from_indexes_alone(sqlite_engine: Engine, issue_id: int) -> None:
    with plans_for(sqlite_engine, "deliveries") as steps, reading(sqlite_engine) as connection:
        counted = status.delivery_counts(connection, [issue_id])
        returned = returned_of(connection, issue_id, BounceKind.HARD)
    assert counted[issue_id] == dict.fromkeys(map(str, DeliveryStatus), 0) | {"queued": 120}
    assert returned == (0, 0)
    assert rows_read(steps) == []


@one_database
def test_the_desk_counts_the_last_issue_from_indexes_alone(room: Room) -> None:
    ada = room.editor()
    room.approve()
    publish_issue(room.engine, WEEK, room.settings, NOW)
    with transaction(room.engine) as connection:
        connection.execute(update(Issue).values(status="sent"))
    with plans_for(room.engine, "deliveries") as steps:
        assert ada.open("/editor").status_code == 200
    assert steps
    assert rows_read(steps) == []


def test_what_relays_refused_is_found_by_its_index(sqlite_engine: Engine, issue_id: int) -> None:
    refuse(sqlite_engine, "5.2.2 mailbox full")
    with plans_for(sqlite_engine, "deliveries") as steps:
        count_refusals(sqlite_engine, now=NOW)
    assert any("ix_deliveries_missed" in step for step in steps)
    assert rows_read(steps) == []


def test_others_write_between_the_refusals_of_a_large_list(engine: Engine, settings: Settings) -> None:
    published(engine, settings, 120)
    refuse(engine, "5.2.2 mailbox full")
    sizes: list[int] = []

    @event.listens_for(engine, "commit")
    def _(_connection: Any) -> None:
        sizes.append(0)

    @event.listens_for(engine, "before_cursor_execute")
    def _(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if sizes and statement.startswith("UPDATE subscribers"):
            sizes[-1] += 1

    sizes.append(0)
    assert count_refusals(engine, now=NOW) == 0
    assert sum(sizes) == 120
    assert max(sizes) == 50


def test_refusals_are_looked_at_where_there_are_new_ones_and_then_at_these(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tail of a sending is a round every second, for as long as some wait for another try."""
    looks: list[datetime | None] = []
    monkeypatch.setattr(receive, "count_refusals", lambda *_, since, **__: looks.append(since))
    with Sink() as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, 3)
        sink.refusing("reader1@example.org", "552 5.2.2 mailbox full")
        sink.refusing("reader2@example.org", "451 4.7.1 greylisted")
        context = Context(engine, here, standing(), Event(), "a-service")
        for _ in range(3):
            send_what_is_due(context)
        assert looks == [None]
        with transaction(engine) as connection:  # what another process saw
            connection.execute(update(Delivery).where(Delivery.status == "deferred").values(status="failed"))
        send_what_is_due(context)
    assert len(looks) == 2
    assert looks[1] is not None
    assert timedelta() < standing().now() - looks[1] < timedelta(hours=1)


def test_older_refusals_are_not_counted_again(engine: Engine, settings: Settings) -> None:
    published(engine, settings, 3)
    refuse(engine, "5.2.2 mailbox full")

    def streaks() -> int:
        with reading(engine) as connection:
            return connection.scalar(select(func.sum(Subscriber.soft_bounces))) or 0

    count_refusals(engine, now=NOW, since=NOW)
    assert streaks() == 0
    count_refusals(engine, now=NOW, since=NOW - timedelta(minutes=1))
    assert streaks() == 3


def test_monitoring_and_a_receipt_find_what_waits_by_indexes(sqlite_engine: Engine, issue_id: int) -> None:
    with plans_for(sqlite_engine, "letters") as steps, reading(sqlite_engine) as connection:
        assert status.letters_waiting(connection) == 0
    assert [step for step in steps if "ix_letters_" not in step] == []
    with plans_for(sqlite_engine, "deliveries") as steps, reading(sqlite_engine) as connection:
        assert status.oldest_waiting(connection) == standing().now()
        assert deferrals(connection, issue_id) == []
    assert steps
    assert rows_read(steps) == []


@one_database
def test_a_receipt_that_is_watched_reads_no_more_failures_than_it_shows(room: Room) -> None:
    ada = room.editor()
    room.approve()
    publish_issue(room.engine, WEEK, room.settings, NOW)
    subscribe(room.engine, 1200)
    row = {"issue_id": room.issue.id, "name": "", "format": "html", "selection": "", "link_key_id": 1}
    with transaction(room.engine) as connection:
        rows = [row | {"subscriber_id": n, "email": f"r{n}@example.org", "status": "failed"} for n in range(900, 2100)]
        connection.execute(insert(Delivery), rows)
    read: list[int] = []

    @event.listens_for(room.engine, "after_cursor_execute")
    def _(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        read.append(int("deliveries.reply, deliveries.finished_at" in statement))

    page = ada.open(f"/editor/issues/{WEEK}/receipt/now").text
    assert page.count("@example.org</th>") == 500
    assert "700 more:" in page
    assert sum(read) == 1
    assert len(read_receipt(room.engine, WEEK).failures) == 1200


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["lines", "json"])
def test_a_list_that_nobody_reads_on_holds_nothing(
    sqlite_engine: Engine, sqlite_url: str, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """In a pager it stands for hours: the database's log would grow all the while, and keep what was erased."""
    subscribe(sqlite_engine, 20_000)
    command = [sys.executable, "-m", "newsletter.cli.main", "subscribers", "list", *options]
    settings = os.environ | complete_environment(sqlite_url)
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path, env=settings) as pager:
        assert pager.stdout is not None
        pager.stdout.readline()
        subscribe(sqlite_engine, 1, start=20_000)
        assert empty_the_log(sqlite_engine)
        rest = pager.stdout.read()
    assert pager.returncode == 0
    assert rest.count(b"@example.org") >= 20_000 - 1


@one_database
def test_lists_are_whole_documents_however_long(engine: Engine, database_url: str, tmp_path: Path) -> None:
    command = Command(tmp_path, complete_environment(database_url))
    assert command.json("subscribers", "list") == {"subscribers": []}
    assert command.json("suppressions", "list") == {"suppressions": []}
    assert command.json("releases", "list") == {"releases": []}
    subscribe(engine, 4500)
    listed = command.json("subscribers", "list")["subscribers"]
    assert listed[0] == {"email": "reader0@example.org", "state": "active"}
    assert len({one["email"] for one in listed}) == 4500
    assert command.json("subscribers", "list", "--state", "pending") == {"subscribers": []}
    assert command("subscribers", "list").stdout.count("\n") == 4500


def test_a_draft_is_made_of_its_own_tools_and_of_those_that_changed(room: Room) -> None:
    """After some years nearly every tool of the catalogue has been in an issue."""
    room.approve()
    publish_issue(room.engine, WEEK, room.settings, NOW)
    later = NOW + timedelta(days=7)
    with transaction(room.engine) as connection:
        known = tools_by_slug(connection, ["inkwell", "pagewright"])
        again = release("Inkwell 2", "https://launches.example/inkwell-2", week=str(WEEK.next()))
        again |= {"tool_id": known["inkwell"].id, "status": "matched", "first_seen_at": later, "published_at": later}
        connection.execute(insert(Release).values(**again))
    compose_issue(room.engine, WEEK.next(), room.settings, later)

    def made_of() -> set[str]:
        with reading(room.engine) as connection:
            draft = issue_of_week(connection, str(WEEK.next()))
            assert draft is not None
            return {tool.slug for tool in issue_material(connection, draft).tools}

    assert made_of() == {"inkwell"}
    take = read_take("builder", {"call": "skip", "text": "Not any more."})
    assert isinstance(take, GivenTake)
    record_take(room.engine, "curly", take, later)
    assert made_of() == {"inkwell", "curly"}
    with transaction(room.engine) as connection:
        update_tool(connection, known["pagewright"].id, {"pricing": "From $9"}, later)
    assert made_of() == {"inkwell", "curly", "pagewright"}
    changed = read_issue(room.engine, WEEK.next(), room.settings)[1].changed
    assert {tool.slug for tool in changed} == {"curly", "pagewright"}


def test_what_an_issue_is_called_is_read_once(sent: Browser, engine: Engine) -> None:
    """PostgreSQL goes through all of an issue's document for two words of it: a page of the archive took 0.2 s."""
    pages = ("/issues", "/tools/curly")
    assert all(f"/issues/{WEEK}" in sent.get(page).text for page in pages)
    read: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def _(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        read.append(statement)

    assert all(f"/issues/{WEEK}" in sent.get(page).text for page in pages)
    assert read
    assert [statement for statement in read if "issue_contents.content" in statement.replace("content_hash", "")] == []


@one_database
def test_dropping_from_a_long_queue_looks_at_nothing_else_that_waits(room: Room) -> None:
    ada = room.editor()
    ada.open()
    with reading(room.engine) as connection:
        before = count_unmatched(connection)
        first = list_releases(connection, status="unmatched", limit=1)[0]
    read: list[str] = []

    @event.listens_for(room.engine, "before_cursor_execute")
    def _(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        read.append(statement)

    assert ada.press("drop", f"/editor/queue/{first.id}").status_code == 303
    with reading(room.engine) as connection:
        assert count_unmatched(connection) == before - 1
    assert read
    assert [statement for statement in read if "tools.name_key" in statement or "issue_verdicts" in statement] == []
