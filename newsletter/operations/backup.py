"""Back up the embedded database while it runs, and put a backup in its place."""

import os
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from db import backups
from db.audit import add_audit
from db.engine import is_sqlite, transaction
from db.migrate import newest_revision
from newsletter.errors import NewsletterError, NotReadyError, RefusedError

BACKED_UP = "backed up"
"""What the audit log says of a backup; doctor looks for the last one."""


@dataclass(frozen=True, slots=True)
class BackupReport:
    path: Path
    bytes: int
    schema: str


@dataclass(frozen=True, slots=True)
class RestoreReport:
    database: Path
    schema: str
    needs_init: bool


def back_up(engine: Engine, target: Path, *, now: datetime) -> BackupReport:
    """Copy the database, as it stands at one instant, to ``target``; an older backup there is replaced at the end.

    Raises NewsletterError where there is nothing to copy or no place for it.
    """
    database = _database(engine)
    if not database.is_file():
        raise NotReadyError(f"there is no newsletter database at {database} to back up; `newsletter init` creates one")
    if target.exists() and target.samefile(database):
        raise RefusedError(f"{target} is the database itself; name another file for the backup")
    if target.exists() and not target.is_file():  # to root, even /dev/null can be replaced
        raise RefusedError(f"{target} is there already and no file; name another place for the backup")
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.unfinished")
    try:
        schema = backups.copy_out(database, unfinished)
        os.replace(unfinished, target)
    except sqlite3.Error as error:
        raise NewsletterError(f"the database at {database} could not be copied: {error}") from None
    except OSError as error:
        raise NewsletterError(f"the backup could not be written to {target}: {error.strerror}") from None
    finally:
        unfinished.unlink(missing_ok=True)
    with suppress(Exception), transaction(engine) as connection:  # an older schema has no place for the note
        add_audit(connection, "operator", BACKED_UP, target.name, now)
    return BackupReport(target, target.stat().st_size, schema)


def restore(engine: Engine, source: Path) -> RestoreReport:
    """Put a whole backup in the database's place; anything else is refused, and the database stays as it was."""
    database = _database(engine)
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
    try:
        backups.put_back(source, database)
    except (sqlite3.Error, OSError) as error:
        words = f"the database at {database} could not be replaced and stays as it was: {error}"
        raise NewsletterError(f"{words}; stop the service and try again") from None
    return RestoreReport(database, schema, schema != newest_revision())


def _database(engine: Engine) -> Path:
    if not is_sqlite(engine) or not engine.url.database:
        raise RefusedError("only the embedded database is backed up here; use pg_dump and pg_restore for PostgreSQL")
    return Path(engine.url.database)
