"""Many subscribers at once: what an import needs, in a handful of statements per chunk."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, text, update

from db.engine import is_sqlite
from db.models import Confirmation, Consent, Subscriber, SubscriberEvent
from db.states import SubscriberState


class NewSubscriber(NamedTuple):
    email: str
    email_hash: bytes
    name: str
    selection: str
    consent_at: datetime
    consent_source: str


class Standing(NamedTuple):
    id: int
    state: str


def standing_of(connection: Connection, hashes: Sequence[bytes]) -> dict[bytes, Standing]:
    """Those of these hashes that are subscribers, with their states; at most some thousands at a time."""
    wanted = select(Subscriber.email_hash, Subscriber.id, Subscriber.state).where(Subscriber.email_hash.in_(hashes))
    return {row.email_hash: Standing(row.id, row.state) for row in connection.execute(wanted)}


def insert_active(connection: Connection, new: Sequence[NewSubscriber], now: datetime) -> None:
    """Add subscribers with their consent. None of them may be there yet."""
    if not new:
        return
    ids = _next_ids(connection, len(new))
    connection.execute(
        insert(Subscriber),
        [
            {
                "id": id, "email": one.email, "email_hash": one.email_hash, "name": one.name,
                "selection": one.selection, "state": SubscriberState.ACTIVE, "created_at": now, "state_since": now,
            }
            for id, one in zip(ids, new, strict=True)
        ],
    )  # fmt: skip
    _add_evidence(connection, list(zip(ids, new, strict=True)), now)


def activate_pending(connection: Connection, waiting: Sequence[tuple[int, NewSubscriber]], now: datetime) -> None:
    """Subscribers who had not answered yet, and whose consent came another way."""
    if not waiting:
        return
    statement = (
        update(Subscriber)
        .where(Subscriber.id == bindparam("wanted_id"))
        .values(
            name=bindparam("given_name"), selection=bindparam("given_selection"), state=SubscriberState.ACTIVE,
            state_since=now,
        )
    )  # fmt: skip
    connection.execute(
        statement,
        [{"wanted_id": id, "given_name": one.name, "given_selection": one.selection} for id, one in waiting],
    )
    answered = update(Confirmation).where(
        Confirmation.subscriber_id == bindparam("wanted_id"), Confirmation.confirmed_at.is_(None)
    )
    connection.execute(answered.values(confirmed_at=now), [{"wanted_id": id} for id, _ in waiting])
    _add_evidence(connection, waiting, now)


def _add_evidence(connection: Connection, who: Sequence[tuple[int, NewSubscriber]], now: datetime) -> None:
    connection.execute(
        insert(Consent),
        [{"subscriber_id": id, "at": one.consent_at, "source": one.consent_source} for id, one in who],
    )
    connection.execute(
        insert(SubscriberEvent), [{"at": now, "what": "subscribed", "subscriber_id": id} for id, _ in who]
    )


def _next_ids(connection: Connection, count: int) -> list[int]:
    """Ids for rows to come, so that their consents can be written without reading them back.

    SQLite: one writer at a time, and AUTOINCREMENT remembers the highest id ever given, deleted rows included.
    """
    if is_sqlite(connection):
        used = connection.execute(text("SELECT seq FROM sqlite_sequence WHERE name = 'subscribers'")).scalar() or 0
        return list(range(used + 1, used + 1 + count))
    sequence = text("SELECT nextval(pg_get_serial_sequence('subscribers', 'id')) FROM generate_series(1, :count)")
    return [int(id) for id in connection.scalars(sequence, {"count": count})]
