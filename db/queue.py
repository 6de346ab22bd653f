"""Procrastinate's tables on PostgreSQL: how they come to be and grow, and what stands in them."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from db.engine import transaction


def create(connection: Connection) -> None:
    """Procrastinate's tables, as its installed version wants them."""
    from procrastinate.schema import SchemaManager

    _driver(connection).execute(SchemaManager.get_schema())
    _remember(connection, _migrations()[-1])


def bring_up(engine: Engine) -> None:
    """Bring tables that an older Procrastinate made up to the installed one, by its own migrations.

    Each in a transaction of its own: a value that one adds to a type is for the next to use.
    """
    for file in _migrations():
        with transaction(engine) as connection:
            if file.stem > str(connection.scalar(text(_LAST))):
                _driver(connection).execute(file.read_text("utf-8"))
                _remember(connection, file)


def _migrations() -> list[Path]:
    from procrastinate.schema import SchemaManager

    return sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))


_LAST = "SELECT obj_description('procrastinate_jobs'::regclass, 'pg_class')"


def _remember(connection: Connection, file: Path) -> None:
    """The last migration that is in stands in a comment on the table of jobs."""
    connection.execute(text(f"COMMENT ON TABLE procrastinate_jobs IS '{file.stem}'"))


def _driver(connection: Connection) -> Any:
    """psycopg's own connection: SQLAlchemy sends one statement at a time."""
    return connection.connection.driver_connection


def has_waiting(connection: Connection, lock: str) -> bool:
    """Whether a job with this queueing lock waits for somebody to take it."""
    wanted = "SELECT EXISTS (SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = :lock AND status = 'todo')"
    return bool(connection.scalar(text(wanted), {"lock": lock}))


def count_open(connection: Connection, ids: Collection[int]) -> int:
    """How many of these jobs wait, or are being done."""
    wanted = "SELECT count(*) FROM procrastinate_jobs WHERE id = ANY(:ids) AND status IN ('todo', 'doing')"
    return connection.scalar(text(wanted), {"ids": list(ids)}) or 0
