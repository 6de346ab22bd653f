"""What became of attempts, written into the ledger by the thousand.

This is the one place that goes around SQLAlchemy to the drivers: a commit of half a dozen outcomes took 350 µs of
processor time through it, several times what the database needs.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from db.engine import is_sqlite


class Written(NamedTuple):
    """What became of one attempt."""

    id: int
    status: str
    next_attempt_at: datetime | None
    code: int | None
    reply: str | None
    relay: str
    relay_id: str | None
    at: datetime


def write_outcomes(connection: Connection, issue_id: int, owner: str, outcomes: Sequence[Written]) -> None:
    """Record what became of attempts at one issue. A row whose lease was lost to somebody else stays theirs, and one
    whose reader was erased meanwhile (its address is blank) keeps no reply: relays like to repeat the address in it.

    Said in the driver's own terms: this runs for every message, and the statement layer costs five times the write.
    """
    if not outcomes:
        return
    if is_sqlite(connection):
        for start in range(0, len(outcomes), 500):
            _write_sqlite(connection, owner, outcomes[start : start + 500])
        return
    columns = (
        [row.id for row in outcomes], [row.status for row in outcomes], [row.next_attempt_at for row in outcomes],
        [row.code for row in outcomes], [row.reply for row in outcomes], [row.relay for row in outcomes],
        [row.relay_id for row in outcomes], [_finished(row) for row in outcomes], issue_id, owner,
    )  # fmt: skip
    connection.exec_driver_sql(_WRITE_POSTGRES, columns)


def _write_sqlite(connection: Connection, owner: str, outcomes: Sequence[Written]) -> None:
    """In one statement: between two, a busy thread takes the interpreter's lock and the commit waits for it."""
    connection.exec_driver_sql(*_sqlite_statement(owner, outcomes))


def _sqlite_statement(owner: str, outcomes: Sequence[Written]) -> tuple[str, tuple[Any, ...]]:
    rows = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?)"] * len(outcomes))
    values = [
        value for row in outcomes
        for value in (row.id, row.status, _stored(row.next_attempt_at), row.code, row.reply, row.relay, row.relay_id,
                      _stored(_finished(row)))
    ]  # fmt: skip
    return _WRITE_SQLITE.format(rows=rows), (*values, owner)


_WRITE_SQLITE = """
  WITH new (id, status, next_attempt_at, code, reply, relay, relay_id, finished_at) AS (VALUES {rows})
UPDATE deliveries SET status = new.status, next_attempt_at = new.next_attempt_at, code = new.code,
       reply = CASE WHEN email <> '' THEN new.reply END, relay = new.relay,
       relay_id = CASE WHEN email <> '' THEN new.relay_id END, finished_at = new.finished_at, lease_owner = NULL,
       lease_until = NULL
  FROM new WHERE deliveries.id = new.id AND deliveries.lease_owner = ?"""

_WRITE_POSTGRES = """
UPDATE deliveries SET status = new.status, next_attempt_at = new.next_attempt_at, code = new.code,
       reply = CASE WHEN email <> '' THEN new.reply END, relay = new.relay,
       relay_id = CASE WHEN email <> '' THEN new.relay_id END, finished_at = new.finished_at, lease_owner = NULL,
       lease_until = NULL
  FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::int[], %s::text[], %s::text[], %s::text[],
              %s::timestamptz[])
       AS new(id, status, next_attempt_at, code, reply, relay, relay_id, finished_at)
 WHERE deliveries.issue_id = %s AND deliveries.id = new.id AND deliveries.lease_owner = %s"""


def _finished(row: Written) -> datetime | None:
    return None if row.status in ("deferred", "uncertain") else row.at


def _stored(instant: datetime | None) -> str | None:
    """As SQLAlchemy stores an instant on SQLite."""
    return None if instant is None else instant.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


class OutcomeLedger:
    """A connection kept for outcomes alone, opened again after a failure.

    What it commits survives a killed process at once, and a power cut after the next ``flush`` (SQLite in WAL mode
    with synchronous = NORMAL; PostgreSQL flushes at each commit). Waiting for the disk at every commit would make its
    flush the clock of a sending: 0.2 ms on a quiet disk, 5 on a busy one, for the few outcomes that came meanwhile.
    """

    def __init__(self, engine: Engine, issue_id: int) -> None:
        self._engine, self._issue_id = engine, issue_id
        self._connection: Connection | None = None
        self._log = f"{engine.url.database}-wal" if is_sqlite(engine) else None

    def flush(self) -> None:
        """Until all that was committed before is on the disk. May run beside a transaction, in another thread."""
        if self._log is None:
            return
        try:
            log = os.open(self._log, os.O_RDONLY | os.O_CLOEXEC)  # SQLite holds no locks on it that closing would drop
        except FileNotFoundError:
            return  # the last connection took it into the database and flushed that
        try:
            os.fdatasync(log)
        finally:
            os.close(log)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        if self._connection is None:
            self._connection = self._open()
        try:
            with self._connection.begin():
                yield self._connection
        except BaseException:
            self.close()
            raise

    def write(self, owner: str, outcomes: Sequence[Written]) -> None:
        """``write_outcomes`` in a transaction of its own; on SQLite by the driver alone, at half the CPU time."""
        if self._log is None or len(outcomes) > 500:
            with self.transaction() as connection:
                write_outcomes(connection, self._issue_id, owner, outcomes)
            return
        self._connection = self._connection or self._open()
        driver: Any = self._connection.connection.driver_connection
        statement, values = _sqlite_statement(owner, outcomes)
        try:
            driver.execute("BEGIN IMMEDIATE")
            driver.execute(statement, values)
            driver.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self.close()
            raise OperationalError(_WRITE_SQLITE, None, error) from error

    def close(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.invalidate()
            connection.close()

    def _open(self) -> Connection:
        return self._engine.connect().execution_options(writes=True)
