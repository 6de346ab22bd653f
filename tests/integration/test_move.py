"""Moving from the embedded database to PostgreSQL: all of it, or nothing."""

import math
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, insert, select, text, update

from db.engine import make_engine, reading, transaction
from db.keys import newest_link_key
from db.latencies import Latency, add
from db.models import AuditEntry, Base, Issue, ReturnedMail, Sender, Subscriber, Tool
from db.outcome_log import OutcomeLog
from db.ownership import owner
from newsletter.clock import real_now
from newsletter.deliveries.read_receipt import read_receipt
from newsletter.editors.invite import add_editor
from newsletter.errors import NewsletterError, RefusedError
from newsletter.issues.approve import approve_issue
from newsletter.issues.publish import publish_issue
from newsletter.issues.render import render_issue
from newsletter.operations.move import move
from newsletter.settings import Settings, load
from newsletter.subscribers.erase import erase_address
from newsletter.subscribers.import_subscribers import add_confirmed
from tests.acceptance.command import Command
from tests.conftest import complete_environment
from tests.databases import PostgresServer
from tests.fakes.sample_week import NOW, READERS, WEEK, set_out
from tests.fakes.times import MONDAY
from tests.integration.sending import GONE, held, published, sent, statuses

pytestmark = pytest.mark.postgres


@pytest.fixture
def old(sqlite_url: str) -> Iterator[Engine]:
    engine = make_engine(sqlite_url)
    yield engine
    engine.dispose()


@pytest.fixture
def empty_url(postgres_server: PostgresServer) -> Iterator[str]:
    url = postgres_server.new_database(MONDAY, empty=True)
    yield url
    postgres_server.give_back(url)


@pytest.fixture
def new(empty_url: str) -> Iterator[Engine]:
    engine = make_engine(empty_url)
    yield engine
    engine.dispose()


@pytest.fixture
def settings(sqlite_url: str, tmp_path: Path) -> Settings:
    return load(complete_environment(sqlite_url), tmp_path)


def lived_in(engine: Engine, settings: Settings) -> None:
    """An installation in the middle of a sending, with an erased reader, a merged tool and odd bytes."""
    set_out(engine, settings)
    add_editor(engine, "ada@example.com", "operator", NOW)
    add_confirmed(engine, "gone@example.org", name="", consent_at=NOW, consent_source="form", now=NOW)
    erase_address(engine, "gone@example.org", now=NOW)
    approve_issue(engine, WEEK, "ada", settings, NOW)
    publish_issue(engine, WEEK, settings, NOW)
    with transaction(engine) as connection:
        first, last = connection.execute(select(func.min(Tool.id), func.max(Tool.id))).one()
        connection.execute(update(Tool).where(Tool.id == first).values(merged_into_id=last))
        connection.execute(
            insert(AuditEntry).values(at=NOW, who="ada", what="with and without", detail={"a": [1, "ü"]})
        )
        odd = {
            "at": NOW,
            "fingerprint": "f",
            "source": "odd\x00name",
            "kind": "ignored",
            "recipient": "b@example.org",
            "changed": False,
        }
        connection.execute(insert(ReturnedMail).values(**odd, raw=b"\x00\xff"))
        add(connection, [Latency("relay", 0.1, 7, 0.6), Latency("relay", math.inf, 1, 400.0)])


def contents(engine: Engine) -> dict[str, list[Any]]:
    with reading(engine) as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for table in Base.metadata.sorted_tables
            if table.name not in (Sender.__tablename__, AuditEntry.__tablename__)
        }


def test_everything_comes_over_and_the_old_database_stays(old: Engine, new: Engine, settings: Settings) -> None:
    lived_in(old, settings)
    before = contents(old)
    report = move(old, new, now=NOW)
    found = contents(new)
    assert contents(old) == before
    for name, rows in before.items():
        expected = [
            tuple(one.replace("\x00", "\ufffd") if isinstance(one, str) else one for one in row) for row in rows
        ]
        assert found[name] == sorted(expected, key=repr), name
    assert report.tables["subscribers"] == len(READERS)
    assert report.tables["deliveries"] == len(READERS)


def test_an_issue_that_had_no_readers_still_had_none(old: Engine, new: Engine, settings: Settings) -> None:
    published(old, settings, 0)
    move(old, new, now=NOW)
    assert "there was nobody who may be mailed" in (read_receipt(new, WEEK).nothing_yet or "")


def test_the_service_goes_on_where_it_was(old: Engine, new: Engine, settings: Settings) -> None:
    lived_in(old, settings)
    with reading(old) as connection:
        key = newest_link_key(connection)
        highest = connection.execute(select(func.max(Subscriber.id))).scalar_one()
    rendered = render_issue(old, WEEK, settings, email=READERS[0])
    move(old, new, now=NOW)
    with reading(new) as connection:
        assert newest_link_key(connection) == key, "links in mail that was sent go on working"
    assert render_issue(new, WEEK, settings, email=READERS[0]).message == rendered.message
    assert read_receipt(new, WEEK).counts == read_receipt(old, WEEK).counts
    add_confirmed(new, "later@example.org", name="", consent_at=NOW, consent_source="form", now=NOW)
    with reading(new) as connection:
        fresh = connection.execute(select(func.max(Subscriber.id))).scalar_one()
    assert fresh > highest + 1, "the id of somebody who was erased is never given again"
    with transaction(new) as connection:
        for name in ("issues", "audit", "letters", "tools"):
            column = text(f"nextval(pg_get_serial_sequence('{name}', 'id'))")
            table = Base.metadata.tables[name]
            following = connection.execute(select(column)).scalar_one()
            assert following > (connection.execute(select(func.max(table.c.id))).scalar() or 0), name


def test_what_a_killed_sender_had_decided_comes_over(old: Engine, new: Engine, settings: Settings) -> None:
    published(old, settings, 2)
    (one, _) = held(old, 2)
    OutcomeLog(old, GONE).append([sent(one)], NOW)
    move(old, new, now=NOW)
    assert [status for status, _ in statuses(new).values()] == ["sent", "sending"]


def test_an_initialised_target_is_empty_enough(old: Engine, postgres_url: str, settings: Settings) -> None:
    lived_in(old, settings)
    target = make_engine(postgres_url)
    move(old, target, now=NOW)
    with reading(old) as before, reading(target) as after:
        assert newest_link_key(before) == newest_link_key(after)
    with pytest.raises(RefusedError, match="is in use"):
        move(old, target, now=NOW)
    target.dispose()


def test_a_database_of_somebody_else_is_refused_and_left_alone(old: Engine, new: Engine) -> None:
    with transaction(new) as connection:
        connection.execute(text("CREATE TABLE invoices (id int)"))
    with pytest.raises(RefusedError, match="somebody else's table 'invoices'"):
        move(old, new, now=NOW)
    with reading(new) as connection:
        assert connection.execute(text("SELECT to_regclass('issues')")).scalar() is None


def test_a_running_service_is_not_left_behind(old: Engine, new: Engine, settings: Settings) -> None:
    lived_in(old, settings)
    with owner(old, real_now()), pytest.raises(RefusedError, match="the service is running"):
        move(old, new, now=NOW)
    with reading(new) as connection:
        assert connection.execute(select(func.count()).select_from(Issue)).scalar_one() == 0
    move(old, new, now=NOW + timedelta(minutes=1))


def test_what_fails_half_way_leaves_nothing_behind(old: Engine, new: Engine, settings: Settings) -> None:
    lived_in(old, settings)
    with transaction(old) as connection:
        connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        connection.exec_driver_sql("UPDATE deliveries SET status = 'nonsense' WHERE id = 2")
    with pytest.raises(NewsletterError, match="refused a row of deliveries: "):
        move(old, new, now=NOW)
    with reading(new) as connection:
        assert connection.execute(select(func.count()).select_from(Issue)).scalar_one() == 0


def test_the_command_takes_its_url_from_a_secret_file(
    old: Engine, empty_url: str, sqlite_url: str, settings: Settings, tmp_path: Path
) -> None:
    lived_in(old, settings)
    old.dispose()
    (tmp_path / "url").write_text(empty_url + "\n")
    command = Command(tmp_path, complete_environment(sqlite_url))
    document = command.json("move", "secret:url")
    assert document["tables"]["subscribers"] == len(READERS)
    moved = Command(tmp_path, complete_environment(empty_url))
    assert [issue["issue"] for issue in moved.json("issues", "list")["issues"]] == [str(WEEK)]
    assert "is in use" in command.refuses("move", "secret:url")
    assert "POSTGRES_URL must begin with" in command.refuses("move", "mysql://root@localhost/news")
    assert "only the embedded database is moved" in moved.refuses("move", sqlite_url)
