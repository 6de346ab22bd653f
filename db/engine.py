"""Engines and transactions, the same for SQLite and PostgreSQL.

SQLite runs in WAL mode with foreign keys and secure_delete (an erased address must not stay in free pages). A
transaction that will write says so at its begin: a read that turns into a write fails at once with BUSY_SNAPSHOT,
whatever the busy timeout.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import QueuePool

PATIENCE = 30.0  # seconds that another writer of an SQLite file is waited for
CONNECT_SECONDS = 10  # for a PostgreSQL that does not answer at all; the system would wait for minutes


class DriverMissing(ImportError):
    """PostgreSQL's is not installed; the message says how to install it."""


def make_engine(url: str, *, pool_size: int = 8) -> Engine:
    """An engine for ``sqlite:///path`` or ``postgresql+psycopg://…``. Connects to nothing yet. The values of a
    statement stand in no error, for errors stand in logs.

    Raises DriverMissing where PostgreSQL's is not installed."""
    if url.startswith("sqlite"):
        engine = create_engine(url, pool_size=pool_size, connect_args={"timeout": PATIENCE}, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    waits = {} if "connect_timeout" in url else {"connect_timeout": CONNECT_SECONDS}
    try:
        engine = create_engine(
            url, pool_size=pool_size, max_overflow=4, pool_pre_ping=True, connect_args=waits, hide_parameters=True
        )
    except ImportError as error:
        advice = "run pip install 'weekly-verdicts[postgres]'"
        raise DriverMissing(f"PostgreSQL needs a driver that is not installed: {advice} ({error})") from None
    event.listen(engine, "handle_error", _no_writes, retval=True)
    return engine


def takes_no_writes(error: BaseException | None) -> bool:
    """Whether it says that PostgreSQL is read-only, as a standby is until it takes over: SQLSTATE 25006."""
    return getattr(error, "sqlstate", None) == "25006"


def _no_writes(context: ExceptionContext) -> OperationalError | None:
    """Such a server is as good as gone, and who waits for one that is gone waits for it. The driver calls it an
    internal error. Connections to it are of no use: the next one may lead to another server."""
    if not takes_no_writes(context.original_exception):
        return None
    context.is_disconnect = True
    return OperationalError(context.statement, None, context.original_exception, hide_parameters=True)


def let_go(engine: Engine) -> bool:
    """Close the connections that rest in the engine; False, and nothing is closed, where some are at work."""
    if not isinstance(engine.pool, QueuePool) or engine.pool.checkedout():
        return False
    engine.dispose()
    return True


def is_sqlite(engine: Engine | Connection) -> bool:
    return engine.dialect.name == "sqlite"


@contextmanager
def transaction(engine: Engine, patience: float = PATIENCE) -> Iterator[Connection]:
    """A transaction that may write; commits at the end, rolls back on any exception.

    ``patience`` is how many seconds another writer of an SQLite file is waited for; then OperationalError is raised.
    """
    with engine.connect() as connection:
        connection = connection.execution_options(write_patience=patience)
        with connection.begin():
            yield connection


def shared_now(connection: Connection) -> datetime:
    """Real time, by one clock for all who use the database: those of machines differ."""
    if is_sqlite(connection):
        return datetime.fromtimestamp(time.time(), UTC)
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return now


def alone(connection: Connection, work: str) -> None:
    """Hold off other transactions that do the same work until this one ends. Those of SQLite that write are alone
    anyway."""
    if not is_sqlite(connection):
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:work))"), {"work": work})


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view of the database; what it writes by mistake is refused on SQLite."""
    with engine.connect() as connection, connection.begin():
        yield connection


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000:.0f}")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA wal_autocheckpoint = 4000")  # 16 MB: a page is written to its place once for many changes
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA secure_delete = ON")
    cursor.execute("PRAGMA temp_store = MEMORY")  # what a statement may have to take back needs no file
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    patience = connection.get_execution_options().get("write_patience")
    if patience is not None:
        if not connection.info.get("wal"):  # who only looks changes no byte of a backup, whose seal would be broken
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            connection.info["wal"] = True
        try:
            _begin_writing(connection.connection.driver_connection, patience)
        except sqlite3.OperationalError as error:
            raise OperationalError("BEGIN IMMEDIATE", None, error) from error
    else:
        connection.exec_driver_sql("BEGIN")


def _begin_writing(driver: Any, patience: float) -> None:
    """BEGIN IMMEDIATE on a connection of the sqlite3 module, looking every tenth of a millisecond at first whether
    another writer is done: SQLite's own waiting begins with steps of 1, 2 and 5 ms, many times what a commit takes.

    Raises the driver's OperationalError when others have written for so long, or it cannot be written to.
    """
    until = time.monotonic() + patience
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        for tries in count():
            try:
                driver.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                    raise
                time.sleep(0.00005 if tries < 40 else 0.005)
            else:
                return
    finally:
        driver.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000:.0f}")
