"""Many subscribers at once: what an import needs, in a handful of statements per chunk, whatever is in it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, exists, func, insert, literal, select, text, update

from db.engine import is_sqlite
from db.models import Confirmation, Consent, Instant, Subscriber, SubscriberEvent, Suppression
from db.states import SubscriberState, SuppressionReason
from db.upsert import insert_or


class NewSubscriber(NamedTuple):
    email: str
    email_hash: bytes
    name: str
    selection: str
    consent_at: datetime
    consent_source: str
    format: str = "html"
    paused_until: datetime | None = None


def take_in(connection: Connection, new: Sequence[NewSubscriber], now: datetime) -> int:
    """Make active who is new or still pending, with their consent; returns how many that are.

    Whoever consented before and was asked again since stays pending, unless this consent is newer than the question.
    Everybody else who is known stays as they are, and so does who is suppressed. An address stands in ``new`` once.
    """
    if not new:
        return 0
    if is_sqlite(connection):
        # The hashes land all over their index: with the usual 2 MB, its pages are written many times over.
        connection.exec_driver_sql("PRAGMA cache_size = -32768")
    ids = _next_ids(connection, len(new))
    _insert(connection, ids, new, now)
    _drop_suppressed(connection, ids)
    came = _present(connection, ids)
    entered = [(id, one) for id, one in zip(ids, new, strict=True) if id in came]
    others = [one for id, one in zip(ids, new, strict=True) if id not in came]
    waiting = _pending_among(connection, others)
    _activate(connection, waiting, now)
    _add_consents(connection, entered + waiting)
    _add_events(connection, ids, [id for id, _ in waiting], now)
    return len(entered) + len(waiting)


class Departed(NamedTuple):
    """Somebody who left elsewhere. ``at`` is None where nobody knows since when."""

    email: str
    email_hash: bytes
    reason: SuppressionReason
    at: datetime | None
    note: str


def shut_out(connection: Connection, gone: Sequence[Departed], now: datetime) -> tuple[int, list[tuple[int, Departed]]]:
    """Suppress who left elsewhere; returns how many were not suppressed before, and who of them was known by id.

    Whoever is suppressed already stays so for the old reason. Whoever consented here after leaving there has come back
    and stays. An address stands in ``gone`` once.
    """
    by_hash = {one.email_hash: one for one in gone}
    if not by_hash:
        return 0, []
    hashes = list(by_hash)
    known = (
        select(Subscriber.id, Subscriber.email_hash, func.max(Consent.at).label("consent_at"))
        .join(Consent, Consent.subscriber_id == Subscriber.id, isouter=True)
        .where(
            Subscriber.email_hash.in_(hashes), Subscriber.state.in_((SubscriberState.ACTIVE, SubscriberState.PENDING))
        )
        .group_by(Subscriber.id, Subscriber.email_hash)
    )
    here = []
    for row in connection.execute(known).all():
        left_at = by_hash[row.email_hash].at
        if left_at is not None and row.consent_at is not None and row.consent_at > left_at:
            del by_hash[row.email_hash]
        else:
            here.append((row.id, by_hash[row.email_hash]))
    for email_hash in connection.scalars(select(Suppression.email_hash).where(Suppression.email_hash.in_(hashes))):
        by_hash.pop(email_hash, None)
    rows = [
        {"email_hash": one.email_hash, "email": one.email, "reason": one.reason, "at": one.at or now, "note": one.note}
        for one in by_hash.values()
    ]
    if rows:
        connection.execute(insert_or(connection, Suppression).on_conflict_do_nothing(), rows)
    return len(rows), here


def _insert(connection: Connection, ids: Sequence[int], new: Sequence[NewSubscriber], now: datetime) -> None:
    stored = _stored(connection)
    moment = stored(now)
    rows = [
        (id, one[0], one[1], one[2], one[3], one[6], one[7] and stored(one[7]), moment, moment)
        for id, one in zip(ids, new, strict=True)
    ]
    connection.exec_driver_sql(_INTO_SUBSCRIBERS[connection.dialect.paramstyle], rows)


def _drop_suppressed(connection: Connection, ids: Sequence[int]) -> None:
    """Of the rows just inserted, those whose address must not be mailed go again."""
    ours = Subscriber.id.between(ids[0], ids[-1])
    barred = select(Subscriber.id).join(Suppression, Suppression.email_hash == Subscriber.email_hash).where(ours)
    gone = set(connection.scalars(barred)) & set(ids)
    if gone:
        connection.execute(delete(Subscriber).where(Subscriber.id == bindparam("gone")), [{"gone": id} for id in gone])


def _present(connection: Connection, ids: Sequence[int]) -> set[int]:
    found = connection.scalars(select(Subscriber.id).where(Subscriber.id.between(ids[0], ids[-1])))
    return set(found) & set(ids)


def _pending_among(connection: Connection, others: Sequence[NewSubscriber]) -> list[tuple[int, NewSubscriber]]:
    """Those who signed up and have not answered yet, and are not suppressed; who leaves waits for the import."""
    by_hash = {one.email_hash: one for one in others}
    asked_at = select(func.max(Confirmation.created_at)).where(Confirmation.subscriber_id == Subscriber.id)
    consented = exists().where(Consent.subscriber_id == Subscriber.id)
    wanted = (
        select(
            Subscriber.id,
            Subscriber.email_hash,
            consented.label("consented"),
            Subscriber.state_since,
            asked_at.scalar_subquery().label("asked_at"),
        )
        .join(Suppression, Suppression.email_hash == Subscriber.email_hash, isouter=True)
        .where(Subscriber.email_hash.in_(list(by_hash)), Suppression.id.is_(None))
        .where(Subscriber.state == SubscriberState.PENDING)
    )
    found = connection.execute(wanted.with_for_update(of=Subscriber)).all() if others else []
    return [
        (row.id, by_hash[row.email_hash])
        for row in found
        if not row.consented
        or by_hash[row.email_hash].consent_at > max(row.asked_at or row.state_since, row.state_since)
    ]


def _activate(connection: Connection, waiting: Sequence[tuple[int, NewSubscriber]], now: datetime) -> None:
    if not waiting:
        return
    statement = (
        update(Subscriber)
        .where(Subscriber.id == bindparam("wanted_id"))
        .values(
            name=bindparam("given_name"), selection=bindparam("given_selection"), state=SubscriberState.ACTIVE,
            state_since=now, format=bindparam("given_format"), paused_until=bindparam("given_pause"),
        )
    )  # fmt: skip
    connection.execute(
        statement,
        [
            {
                "wanted_id": id,
                "given_name": one.name,
                "given_selection": one.selection,
                "given_format": one.format,
                "given_pause": one.paused_until,
            }
            for id, one in waiting
        ],
    )
    answered = update(Confirmation).where(
        Confirmation.subscriber_id == bindparam("wanted_id"), Confirmation.confirmed_at.is_(None)
    )
    connection.execute(answered.values(confirmed_at=now), [{"wanted_id": id} for id, _ in waiting])


def _add_consents(connection: Connection, who: Sequence[tuple[int, NewSubscriber]]) -> None:
    if who:
        stored = _stored(connection)
        rows = [(id, stored(one.consent_at), one.consent_source) for id, one in who]
        connection.exec_driver_sql(_INTO_CONSENTS[connection.dialect.paramstyle], rows)


def _add_events(connection: Connection, ids: Sequence[int], waiting: Sequence[int], now: datetime) -> None:
    """In one statement for all who are new: between these ids, at this instant, nobody else joined."""
    new = select(literal(now, Instant()), literal("subscribed"), Subscriber.id).where(
        Subscriber.id.between(ids[0], ids[-1]), Subscriber.created_at == now
    )
    into = ["at", "what", "subscriber_id"]
    connection.execute(insert(SubscriberEvent).from_select(into, new))
    if waiting:
        rows = [{"at": now, "what": "subscribed", "subscriber_id": id} for id in waiting]
        connection.execute(insert(SubscriberEvent), rows)


def _stored(connection: Connection) -> Callable[[datetime], Any]:
    """How an instant goes to the driver. The same few are asked for again and again."""
    convert = Instant().dialect_impl(connection.dialect).bind_processor(connection.dialect)
    return lru_cache(maxsize=1024)(convert or (lambda moment: moment))


def _for_drivers(statement: str) -> dict[str, str]:
    """By the driver's way of marking parameters. What is said per row is said in the driver's own terms: the statement
    layer took more time for each row than the database."""
    return {"qmark": statement, "pyformat": statement.replace("?", "%s")}


_INTO_SUBSCRIBERS = _for_drivers(
    "INSERT INTO subscribers"
    " (id, email, email_hash, name, selection, format, paused_until, state, created_at, state_since)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, 'active', ?, ?) ON CONFLICT (email_hash) DO NOTHING"
)
_INTO_CONSENTS = _for_drivers("INSERT INTO consents (subscriber_id, at, source) VALUES (?, ?, ?)")


def _next_ids(connection: Connection, count: int) -> list[int]:
    """Ids for rows to come, ascending, so that their consents can be written without reading them back.

    SQLite: one writer at a time, and AUTOINCREMENT remembers the highest id ever given, deleted rows included.
    """
    if is_sqlite(connection):
        used = connection.execute(text("SELECT seq FROM sqlite_sequence WHERE name = 'subscribers'")).scalar() or 0
        return list(range(used + 1, used + 1 + count))
    sequence = text("SELECT nextval(pg_get_serial_sequence('subscribers', 'id')) FROM generate_series(1, :count)")
    return sorted(int(id) for id in connection.scalars(sequence, {"count": count}))
