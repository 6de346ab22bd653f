"""The contents of an embedded database, table by table, into a PostgreSQL one that is empty."""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Table,
    Text,
    bindparam,
    delete,
    func,
    select,
    text,
    type_coerce,
    update,
)

from db.models import Base, Delivery, Issue, Key, Panelist, Sender
from db.partitions import make_partition

_AT_ONCE = 2000
_SEEDED = (Key.__tablename__, Panelist.__tablename__)  # by `init`, so that an empty database has rows in them


class RefusedRow(ValueError):
    """PostgreSQL would not have a row as it is. ``table`` is where; the words are PostgreSQL's."""

    def __init__(self, table: str, words: str) -> None:
        super().__init__(words)
        self.table = table


def filled_table(connection: Connection) -> str | None:
    """The name of the first table that holds what somebody put there; None when `init` alone was here."""
    for table in Base.metadata.sorted_tables:
        if table.name not in _SEEDED and connection.execute(select(table).limit(1)).first() is not None:
            return table.name
    return None


def copy_everything(source: Connection, target: Connection, progress: Callable[[str, int], None]) -> dict[str, int]:
    """Copy every table; returns the number of rows of each. ``progress`` hears the table and its rows so far.

    Who is sending is not copied: the processes of the other database are none of this one.
    """
    for name in _SEEDED:
        target.execute(delete(Base.metadata.tables[name]))
    started = select(Issue.id).where(Issue.started_at.is_not(None))
    for issue_id in source.scalars(started.union(select(Delivery.issue_id))).all():
        make_partition(target, issue_id)
    tables = [table for table in Base.metadata.sorted_tables if table.name != Sender.__tablename__]
    counts = {table.name: _copy(source, target, table, progress) for table in tables}
    for table in tables:
        _link_rows_of_one_table(source, target, table)
        _set_sequence(source, target, table)
    target.execute(text("ANALYZE"))
    return counts


def _copy(source: Connection, target: Connection, table: Table, progress: Callable[[str, int], None]) -> int:
    names = [target.dialect.identifier_preparer.quote(column.name) for column in table.columns]
    driver: Any = target.connection.driver_connection  # psycopg's own: SQLAlchemy knows no COPY
    done = 0
    try:
        with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
            for rows in _rows(source, table):
                for row in rows:
                    copy.write_row([_storable(value) for value in row])
                done += len(rows)
                progress(table.name, done)
    except target.dialect.loaded_dbapi.Error as error:
        raise RefusedRow(table.name, str(error)) from None
    return done


def _rows(source: Connection, table: Table) -> Iterator[Any]:
    """In the order of their keys, so that rows that belong together stay neighbours on the disk."""
    within = set(_references_to_itself(table))
    columns = [func.nullif(1, 1).label(column.name) if column in within else _raw(column) for column in table.columns]
    yield from source.execute(select(*columns).order_by(*table.primary_key)).yield_per(_AT_ONCE).partitions()


def _raw(column: Column[Any]) -> Any:
    """JSON goes as it is written: read and written again, an absent document would become a null one."""
    return type_coerce(column, Text).label(column.name) if isinstance(column.type, JSON) else column


def _storable(value: Any) -> Any:
    """PostgreSQL's text has no NUL; what feeds and returned mail brought along may."""
    return value.replace("\x00", "\ufffd") if isinstance(value, str) and "\x00" in value else value


def _references_to_itself(table: Table) -> list[Column[Any]]:
    return [column for column in table.columns if any(key.column.table is table for key in column.foreign_keys)]


def _link_rows_of_one_table(source: Connection, target: Connection, table: Table) -> None:
    """References to rows of the same table, which may come later in it, are set when all are there."""
    for column in _references_to_itself(table):
        pairs = source.execute(select(table.c.id, column).where(column.is_not(None))).all()
        statement = update(table).where(table.c.id == bindparam("row")).values({column: bindparam("to")})
        if pairs:
            target.execute(statement, [{"row": id, "to": to} for id, to in pairs])


def _set_sequence(source: Connection, target: Connection, table: Table) -> None:
    """New rows go on after the highest id ever given, which is more than there is where rows were erased."""
    if "id" not in table.columns:
        return
    given = source.execute(select(func.max(table.c.id))).scalar() or 0
    if table.dialect_options["sqlite"]["autoincrement"]:
        remembered = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        given = max(given, source.execute(remembered, {"name": table.name}).scalar() or 0)
    if given:
        statement = text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :given)")
        target.execute(statement, {"name": table.name, "given": given})
