"""Bringing a database to the newest schema, and telling whether it is there.

The migrations are Alembic's and ship beside this file. Checking needs neither Alembic nor a migration: the newest
revision is the last file name, and the database says its own.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, insert, inspect, select, text

from db import queue
from db.engine import is_sqlite, transaction
from db.models import Key, Panelist

VERSIONS = Path(__file__).parent / "migrations" / "versions"

_UPGRADE_LOCK = 0x5765656B6C79  # a number of our own

PANEL = ("builder", "skeptic", "futurist", "founder", "creator")


def newest_revision() -> str:
    """The revision that this version of the software needs: files are named ``0001_words.py`` in order."""
    return max(path.name[:4] for path in VERSIONS.glob("[0-9]*.py"))


def current_revision(engine: Engine) -> str | None:
    """The database's revision; None when it has no schema of ours. A missing SQLite file is not created."""
    if is_sqlite(engine) and not _file_exists(engine):
        return None
    with engine.connect() as connection:
        return _revision(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def foreign_table(engine: Engine) -> str | None:
    """The name of a table that is not ours, in a database that has no schema of ours. A missing SQLite file is not
    created."""
    if is_sqlite(engine) and not _file_exists(engine):
        return None
    with engine.connect() as connection:
        names = set(inspect(connection).get_table_names())
    return None if names >= {"alembic_version", "keys"} else min(names, default=None)


def migrate(engine: Engine, now: datetime) -> tuple[str | None, str]:
    """Create or upgrade the schema, the panel and the secrets; returns (revision before, revision after).

    Running it again changes nothing. On SQLite folder and file are made, for their owner alone: they hold addresses.
    """
    if is_sqlite(engine) and engine.url.database:
        _make_file(Path(engine.url.database))
    with _alone(engine):
        return _migrate(engine, now)


def _migrate(engine: Engine, now: datetime) -> tuple[str | None, str]:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with transaction(engine) as connection:
        before = _revision(connection)  # by now: others who are set up at the same time may have been first
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    if not is_sqlite(engine):
        queue.bring_up(engine)
    with transaction(engine) as connection:
        _seed(connection, now)
    return before, newest_revision()


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """On PostgreSQL one upgrades and others wait for it: two machines may be set up at once. SQLite has one writer."""
    if is_sqlite(engine):
        yield
        return
    with transaction(engine) as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        yield


def _seed(connection: Connection, now: datetime) -> None:
    known = set(connection.scalars(select(Panelist.key)))
    for position, key in enumerate(PANEL):
        if key not in known:
            connection.execute(insert(Panelist).values(key=key, name=key.capitalize(), position=position))
    purposes = set(connection.scalars(select(Key.purpose)))
    for purpose in ("links", "addresses"):
        if purpose not in purposes:
            connection.execute(insert(Key).values(purpose=purpose, secret=secrets.token_bytes(32), created_at=now))


def _make_file(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _file_exists(engine: Engine) -> bool:
    return bool(engine.url.database) and Path(str(engine.url.database)).is_file()
