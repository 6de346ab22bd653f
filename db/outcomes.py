"""What became of attempts, written into the ledger by the thousand.

This is the one place that goes around SQLAlchemy to the drivers: a commit of half a dozen outcomes took 350 µs of
processor time through it, several times what the database needs.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from db.engine import is_sqlite, takes_no_writes


class Written(NamedTuple):
    """What became of one attempt."""

    id: int
    status: str
    next_attempt_at: datetime | None
    code: int | None
    reply: str | None
    relay: str
    relay_id: str | None


def write_outcomes(
    connection: Connection, issue_id: int, owner: str, outcomes: Sequence[Written], at: datetime
) -> None:
    """Record at an instant what became of attempts at one issue. A row whose lease was lost to somebody else stays
    theirs, and one whose reader was erased meanwhile (its address is blank) keeps no reply: relays like to repeat the
    address in it.

    Said in the driver's own terms: this runs for every message, and the statement layer costs five times the write.
    """
    rows = encoded(outcomes, at)
    if is_sqlite(connection):
        write_encoded(connection, owner, rows)
    else:
        connection.exec_driver_sql(_WRITE_POSTGRES, (_listed(rows), issue_id, owner))


def write_encoded(connection: Connection, owner: str, rows: Iterable[str]) -> None:
    """The same on SQLite, of rows that are ``encoded`` already, each id once."""
    connection.exec_driver_sql(_WRITE_SQLITE, (_listed(rows), owner))


def encoded(outcomes: Iterable[Written], at: datetime) -> list[str]:
    """A JSON list for each, as the statements take it."""
    now = f'"{_stored(at)}"'
    rows = []
    for number, status, next_attempt_at, code, reply, relay, relay_id in outcomes:
        due = "null" if next_attempt_at is None else f'"{_stored(next_attempt_at)}"'
        words = "null" if reply is None else encode_basestring_ascii(reply)
        name = "null" if relay_id is None else encode_basestring_ascii(relay_id)
        finished = "null" if status in _UNFINISHED else now
        rows.append(
            f'[{number},"{status}",{due},{"null" if code is None else code},{words},{encode_basestring_ascii(relay)},'
            f"{name},{finished}]"
        )
    return rows


def _listed(rows: Iterable[str]) -> str:
    """One value whatever the number of rows, so that the text of a statement is always the same and prepared once."""
    return f"[{','.join(rows)}]"


_UNFINISHED = ("deferred", "uncertain")

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


def _stored(instant: datetime) -> str:
    """In UTC, as SQLAlchemy stores an instant on SQLite."""
    return instant.astimezone(UTC).isoformat(" ", "microseconds")[: -len("+00:00")]


class OutcomeLedger:
    """A connection to PostgreSQL kept for outcomes alone, opened again after a failure.

    The driver alone writes, at half the CPU time; and what stands alone the server commits by itself, which spares two
    of three trips to it. It flushes at each commit.
    """

    def __init__(self, engine: Engine, issue_id: int) -> None:
        self._engine, self._issue_id = engine, issue_id
        self._connection: Connection | None = None

    def write(self, owner: str, outcomes: Sequence[Written], at: datetime) -> None:
        """``write_outcomes`` in a transaction of its own."""
        rows = _listed(encoded(outcomes, at))
        try:
            self._driver().execute(_WRITE_POSTGRES, (rows, self._issue_id, owner))
        except self._engine.dialect.loaded_dbapi.Error as error:
            self.close()
            if isinstance(error, self._engine.dialect.loaded_dbapi.OperationalError) or takes_no_writes(error):
                raise OperationalError(_WRITE_POSTGRES, None, error) from error
            raise

    def close(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.invalidate()
            connection.close()

    def _driver(self) -> Any:
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        return self._connection.connection.driver_connection
