"""Backing up while others write, and restoring nothing but a whole backup."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import Engine, func, insert, select

from db.engine import make_engine, reading, transaction
from db.migrate import migrate
from db.models import AuditEntry, Subscriber
from newsletter.errors import NewsletterError, RefusedError
from newsletter.operations.backup import back_up, restore
from tests.fakes.times import MONDAY


@pytest.fixture
def engine(sqlite_url: str) -> Engine:
    return make_engine(sqlite_url)


def add_reader(engine: Engine, number: int) -> None:
    with transaction(engine) as connection:
        values = {"email": f"r{number}@example.org", "email_hash": str(number).encode(), "name": "x" * 300}
        connection.execute(insert(Subscriber).values(state="active", created_at=MONDAY, state_since=MONDAY, **values))


def readers(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(Subscriber)).scalar_one())


def contents(engine: Engine) -> str:
    with reading(engine) as connection:
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        return "\n".join(raw.iterdump())


def test_a_backup_brings_back_what_was_there(engine: Engine, tmp_path: Path) -> None:
    add_reader(engine, 1)
    report = back_up(engine, tmp_path / "backup.db", now=MONDAY)
    add_reader(engine, 2)
    restore(engine, tmp_path / "backup.db")
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


def text(raw: bytes) -> bytes:
    return b"this is no database at all" * 100


@pytest.mark.parametrize("damage", [cut, cut_at_a_page, without_seal, one_bit, longer, empty, text])
def test_what_is_no_whole_backup_is_refused_and_nothing_changes(
    engine: Engine, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    for number in range(50):
        add_reader(engine, number)
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    (tmp_path / "damaged.db").write_bytes(damage((tmp_path / "backup.db").read_bytes()))
    before = contents(engine)
    with pytest.raises(RefusedError, match="stays as it was"):
        restore(engine, tmp_path / "damaged.db")
    assert contents(engine) == before


def test_somebody_elses_database_is_refused(engine: Engine, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE alembic_version (version_num TEXT)")
    other.commit()
    other.close()
    with pytest.raises(RefusedError):
        restore(engine, tmp_path / "other.db")


def test_a_backup_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    newer = make_engine(f"sqlite:///{tmp_path}/newer.db")
    migrate(newer, MONDAY)
    with transaction(newer) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    back_up(newer, tmp_path / "backup.db", now=MONDAY)
    with pytest.raises(RefusedError, match="newer version"):
        restore(make_engine(f"sqlite:///{tmp_path}/mine.db"), tmp_path / "backup.db")
    assert not (tmp_path / "mine.db").exists()


def test_a_backup_restores_where_there_is_no_database_yet(engine: Engine, tmp_path: Path) -> None:
    add_reader(engine, 1)
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    fresh = make_engine(f"sqlite:///{tmp_path}/new/place/newsletter.db")
    restore(fresh, tmp_path / "backup.db")
    assert readers(fresh) == 1


def test_a_missing_database_or_place_is_one_clear_line(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(NewsletterError, match="no newsletter database"):
        back_up(make_engine(f"sqlite:///{tmp_path}/none.db"), tmp_path / "b.db", now=MONDAY)
    with pytest.raises(NewsletterError, match="could not be written"):
        back_up(engine, tmp_path / "no" / "folder" / "b.db", now=MONDAY)
    with pytest.raises(NewsletterError, match="no file"):
        restore(engine, tmp_path / "none.db")


def test_postgresql_is_left_to_its_own_tools(tmp_path: Path) -> None:
    engine = make_engine("postgresql+psycopg://nobody@/nothing")
    with pytest.raises(RefusedError, match="pg_dump"):
        back_up(engine, tmp_path / "b.db", now=MONDAY)


def test_a_database_that_is_broken_is_set_aside_and_replaced(engine: Engine, tmp_path: Path) -> None:
    add_reader(engine, 1)
    back_up(engine, tmp_path / "backup.db", now=MONDAY)
    (tmp_path / "lost.db").write_bytes(b"what the disk left of it" * 500)
    lost = make_engine(f"sqlite:///{tmp_path}/lost.db")
    restore(lost, tmp_path / "backup.db")
    assert readers(lost) == 1
    assert (tmp_path / "lost.db.broken").exists()
