"""Who must never be mailed, by keyed hash; an erased address is its hash alone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, select, update

from db.models import Subscriber, Suppression
from db.rows import columns_of, one_row
from db.states import SuppressionReason
from db.upsert import insert_or


class SuppressionRow(NamedTuple):
    id: int
    email: str | None
    reason: SuppressionReason
    at: datetime
    note: str | None


_COLUMNS = columns_of(Suppression, SuppressionRow)


def suppression_of(connection: Connection, email_hash: bytes) -> SuppressionRow | None:
    return one_row(connection, select(*_COLUMNS).where(Suppression.email_hash == email_hash), _row)


def suppressed_among(connection: Connection, subscriber_ids: Sequence[int]) -> dict[int, str]:
    """Why, of those of these subscribers who are suppressed."""
    wanted = select(Subscriber.id, Suppression.reason).join_from(
        Subscriber, Suppression, Suppression.email_hash == Subscriber.email_hash
    )
    return {row.id: row.reason for row in connection.execute(wanted.where(Subscriber.id.in_(subscriber_ids)))}


def suppressions_page(connection: Connection, after: int, limit: int) -> list[SuppressionRow]:
    """The next suppressions by id, after the last id seen."""
    wanted = select(*_COLUMNS).where(Suppression.id > after).order_by(Suppression.id).limit(limit)
    return [_row(*row) for row in connection.execute(wanted)]


def suppress(
    connection: Connection, email_hash: bytes, email: str | None, reason: SuppressionReason, now: datetime,
    note: str | None = None,
) -> bool:  # fmt: skip
    """Suppress an address; True when it was not suppressed before.

    A complaint or an operator's own entry outweighs every other reason and stays, since only an operator lifts those.
    """
    known = suppression_of(connection, email_hash)
    if known is not None and known.reason in (SuppressionReason.COMPLAINED, SuppressionReason.MANUAL):
        return False
    statement = insert_or(connection, Suppression).values(
        email_hash=email_hash, email=email, reason=reason, at=now, note=note
    )
    statement = statement.on_conflict_do_update(
        index_elements=[Suppression.email_hash], set_={"reason": reason, "at": now, "note": note, "email": email}
    )
    connection.execute(statement)
    return known is None


def lift_suppression(
    connection: Connection, email_hash: bytes, reasons: Sequence[SuppressionReason] = tuple(SuppressionReason)
) -> bool:
    """Remove an address from the list where its reason is one of these; returns whether it was."""
    gone = connection.execute(
        delete(Suppression).where(Suppression.email_hash == email_hash, Suppression.reason.in_(reasons))
    )
    return gone.rowcount == 1


def blank_suppression(connection: Connection, email_hash: bytes) -> bool:
    """Keep the hash alone; returns whether there was one."""
    blank = update(Suppression).where(Suppression.email_hash == email_hash).values(email=None, note=None)
    return connection.execute(blank).rowcount == 1


def _row(*found: Any) -> SuppressionRow:
    row = SuppressionRow(*found)
    return row._replace(reason=SuppressionReason(row.reason))
