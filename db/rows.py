"""From a table to rows and back: the fields of a row's class are named like the columns that it is read from."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable

from db.models import Base

Row = TypeVar("Row")


def columns_of(table: type[Base], row: type[Any]) -> tuple[Any, ...]:
    """In the order of the row's fields."""
    return tuple(getattr(table, name) for name in row.__annotations__)


def one_row(connection: Connection, statement: Executable, row: Callable[..., Row]) -> Row | None:
    """The only row that a statement finds, None where it finds none."""
    found = connection.execute(statement).one_or_none()
    return None if found is None else row(*found)
