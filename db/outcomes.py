"""What became of attempts, written into the ledger by the thousand.

This is the one place that goes around SQLAlchemy to the drivers: a commit of half a dozen outcomes took 350 µs of
processor time through it, several times what the database needs.
"""

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from db.engine import begin_writing, is_sqlite


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
    connection.exec_driver_sql(*_statement(is_sqlite(connection), issue_id, owner, outcomes))


def _statement(sqlite: bool, issue_id: int, owner: str, outcomes: Sequence[Written]) -> tuple[str, tuple[Any, ...]]:
    """One statement whatever the number of rows, so that its text is always the same and is prepared once."""
    rows = json.dumps([
        (row.id, row.status, _stored(row.next_attempt_at), row.code, row.reply, row.relay, row.relay_id,
         _stored(_finished(row)))
        for row in outcomes
    ])  # fmt: skip
    return (_WRITE_SQLITE, (rows, owner)) if sqlite else (_WRITE_POSTGRES, (rows, issue_id, owner))


_SET = """
       status = new.status, next_attempt_at = new.next_attempt_at, code = new.code,
       reply = CASE WHEN email <> '' THEN new.reply END, relay = new.relay,
       relay_id = CASE WHEN email <> '' THEN new.relay_id END, finished_at = new.finished_at, lease_owner = NULL,
       lease_until = NULL"""

_WRITE_SQLITE = f"""
WITH new AS MATERIALIZED (
     SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS status,
            json_extract(value, '$[2]') AS next_attempt_at, json_extract(value, '$[3]') AS code,
            json_extract(value, '$[4]') AS reply, json_extract(value, '$[5]') AS relay,
            json_extract(value, '$[6]') AS relay_id, json_extract(value, '$[7]') AS finished_at
       FROM json_each(?))
UPDATE deliveries SET {_SET}
  FROM new WHERE deliveries.id = new.id AND deliveries.lease_owner = ?"""  # noqa: S608 -- no word of it from outside

_WRITE_POSTGRES = f"""
UPDATE deliveries SET {_SET}
  FROM (SELECT (value ->> 0)::bigint AS id, value ->> 1 AS status, (value ->> 2)::timestamp AT TIME ZONE 'UTC' AS
               next_attempt_at, (value ->> 3)::int AS code, value ->> 4 AS reply, value ->> 5 AS relay,
               value ->> 6 AS relay_id, (value ->> 7)::timestamp AT TIME ZONE 'UTC' AS finished_at
          FROM json_array_elements(%s::json) AS rows(value)) AS new
 WHERE deliveries.issue_id = %s AND deliveries.id = new.id AND deliveries.lease_owner = %s"""  # noqa: S608


def _finished(row: Written) -> datetime | None:
    return None if row.status in ("deferred", "uncertain") else row.at


def _stored(instant: datetime | None) -> str | None:
    """In UTC, as SQLAlchemy stores an instant on SQLite."""
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

    def write(self, owner: str, outcomes: Sequence[Written]) -> None:
        """``write_outcomes`` in a transaction of its own, by the driver alone, at half the CPU time.

        PostgreSQL commits by itself what stands alone, which spares two of three trips to it.
        """
        statement, values = _statement(self._log is not None, self._issue_id, owner, outcomes)
        try:
            driver = self._driver()
            if self._log is not None:
                begin_writing(driver)
            driver.execute(statement, values)
            if self._log is not None:
                driver.execute("COMMIT")
        except self._engine.dialect.loaded_dbapi.OperationalError as error:
            self.close()
            raise OperationalError(statement, None, error) from error

    def close(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.invalidate()
            connection.close()

    def _driver(self) -> Any:
        if self._connection is None:
            self._connection = self._engine.connect()
            if self._log is None:
                self._connection.execution_options(isolation_level="AUTOCOMMIT")
        return self._connection.connection.driver_connection
