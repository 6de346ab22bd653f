"""Backing up while others write, and restoring nothing but a whole backup."""

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import Engine, delete, func, insert, select, text, update

from db import backups
from db.claims import claim
from db.engine import make_engine, reading, transaction
from db.events import add_webhook, events_after, newest_number, number_events, webhooks_due
from db.letters import add_letter
from db.migrate import _seed, current_revision, migrate, newest_revision
from db.models import AuditEntry, Consent, Issue, JobRun, Letter, Subscriber, Suppression, Webhook
from db.ownership import owner
from db.states import SubscriberState
from db.wal import empty_the_log
from newsletter.clock import real_now
from newsletter.errors import NewsletterError, RefusedError
from newsletter.operations.backup import RestoreReport, back_up, restore
from newsletter.settings import load
from newsletter.subscribers.erase import erase_address
from newsletter.subscribers.import_subscribers import add_confirmed, import_subscribers
from newsletter.subscribers.selections import Selection
from newsletter.subscribers.suppress import suppress_address
from newsletter.subscribers.unsubscribe import unsubscribe
from newsletter.subscribers.update_preferences import Preferences, find_subscriber, update_preferences
from tests.conftest import complete_environment
from tests.fakes.readership import states, stop, suppressed
from tests.fakes.times import MONDAY
from tests.integration.sending import published
from tests.integration.test_upgrades import REVISIONS, upgrade_to

Opened = Callable[[str], Engine]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Engines of files in the test's folder, which are closed at its end."""
    with ExitStack() as stack:

        def opened(name: str) -> Engine:
            engine = make_engine(f"sqlite:///{tmp_path}/{name}")
            stack.callback(engine.dispose)
            return engine

        yield opened


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    return sqlite_engine


def add_reader(engine: Engine, number: int) -> None:
    with transaction(engine) as connection:
        values = {"email": f"r{number}@example.org", "email_hash": str(number).encode(), "name": "x" * 300}
        connection.execute(insert(Subscriber).values(state="active", created_at=MONDAY, state_since=MONDAY, **values))


def readers(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(Subscriber)).scalar_one())


def put_in_place(engine: Engine, source: Path, now: datetime = MONDAY) -> RestoreReport:
    def erase(fresh: Engine, email: str) -> None:
        erase_address(fresh, email, now=MONDAY)

    return restore(engine, source, now=now, erase=erase)


def contents(engine: Engine) -> str:
    with reading(engine) as connection:
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        return "\n".join(raw.iterdump())


def test_a_backup_brings_back_what_was_there(engine: Engine, tmp_path: Path) -> None:
    add_reader(engine, 1)
    report = back_up(engine, tmp_path / "backup.db", now=MONDAY)
    add_reader(engine, 2)
    put_in_place(engine, tmp_path / "backup.db")
    assert readers(engine) == 1
    assert report.bytes == (tmp_path / "backup.db").stat().st_size


def test_a_backup_is_private_and_a_database_like_any_other(engine: Engine, tmp_path: Path) -> None:
    add_reader(engine, 1)
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    assert (tmp_path / "backup.db").stat().st_mode & 0o077 == 0
    opened = sqlite3.connect(tmp_path / "backup.db")
    assert opened.execute("SELECT email FROM subscribers").fetchall() == [("r1@example.org",)]
    opened.close()


def test_a_backup_takes_the_place_of_no_folder_and_no_device(engine: Engine, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(RefusedError, match="no file"):
            back_up(engine, tmp_path / name, now=MONDAY)
    assert (tmp_path / "pipe").is_fifo()


def test_a_backup_takes_the_place_of_older_ones_and_of_nothing_else_that_holds_anything(
    engine: Engine, tmp_path: Path
) -> None:
    target = tmp_path / "accounts"
    target.write_text("root:x:0:0:root:/root:/bin/sh")
    with pytest.raises(RefusedError, match="is there already and no backup"):
        back_up(engine, target, now=MONDAY)
    assert target.read_text() == "root:x:0:0:root:/root:/bin/sh"
    target.write_bytes(b"")
    back_up(engine, target, now=MONDAY)
    add_reader(engine, 1)
    back_up(engine, target, now=MONDAY)
    put_in_place(engine, target)
    assert readers(engine) == 1


def test_a_backup_during_writes_is_of_one_instant(engine: Engine, tmp_path: Path) -> None:
    stop = Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            with transaction(engine) as connection:  # a reader and an audit line, together or not at all
                values = {"email": f"r{number}@example.org", "email_hash": str(number).encode(), "name": "x" * 300}
                connection.execute(
                    insert(Subscriber).values(state="active", created_at=MONDAY, state_since=MONDAY, **values)
                )
                connection.execute(insert(AuditEntry).values(at=MONDAY, who="test", what="wrote"))
            number += 1

    writer = Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            back_up(engine, tmp_path / f"{number}.db", now=MONDAY)
    finally:
        stop.set()
        writer.join()
    for number in range(5):
        opened = sqlite3.connect(tmp_path / f"{number}.db")
        pair = opened.execute(
            "SELECT (SELECT count(*) FROM subscribers), (SELECT count(*) FROM audit WHERE what = 'wrote')"
        ).fetchone()
        assert pair[0] == pair[1]
        opened.close()


def cut(raw: bytes) -> bytes:
    return raw[: len(raw) // 2]


def cut_at_a_page(raw: bytes) -> bytes:
    return raw[:8192]


def without_seal(raw: bytes) -> bytes:
    return raw[: len(raw) // 4096 * 4096]


def one_bit(raw: bytes) -> bytes:
    middle = len(raw) // 2
    return raw[:middle] + bytes([raw[middle] ^ 1]) + raw[middle + 1 :]


def longer(raw: bytes) -> bytes:
    return raw + b"x"


def empty(raw: bytes) -> bytes:
    return b""


def words(raw: bytes) -> bytes:
    return b"this is no database at all" * 100


@pytest.mark.parametrize("damage", [cut, cut_at_a_page, without_seal, one_bit, longer, empty, words])
def test_what_is_no_whole_backup_is_refused_and_nothing_changes(
    engine: Engine, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    for number in range(50):
        add_reader(engine, number)
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    (tmp_path / "damaged.db").write_bytes(damage((tmp_path / "backup.db").read_bytes()))
    before = contents(engine)
    with pytest.raises(RefusedError, match="stays as it was"):
        put_in_place(engine, tmp_path / "damaged.db")
    assert contents(engine) == before


def test_somebody_elses_database_is_refused(engine: Engine, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE alembic_version (version_num TEXT)")
    other.commit()
    other.close()
    with pytest.raises(RefusedError):
        put_in_place(engine, tmp_path / "other.db")


def test_a_backup_of_a_newer_version_is_refused(tmp_path: Path, opened: Opened) -> None:
    newer = opened("newer.db")
    migrate(newer, MONDAY)
    with transaction(newer) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    back_up(newer, tmp_path / "backup.db", now=MONDAY)
    with pytest.raises(RefusedError, match="newer version"):
        put_in_place(opened("mine.db"), tmp_path / "backup.db")
    assert not (tmp_path / "mine.db").exists()


def test_a_backup_restores_where_there_is_no_database_yet(engine: Engine, tmp_path: Path, opened: Opened) -> None:
    add_reader(engine, 1)
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    fresh = opened("new/place/newsletter.db")
    put_in_place(fresh, tmp_path / "backup.db")
    assert readers(fresh) == 1


def test_what_a_killed_restoration_left_is_cleared_away(engine: Engine, tmp_path: Path) -> None:
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    name = Path(str(engine.url.database)).name
    numbers = (2**22 + 1, os.getpid())  # no process has the one; in a container this one has its predecessor's
    left = [tmp_path / f".{name}.{number}.restoring{rest}" for number in numbers for rest in ("", "-wal")]
    for path in left:
        path.touch()
    put_in_place(engine, tmp_path / "backup.db")
    assert not any(path.exists() for path in left)


def test_a_missing_database_or_place_is_one_clear_line(engine: Engine, tmp_path: Path, opened: Opened) -> None:
    with pytest.raises(NewsletterError, match="no newsletter database"):
        back_up(opened("none.db"), tmp_path / "b.db", now=MONDAY)
    with pytest.raises(NewsletterError, match="could not be written"):
        back_up(engine, tmp_path / "no" / "folder" / "b.db", now=MONDAY)
    with pytest.raises(NewsletterError, match="no file"):
        put_in_place(engine, tmp_path / "none.db")


def test_postgresql_is_left_to_its_own_tools(tmp_path: Path) -> None:
    engine = make_engine("postgresql+psycopg://nobody@/nothing")
    with pytest.raises(RefusedError, match="pg_dump"):
        back_up(engine, tmp_path / "b.db", now=MONDAY)


def test_a_database_that_is_broken_is_set_aside_and_replaced(engine: Engine, tmp_path: Path, opened: Opened) -> None:
    add_reader(engine, 1)
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    (tmp_path / "lost.db").write_bytes(b"what the disk left of it" * 500)
    lost = opened("lost.db")
    put_in_place(lost, tmp_path / "backup.db")
    assert readers(lost) == 1
    assert (tmp_path / "lost.db.broken").exists()


# Restoring


@pytest.mark.parametrize("damaged", ["issues", "audit", "sqlite_sequence"])
def test_who_left_stays_gone_where_other_pages_of_the_database_before_are_damaged(
    engine: Engine, tmp_path: Path, damaged: str
) -> None:
    readers_named(engine, "reads", "leaves")
    add_issue(engine, "2026-W41", 1, "approved")
    for name in ("earlier", "backup"):  # the second holds a line of the first in its log
        back_up(engine, tmp_path / f"{name}.db", now=MONDAY)
    leave(engine, "leaves")
    damage(engine, damaged)
    report = put_in_place(engine, tmp_path / "backup.db", now=MONDAY + timedelta(days=1))
    assert report.carried is not None
    assert (report.carried.left, report.carried.whole, report.held) == (1, False, ("2026-W41",))
    assert states(engine) == {"reads@example.org": "active", "leaves@example.org": "unsubscribed"}


def test_a_database_whose_keys_are_damaged_is_not_taken_for_another_installation_s(
    engine: Engine, tmp_path: Path
) -> None:
    readers_named(engine, "reads")
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    damage(engine, "keys")
    assert put_in_place(engine, tmp_path / "backup.db").carried is None
    assert states(engine) == {"reads@example.org": "active"}


def damage(engine: Engine, table: str) -> None:
    """The first page of a table."""
    with transaction(engine) as connection:
        page = connection.scalar(text("SELECT rootpage FROM sqlite_master WHERE name = :table"), {"table": table})
        size = connection.scalar(text("PRAGMA page_size"))
    empty_the_log(engine)
    engine.dispose()
    assert page is not None
    assert size is not None
    with open(str(engine.url.database), "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


def readers_named(engine: Engine, *names: str) -> None:
    for name in names:
        email = f"{name}@example.org"
        add_confirmed(engine, email, name="", consent_at=MONDAY, consent_source="form", now=MONDAY)


def leave(engine: Engine, name: str) -> None:
    found = find_subscriber(engine, f"{name}@example.org")
    assert found is not None
    unsubscribe(engine, found["id"], now=MONDAY)


def test_who_left_since_the_backup_is_not_mailed_again(engine: Engine, tmp_path: Path) -> None:
    readers_named(engine, "reads", "leaves", "complains", "erased", "back")
    leave(engine, "back")
    stop(engine, "listed@example.org", SubscriberState.BOUNCED, MONDAY)
    suppress_address(engine, "manual@example.org", now=MONDAY)
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    readers_named(engine, "came")
    for name in ("leaves", "came"):
        leave(engine, name)
    stop(engine, "complains@example.org", SubscriberState.COMPLAINED, MONDAY)
    suppress_address(engine, "later@example.org", now=MONDAY)
    for email in ("erased@example.org", "listed@example.org"):
        erase_address(engine, email, now=MONDAY)
    report = put_in_place(engine, tmp_path / "backup.db")
    assert states(engine) == {
        "reads@example.org": "active", "leaves@example.org": "unsubscribed", "complains@example.org": "complained",
        "back@example.org": "unsubscribed",
    }  # fmt: skip
    assert suppressed(engine) == {
        "complains@example.org": "complained", "later@example.org": "manual", "manual@example.org": "manual",
        "came@example.org": "unsubscribed", None: "erased",
    }  # fmt: skip
    assert report.carried is not None
    assert (report.carried.left, report.carried.erased) == (2, ["erased@example.org", "listed@example.org"])
    engine.dispose()
    for path in tmp_path.glob("newsletter.db*"):
        assert not path.is_file() or b"erased@example.org" not in path.read_bytes()
    list_of_before = [f"{name}@example.org,2026-01-01,form\n" for name in ("erased", "came", "leaves", "listed")]
    lines = ["email,consent_at,consent_source\n", *list_of_before]
    assert import_subscribers(engine, lines, now=MONDAY, latest=MONDAY).imported == 0


def choose(engine: Engine, name: str, selection: Selection, pause_weeks: int | None = None) -> None:
    wanted = Preferences("Ada", selection, "html", pause_weeks)
    with reading(engine) as connection:
        number = connection.execute(select(Subscriber.id).where(Subscriber.email == f"{name}@example.org")).scalar_one()
    update_preferences(engine, number, wanted, now=MONDAY)


def choices(engine: Engine) -> dict[str, tuple[Selection, datetime | None]]:
    with reading(engine) as connection:
        found = connection.execute(select(Subscriber.email, Subscriber.selection, Subscriber.paused_until))
        return {row.email.split("@")[0]: (Selection.parse(row.selection), row.paused_until) for row in found}


def test_who_chose_less_since_the_backup_gets_no_more_again(engine: Engine, tmp_path: Path) -> None:
    readers_named(engine, "fewer", "other", "more", "higher", "rests", "woke", "same")
    editors = Selection(("Editors",))
    for name in ("other", "more"):
        choose(engine, name, editors)
    choose(engine, "woke", Selection(), 8)
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    choose(engine, "fewer", editors)
    choose(engine, "other", Selection(("Agents",)))
    choose(engine, "more", Selection())
    choose(engine, "higher", Selection(min_ship_percent=60))
    choose(engine, "rests", Selection(), 4)
    choose(engine, "woke", Selection(), 0)
    report = put_in_place(engine, tmp_path / "backup.db")
    assert report.carried is not None
    assert report.carried.chose_less == 4
    assert choices(engine) == {
        "fewer": (editors, None),
        "other": (Selection(("Agents",)), None),
        "more": (editors, None),
        "higher": (Selection(min_ship_percent=60), None),
        "rests": (Selection(), MONDAY + timedelta(weeks=4)),
        "woke": (Selection(), MONDAY + timedelta(weeks=8)),
        "same": (Selection(), None),
    }


def test_choices_of_an_older_database_do_not_count_against_a_newer_backup(engine: Engine, tmp_path: Path) -> None:
    readers_named(engine, "x")
    choose(engine, "x", Selection(("Editors",)), 4)
    back_up(engine, tmp_path / "older.db", now=MONDAY)
    choose(engine, "x", Selection(), 0)
    back_up(engine, tmp_path / "newer.db", now=MONDAY)
    for name in ("older", "newer"):
        put_in_place(engine, tmp_path / f"{name}.db")
    assert choices(engine) == {"x": (Selection(), None)}


def test_ids_that_were_given_since_the_backup_are_given_to_nobody_else(engine: Engine, tmp_path: Path) -> None:
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    readers_named(engine, "since")
    since = find_subscriber(engine, "since@example.org")
    put_in_place(engine, tmp_path / "backup.db")
    readers_named(engine, "later")
    later = find_subscriber(engine, "later@example.org")
    assert since is not None
    assert later is not None
    assert later["id"] > since["id"], "the links of the one are not those of the other"


def test_who_follows_the_events_misses_none_and_hears_none_twice(engine: Engine, tmp_path: Path) -> None:
    readers_named(engine, "leaves", "reads")
    leave(engine, "leaves")
    with transaction(engine) as connection:
        add_webhook(connection, "crm", "https://crm.example", b"", ["unsubscribed"], MONDAY)
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    leave(engine, "reads")
    with transaction(engine) as connection:
        number_events(connection)
        told = newest_number(connection)
        connection.execute(update(Webhook).values(after=told))
    put_in_place(engine, tmp_path / "backup.db")
    with reading(engine) as connection:
        assert [event.what for event in events_after(connection, told - 1, 10)] == ["unsubscribed"]
        assert webhooks_due(connection, MONDAY) == []
    readers_named(engine, "later")
    leave(engine, "later")
    with transaction(engine) as connection:
        number_events(connection)
        assert [event.email for event in events_after(connection, told, 10, ["unsubscribed"])] == ["later@example.org"]
        assert [hook.name for hook in webhooks_due(connection, MONDAY)] == ["crm"]


def test_a_letter_that_went_out_since_the_backup_does_not_go_out_again(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as connection:
        ids = [
            add_letter(connection, "test", f"{name}@example.org", {}, MONDAY, MONDAY)
            for name in ("sent", "failed", "waits", "another")
        ]
        connection.execute(update(Letter).where(Letter.id == ids[0]).values(status="sending", lease_owner="gone"))
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    with transaction(engine) as connection:
        for letter_id, values in zip(
            ids, ({"status": "sent"}, {"status": "failed"}, {}, {"status": "sent", "email": "else@example.org"}),
            strict=True,
        ):  # fmt: skip
            connection.execute(update(Letter).where(Letter.id == letter_id).values(finished_at=MONDAY, **values))
    put_in_place(engine, tmp_path / "backup.db")
    with reading(engine) as connection:
        found = connection.execute(select(Letter.email, Letter.status, Letter.lease_owner).order_by(Letter.id)).all()
    assert [tuple(one) for one in found] == [
        ("sent@example.org", "sent", None), ("failed@example.org", "failed", None),
        ("waits@example.org", "queued", None), ("another@example.org", "queued", None),
    ]  # fmt: skip


def add_issue(engine: Engine, week: str, number: int, status: str) -> None:
    with transaction(engine) as connection:
        times = {"starts_at": MONDAY, "ends_at": MONDAY, "composed_at": MONDAY, "updated_at": MONDAY}
        connection.execute(insert(Issue).values(week=week, number=number, status=status, **times))


def statuses(engine: Engine) -> dict[str, str]:
    with reading(engine) as connection:
        return {row.week: row.status for row in connection.execute(select(Issue.week, Issue.status))}


def test_what_went_on_since_the_backup_waits_for_a_person(engine: Engine, tmp_path: Path) -> None:
    for number, status in enumerate(("sent", "sending", "approved", "draft", "approved"), 1):
        add_issue(engine, f"2026-W4{number}", number, status)
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    due = {"owner": "me", "lease_until": MONDAY, "started_at": MONDAY, "scheduled_for": MONDAY}
    with transaction(engine) as connection:
        for week, status in (("2026-W42", "sent"), ("2026-W43", "sending"), ("2026-W44", "sent")):
            gone_on = update(Issue).where(Issue.week == week)
            connection.execute(gone_on.values(status=status, started_at=MONDAY))
        connection.execute(insert(JobRun).values(job="send", status="done", **due))
        connection.execute(insert(JobRun).values(job="compose", status="running", **due))
    report = put_in_place(engine, tmp_path / "backup.db")
    assert statuses(engine) == {
        "2026-W41": "sent", "2026-W42": "sent", "2026-W43": "paused", "2026-W44": "sent", "2026-W45": "approved",
    }  # fmt: skip
    assert report.held == ("2026-W43",)
    assert report.carried is not None
    assert report.carried.sent == [], "all of them are known"
    with reading(engine) as connection:
        runs = connection.execute(select(JobRun.job, JobRun.status)).all()
    assert sorted(tuple(run) for run in runs) == [("compose", "missed"), ("send", "done")], "nothing is done again"


@pytest.mark.parametrize(("age", "status"), [(timedelta(minutes=5), "approved"), (timedelta(hours=9), "draft")])
def test_where_nothing_is_left_to_ask_an_old_backup_sends_nothing_by_itself(
    engine: Engine, tmp_path: Path, opened: Opened, age: timedelta, status: str
) -> None:
    add_issue(engine, "2026-W41", 1, "approved")
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    fresh = opened("new/newsletter.db")
    restore(fresh, tmp_path / "backup.db", now=MONDAY + age, erase=lambda engine, email: None)
    assert statuses(fresh) == {"2026-W41": status}


def test_an_approval_that_was_given_anew_since_is_not_the_backup_s(engine: Engine, tmp_path: Path) -> None:
    add_issue(engine, "2026-W41", 1, "approved")
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    with transaction(engine) as connection:
        connection.execute(update(Issue).values(revision=2, send_at=MONDAY))
    assert put_in_place(engine, tmp_path / "backup.db").held == ("2026-W41",)


def test_a_draft_that_is_gone_with_the_old_database_is_composed_anew(engine: Engine, tmp_path: Path) -> None:
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    add_issue(engine, "2026-W41", 1, "draft")
    due = {"owner": "me", "lease_until": MONDAY, "started_at": MONDAY, "scheduled_for": MONDAY}
    with transaction(engine) as connection:
        connection.execute(insert(JobRun).values(job="compose", status="done", **due))
    put_in_place(engine, tmp_path / "backup.db")
    with reading(engine) as connection:
        assert connection.execute(select(JobRun.job)).all() == []


def test_an_older_database_takes_nobody_away_from_a_newer_backup(engine: Engine, tmp_path: Path) -> None:
    readers_named(engine, "back")
    leave(engine, "back")
    stop(engine, "back@example.org", SubscriberState.BOUNCED, MONDAY)
    back_up(engine, tmp_path / "older.db", now=MONDAY)
    with transaction(engine) as connection:
        connection.execute(update(Subscriber).values(state="active", state_since=MONDAY + timedelta(days=1)))
        connection.execute(delete(Suppression))
    back_up(engine, tmp_path / "newer.db", now=MONDAY)
    for name in ("older", "newer"):
        put_in_place(engine, tmp_path / f"{name}.db")
    assert (states(engine), suppressed(engine)) == ({"back@example.org": "active"}, {})


@pytest.mark.parametrize("erased", ["since", "before"])
def test_whoever_was_erased_and_signed_up_anew_is_who_they_are_since(
    engine: Engine, tmp_path: Path, erased: str
) -> None:
    readers_named(engine, "x", "gone")
    if erased == "before":
        erase_address(engine, "x@example.org", now=MONDAY)
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    erase_address(engine, "x@example.org", now=MONDAY)
    with transaction(engine) as connection:
        connection.execute(delete(Suppression))
    erase_address(engine, "gone@example.org", now=MONDAY)
    readers_named(engine, "x")
    since = find_subscriber(engine, "x@example.org")
    put_in_place(engine, tmp_path / "backup.db")
    back = find_subscriber(engine, "x@example.org")
    assert since is not None
    assert back is not None
    assert (back["id"], states(engine)) == (since["id"], {"x@example.org": "active"})
    assert suppressed(engine) == {None: "erased"}, "the other one stays erased"
    with reading(engine) as connection:
        assert connection.scalars(select(Consent.subscriber_id)).all() == [back["id"]]


def test_another_installation_s_database_tells_nothing_to_the_restored_one(
    engine: Engine, tmp_path: Path, opened: Opened
) -> None:
    readers_named(engine, "reads")
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    other = opened("other.db")
    migrate(other, MONDAY)
    suppress_address(other, "reads@example.org", now=MONDAY)
    report = put_in_place(other, tmp_path / "backup.db")
    assert (report.replaced, report.carried, suppressed(other)) == (True, None, {})


def test_a_backup_that_was_looked_into_is_whole(engine: Engine, tmp_path: Path, opened: Opened) -> None:
    readers_named(engine, "reads")
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    before = (tmp_path / "backup.db").read_bytes()
    looked = opened("backup.db")
    assert current_revision(looked) == newest_revision()
    assert states(looked) == {"reads@example.org": "active"}
    looked.dispose()
    assert (tmp_path / "backup.db").read_bytes() == before


def test_a_backup_of_another_installation_gives_way_to_none(engine: Engine, tmp_path: Path, opened: Opened) -> None:
    other, copy = opened("other.db"), tmp_path / "copy.db"
    migrate(other, MONDAY)
    back_up(other, copy, now=MONDAY)
    before = copy.read_bytes()
    with pytest.raises(RefusedError, match=r"copy\.db is the backup of another installation; name another file"):
        back_up(engine, copy, now=MONDAY)
    assert copy.read_bytes() == before
    back_up(other, copy, now=MONDAY)


def test_what_another_installation_holds_gives_way_to_no_backup_until_somebody_moves_it(
    engine: Engine, tmp_path: Path, opened: Opened
) -> None:
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    other = opened("other.db")
    migrate(other, MONDAY)
    readers_named(other, "theirs")
    with pytest.raises(
        RefusedError, match=r"not the database that .*backup.db is a backup of.* move .*other.db\* away"
    ):
        put_in_place(other, tmp_path / "backup.db")
    assert states(other) == {"theirs@example.org": "active"}
    other.dispose()
    for path in tmp_path.glob("other.db*"):
        path.rename(tmp_path / f"moved-{path.name}")
    put_in_place(other, tmp_path / "backup.db")
    assert states(other) == {}


def test_a_database_of_another_program_gives_way_to_no_backup(engine: Engine, tmp_path: Path, opened: Opened) -> None:
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    accounts = opened("accounts.db")
    with transaction(accounts) as connection:
        connection.execute(text("CREATE TABLE accounts (name TEXT)"))
    with pytest.raises(RefusedError, match="is not empty"):
        put_in_place(accounts, tmp_path / "backup.db")


def test_nothing_is_restored_while_somebody_sends(engine: Engine, sqlite_url: str, tmp_path: Path) -> None:
    published(engine, load(complete_environment(sqlite_url), tmp_path), 5)
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    with owner(engine, real_now()) as me:
        with transaction(engine) as connection:
            claim(connection, 1, me.name, real_now(), real_now() + timedelta(minutes=5), 2)
        with pytest.raises(RefusedError, match="is being sent"):
            put_in_place(engine, tmp_path / "backup.db")
    put_in_place(engine, tmp_path / "backup.db")


def test_what_is_restored_is_its_owner_s_alone_and_a_failure_leaves_nothing(
    engine: Engine, tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    fresh = opened("new/newsletter.db")
    monkeypatch.setattr("db.backups._pour", failing_at_last(backups._pour))
    with pytest.raises(NewsletterError, match="could not be replaced"):
        put_in_place(fresh, tmp_path / "backup.db")
    assert list((tmp_path / "new").iterdir()) == []
    monkeypatch.undo()
    before = os.umask(0o022)
    try:
        put_in_place(fresh, tmp_path / "backup.db")
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o077 for path in (tmp_path / "new").glob("newsletter.db*")] != []
    assert not any(path.stat().st_mode & 0o077 for path in (tmp_path / "new").iterdir())


def test_a_read_only_disk_is_one_clear_line(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    back_up(engine, tmp_path / "backup.db", now=MONDAY)

    def refuse(*_: object, **__: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("db.backups.os.open", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)  # of what is not there, too
    with pytest.raises(NewsletterError, match="could not be written"):
        back_up(engine, tmp_path / "another.db", now=MONDAY)
    with pytest.raises(NewsletterError, match="could not be replaced"):
        put_in_place(engine, tmp_path / "backup.db")


def test_a_full_disk_is_named_with_what_is_on_it(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(engine, tmp_path / "backup.db", now=MONDAY)

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("db.backups.seal", full)
    with pytest.raises(NewsletterError, match=r"to .*/another\.db: database or disk is full; make room on its disk$"):
        back_up(engine, tmp_path / "another.db", now=MONDAY)
    monkeypatch.setattr("db.backups._pour", full)
    with pytest.raises(NewsletterError, match=r"stays as it was: database or disk is full; make room on its disk$"):
        put_in_place(engine, tmp_path / "backup.db")


def failing_at_last(pour: Callable[[str, Path], None]) -> Callable[[str, Path], None]:
    def poured(source: str, target: Path) -> None:
        if target.name == "newsletter.db":
            raise sqlite3.OperationalError("disk I/O error")
        pour(source, target)

    return poured


def test_weeks_that_an_older_schema_holds_as_sent_are_named(engine: Engine, tmp_path: Path) -> None:
    add_issue(engine, "2026-W41", 1, "approved")
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    with transaction(engine) as connection:
        connection.execute(update(Issue).values(status="sent", started_at=MONDAY))
        connection.execute(text("UPDATE alembic_version SET version_num = '0009'"))
    report = put_in_place(engine, tmp_path / "backup.db")
    assert report.carried is not None
    assert (report.carried.sent, report.held) == (["2026-W41"], ("2026-W41",))


def test_a_backup_of_the_first_schema_comes_back_at_the_newest(tmp_path: Path, opened: Opened) -> None:
    engine = opened("old.db")
    upgrade_to(engine, REVISIONS[0])
    with transaction(engine) as connection:
        _seed(connection, MONDAY)
    add_reader(engine, 1)
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    with transaction(engine) as connection:
        connection.execute(update(Subscriber).values(state="complained"))
    report = put_in_place(engine, tmp_path / "backup.db")
    assert (report.schema, current_revision(engine)) == (REVISIONS[-1], REVISIONS[-1])
    assert states(engine) == {"r1@example.org": "complained"}
