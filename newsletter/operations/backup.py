"""Back up the embedded database while it runs, and put a backup in its place."""

import os
import sqlite3
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from db import backups, restoring
from db.audit import add_audit
from db.engine import is_sqlite, make_engine, transaction
from db.issues import list_issues
from db.migrate import migrate, newest_revision
from db.restoring import Carried
from db.wal import empty_the_log
from newsletter.errors import NewsletterError, NotReadyError, RefusedError, advice_on, first_line

_FRESH = timedelta(hours=1)
BACKED_UP = "backed up"
"""What the audit log says of a backup; doctor looks for the last one."""


@dataclass(frozen=True, slots=True)
class BackupReport:
    path: Path
    bytes: int
    schema: str


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """``held`` are the weeks of issues that wait for a person now. ``replaced``: there was a database before; what
    was ``carried`` over from it is None where it could not be read or was another installation's."""

    database: Path
    schema: str
    newest_entry: datetime | None
    held: tuple[str, ...]
    replaced: bool
    carried: Carried | None


def back_up(engine: Engine, target: Path, *, now: datetime) -> BackupReport:
    """Copy the database, as it stands at one instant, to ``target``; an older one of it there is replaced at the end.

    Raises NewsletterError where there is nothing to copy or no place for it.
    """
    database = _database(engine)
    if not database.is_file():
        raise NotReadyError(f"there is no newsletter database at {database} to back up; `newsletter init` creates one")
    if target.exists() and target.samefile(database):
        raise RefusedError(f"{target} is the database itself; name another file for the backup")
    if target.exists() and not target.is_file():  # to root, even /dev/null can be replaced
        raise RefusedError(f"{target} is there already and no file; name another place for the backup")
    if target.exists() and not backups.may_replace(target):
        raise RefusedError(f"{target} is there already and no backup; name another file, or remove that one")
    if target.exists() and backups.is_anothers(target, database):
        raise RefusedError(f"{target} is the backup of another installation; name another file, or move that one away")
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.unfinished")
    try:
        schema = backups.copy_out(database, unfinished)
        os.replace(unfinished, target)
    except sqlite3.Error as error:
        raise NewsletterError(f"the database at {database} could not be copied to {target}: {_why(error)}") from None
    except OSError as error:
        raise NewsletterError(f"the backup could not be written to {target}: {error.strerror}") from None
    finally:
        backups.remove(unfinished)
    with suppress(Exception), transaction(engine) as connection:  # an older schema has no place for the note
        add_audit(connection, "operator", BACKED_UP, target.name, now)
    return BackupReport(target, target.stat().st_size, schema)


def restore(engine: Engine, source: Path, *, now: datetime, erase: Callable[[Engine, str], object]) -> RestoreReport:
    """Put a whole backup in the database's place; anything else is refused, and the database stays as it was. So is the
    backup of one installation where another has readers, issues or tools.

    Who left since stays gone, and ``erase`` takes an address of somebody who was erased since out of the backup again.
    Issues that were on their way wait for a person.
    """
    database = _database(engine)
    schema = _checked(source)
    if database.is_file() and restoring.is_strangers(source, database):
        raise RefusedError(
            f"{database} is not the database that {source} is a backup of, and is not empty; to put that in its place, "
            f"stop the service and move {database}* away first"
        )
    if database.is_file() and restoring.is_being_sent(engine):
        raise RefusedError(f"an issue is being sent from {database}; pause it, or wait, then restore {source}")
    if database.is_file():
        restoring.hear_of_killed(engine)
    unfinished = database.with_name(f".{database.name}.{os.getpid()}.restoring")
    _clear_away(database)
    try:
        backups.unpack(source, unfinished)
        report = _made_ready(engine, unfinished, schema, now, erase)
        backups.put_back(unfinished, database)
    except (sqlite3.Error, SQLAlchemyError, OSError) as error:
        words = f"the database at {database} could not be replaced and stays as it was"
        raise NewsletterError(f"{words}: {_why(error)}") from None
    finally:
        backups.remove(unfinished)
    return report


def _why(error: Exception) -> str:
    why = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) and error.filename else first_line(error)
    return "; ".join(filter(None, (why, advice_on(why))))


def _clear_away(database: Path) -> None:
    """What restorations left that were killed in their middle: it holds addresses. In containers all are process 1."""
    for left in database.parent.glob(f".{database.name}.*.restoring"):
        process = left.name.split(".")[-2]
        if process.isdigit() and (int(process) == os.getpid() or not Path("/proc", process).exists()):
            backups.remove(left)


def _checked(source: Path) -> str:
    """The schema of a backup that can be restored."""
    if not source.is_file():
        raise NewsletterError(f"there is no file {source}; nothing was restored")
    try:
        schema = backups.check(source)
    except backups.BadBackup as error:
        raise RefusedError(f"{source} {error}; the database stays as it was") from None
    except OSError as error:
        raise NewsletterError(f"{source} cannot be read: {error.strerror}; the database stays as it was") from None
    if schema > newest_revision():
        raise RefusedError(
            f"{source} was made by a newer version (schema {schema}); upgrade this installation, then restore"
        )
    return schema


def _made_ready(
    engine: Engine, unfinished: Path, schema: str, now: datetime, erase: Callable[[Engine, str], object]
) -> RestoreReport:
    """Bring the unpacked backup to the newest schema and tell it what happened since."""
    database = _database(engine)
    fresh = make_engine(engine.url.set(database=str(unfinished)).render_as_string(hide_password=False))
    try:
        if schema != newest_revision():
            migrate(fresh, now)
        with transaction(fresh) as connection:
            newest = restoring.newest_entry(connection)
        carried = restoring.carry_over(database, unfinished) if database.is_file() else None
        for email in carried.erased if carried else ():
            erase(fresh, email)
        if carried is not None:
            restoring.bring_back(database, unfinished)
        with transaction(fresh) as connection:
            certain = _certain(connection, carried, newest, now)
            held = restoring.hold_issues(connection, _why_held(carried, newest), now, certain)
            add_audit(connection, "operator", "restored a backup", None, now)
        empty_the_log(fresh)
    finally:
        fresh.dispose()
    return RestoreReport(database, newest_revision(), newest, tuple(held), database.is_file(), carried)


def _certain(
    connection: Connection, carried: Carried | None, newest: datetime | None, now: datetime
) -> Collection[str]:
    """The weeks of issues of which the backup knows all: nothing happened to them since, as the database before it
    says; where it says nothing, as far as a backup that was made a moment ago can be trusted."""
    if carried is not None and carried.whole:
        return carried.untouched
    fresh = newest is not None and now - newest < _FRESH
    return [issue.week for issue in list_issues(connection)] if fresh else []


def _why_held(carried: Carried | None, newest: datetime | None) -> str:
    of = f" of {newest:%Y-%m-%d %H:%M} UTC" if newest else ""
    if carried is None or not carried.whole:
        return f"a backup{of} was restored, which does not know whom this reached since"
    return f"a backup{of} was restored, since which this had gone on; whom it reached is known"


def _database(engine: Engine) -> Path:
    if not is_sqlite(engine) or not engine.url.database:
        raise RefusedError("only the embedded database is backed up here; use pg_dump and pg_restore for PostgreSQL")
    return Path(engine.url.database)
