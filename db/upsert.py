"""``INSERT … ON CONFLICT`` for both databases: SQLAlchemy spells it per dialect, with the same methods."""

from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase


def insert_or(connection: Connection, table: type[DeclarativeBase]) -> Any:
    """An insert that has ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
