"""Move from the embedded database to PostgreSQL, in one transaction there: all of it comes over, or nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from db import moving, outcome_log, status
from db.audit import add_audit
from db.engine import is_sqlite, transaction
from db.migrate import current_revision, foreign_table, migrate, newest_revision
from db.ownership import gone_owners
from newsletter.errors import NewsletterError, RefusedError, first_line


@dataclass(frozen=True, slots=True)
class MoveReport:
    """``tables`` counts the rows that came over, by table. ``target`` has no password in it."""

    target: str
    tables: dict[str, int]
    schema: str


def move(
    source: Engine, target: Engine, *, now: datetime, progress: Callable[[str, int], None] = lambda table, rows: None
) -> MoveReport:
    """Copy the embedded database, which is at the newest schema, to an empty PostgreSQL one.

    Nobody can write to the source meanwhile; it hears what killed senders had decided, and stays as it is else. Raises
    RefusedError where a service is running or the target holds something, NewsletterError where the target cannot be
    used; nothing was moved then.
    """
    if not is_sqlite(source):
        raise RefusedError("only the embedded database is moved; PostgreSQL has pg_dump and pg_restore")
    if is_sqlite(target):
        raise RefusedError("the target must be PostgreSQL; `newsletter backup` copies an embedded database")
    where = target.url.render_as_string(hide_password=True)
    try:
        _make_ready(target, where, now)
        with transaction(source) as old, transaction(target) as new:
            senders = {sender.name for sender in status.senders(old)}
            certainly, seemingly = gone_owners(old, source, senders)
            if senders - certainly - seemingly:
                raise RefusedError("the service is running; stop it, so that nothing is left behind, then move")
            outcome_log.tell_of_gone(old, source, certainly)
            tables = moving.copy_everything(old, new, progress)
            add_audit(new, "operator", "moved from the embedded database", None, now)
    except moving.RefusedRow as refused:
        why = first_line(refused)
        raise NewsletterError(f"{where} refused a row of {refused.table}: {why}; nothing was moved") from None
    except DBAPIError as error:
        why = " ".join(str(error.orig).split())
        raise NewsletterError(f"the database at {where} cannot take this: {why}; nothing was moved") from None
    return MoveReport(where, tables, newest_revision())


def _make_ready(target: Engine, where: str, now: datetime) -> None:
    foreign = foreign_table(target)
    if foreign is not None:
        raise RefusedError(f"the database at {where} holds somebody else's table {foreign!r}; name an empty one")
    found = current_revision(target)
    if found is not None and found > newest_revision():
        raise RefusedError(f"the database at {where} was made by a newer version ({found}); name an empty one")
    migrate(target, now)
    with transaction(target) as connection:
        filled = moving.filled_table(connection)
    if filled is not None:
        raise RefusedError(f"the database at {where} is in use: its table {filled!r} is not empty; name an empty one")
