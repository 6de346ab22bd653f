"""``INSERT … ON CONFLICT`` for both databases: SQLAlchemy spells it per dialect, with the same methods.

A command imports the dialect that it uses and no other: PostgreSQL's takes 20 ms."""

from typing import Any

from sqlalchemy import Connection

from db.models import Base


def insert_or(connection: Connection, table: type[Base]) -> Any:
    """An insert that has ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
    return insert(table)
