"""Double opt-ins that wait for their answer."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select, update

from db.models import Confirmation
from db.rows import columns_of, one_row


class ConfirmationRow(NamedTuple):
    """What a form asked for. ``nonce`` and ``id`` are what its token is derived from."""

    id: int
    subscriber_id: int
    nonce: bytes
    name: str
    selection: str
    address: str | None
    form: str
    words: str
    created_at: datetime
    expires_at: datetime
    confirmed_at: datetime | None


_COLUMNS = columns_of(Confirmation, ConfirmationRow)


def add_confirmation(connection: Connection, **values: Any) -> int:
    """A new row; its ``token_hash`` is set with `keep_token_hash`, since the token is made of the row's id."""
    statement = insert(Confirmation).values(token_hash=b"", **values)
    found: int = connection.execute(statement.returning(Confirmation.id)).scalar_one()
    return found


def keep_token_hash(connection: Connection, confirmation_id: int, token_hash: bytes) -> None:
    connection.execute(update(Confirmation).where(Confirmation.id == confirmation_id).values(token_hash=token_hash))


def confirmation_by_id(connection: Connection, confirmation_id: int) -> ConfirmationRow | None:
    return one_row(connection, select(*_COLUMNS).where(Confirmation.id == confirmation_id), ConfirmationRow)


def confirmation_by_hash(connection: Connection, token_hash: bytes) -> ConfirmationRow | None:
    return one_row(connection, select(*_COLUMNS).where(Confirmation.token_hash == token_hash), ConfirmationRow)


def confirmations_since(connection: Connection, subscriber_id: int, since: datetime) -> list[ConfirmationRow]:
    """A subscriber's confirmations that were asked for at an instant or later, oldest first."""
    wanted = select(*_COLUMNS).where(Confirmation.subscriber_id == subscriber_id, Confirmation.created_at >= since)
    return [ConfirmationRow(*row) for row in connection.execute(wanted.order_by(Confirmation.created_at))]


def confirmations_of(connection: Connection, subscriber_id: int) -> list[ConfirmationRow]:
    """All that are kept, oldest first."""
    wanted = select(*_COLUMNS).where(Confirmation.subscriber_id == subscriber_id)
    return [ConfirmationRow(*row) for row in connection.execute(wanted.order_by(Confirmation.id))]


def answer_confirmations(connection: Connection, subscriber_id: int, now: datetime) -> int:
    """Mark every waiting confirmation of a subscriber answered, so that an older letter changes nothing later.

    Returns how many were waiting: 0 to the second of two answers that arrive at once.
    """
    waiting = (Confirmation.subscriber_id == subscriber_id, Confirmation.confirmed_at.is_(None))
    return connection.execute(update(Confirmation).where(*waiting).values(confirmed_at=now)).rowcount
