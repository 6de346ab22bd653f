"""Subscribers: finding them, adding them, moving them between states, and the evidence of their consent."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, exists, insert, or_, select, update

from db.models import Consent, Delivery, Issue, Subscriber, SubscriberEvent
from db.rows import columns_of, one_row
from db.states import DeliveryStatus, SubscriberState
from db.upsert import insert_or


class SubscriberRow(NamedTuple):
    """``selection`` is as in subscribers/selections.py."""

    id: int
    email: str
    name: str
    state: SubscriberState
    format: str
    selection: str
    paused_until: datetime | None
    created_at: datetime
    state_since: datetime


class ConsentRow(NamedTuple):
    """The evidence: ``asked_at`` and ``address`` are of the form, ``at`` and ``confirmed_from`` of the answer."""

    at: datetime
    source: str
    address: str | None
    form: str | None
    words: str | None
    asked_at: datetime | None
    confirmed_from: str | None


_COLUMNS = columns_of(Subscriber, SubscriberRow)
_CONSENT = columns_of(Consent, ConsentRow)


def subscriber_by_id(connection: Connection, subscriber_id: int) -> SubscriberRow | None:
    return one_row(connection, select(*_COLUMNS).where(Subscriber.id == subscriber_id), _row)


def subscriber_by_hash(connection: Connection, email_hash: bytes) -> SubscriberRow | None:
    """``email_hash`` is `hash_address` of the stored address under the address key."""
    return one_row(connection, select(*_COLUMNS).where(Subscriber.email_hash == email_hash), _row)


def subscribers_page(
    connection: Connection, after: int, limit: int, state: SubscriberState | None
) -> list[SubscriberRow]:
    """The next subscribers by id, after the last id seen; ``state`` None means all of them."""
    wanted = select(*_COLUMNS).where(Subscriber.id > after).order_by(Subscriber.id).limit(limit)
    if state is not None:
        wanted = wanted.where(Subscriber.state == state)
    return [_row(*row) for row in connection.execute(wanted)]


def addresses_page(
    connection: Connection, after: int, limit: int, state: SubscriberState | None
) -> list[tuple[int, str, str]]:
    """(id, address, state) of the next subscribers by id, after the last id seen."""
    wanted = select(Subscriber.id, Subscriber.email, Subscriber.state).where(Subscriber.id > after)
    if state is not None:
        wanted = wanted.where(Subscriber.state == state)
    return [(row[0], row[1], row[2]) for row in connection.execute(wanted.order_by(Subscriber.id).limit(limit))]


def add_subscriber(
    connection: Connection, email: str, email_hash: bytes, state: SubscriberState, now: datetime, **more: Any
) -> int | None:
    """A new row; ``more`` may hold name, format, selection. None where the address is known, even since a moment ago:
    on PostgreSQL this waits for an import or a sign-up that has it already."""
    values = {"name": "", "created_at": now, "state_since": now, **more}
    statement = insert_or(connection, Subscriber).values(email=email, email_hash=email_hash, state=state, **values)
    found: int | None = connection.scalar(statement.on_conflict_do_nothing().returning(Subscriber.id))
    return found


def move_subscriber(
    connection: Connection, subscriber_id: int, state: SubscriberState, now: datetime, *, where: tuple[str, ...] = ()
) -> bool:
    """Put a subscriber into a state; ``where`` names the states it may come from, none for any.

    Returns whether anything changed: being in the state already changes nothing.
    """
    allowed = where or tuple(SubscriberState)
    statement = (
        update(Subscriber)
        .where(Subscriber.id == subscriber_id, Subscriber.state != state, Subscriber.state.in_(allowed))
        .values(state=state, state_since=now)
    )
    return connection.execute(statement).rowcount == 1


def update_subscriber(connection: Connection, subscriber_id: int, **values: Any) -> None:
    """Set columns of one subscriber: name, format, selection, paused_until, bounce counts."""
    connection.execute(update(Subscriber).where(Subscriber.id == subscriber_id).values(**values))


def add_consent(connection: Connection, subscriber_id: int, consent: ConsentRow) -> None:
    connection.execute(insert(Consent).values(subscriber_id=subscriber_id, **consent._asdict()))


def consents_of(connection: Connection, subscriber_id: int) -> list[ConsentRow]:
    """All the evidence that there is, the newest first."""
    wanted = select(*_CONSENT).where(Consent.subscriber_id == subscriber_id).order_by(Consent.id.desc())
    return [ConsentRow(*row) for row in connection.execute(wanted)]


def newest_consents(connection: Connection, subscriber_ids: list[int]) -> dict[int, ConsentRow]:
    """The newest evidence of each of these subscribers; those without any are absent."""
    wanted = select(Consent.subscriber_id, *_CONSENT).where(Consent.subscriber_id.in_(subscriber_ids))
    found = connection.execute(wanted.order_by(Consent.id))
    return {row[0]: ConsentRow(*row[1:]) for row in found}


def unreached_subscribers(connection: Connection, before: datetime, now: datetime, limit: int) -> list[SubscriberRow]:
    """Active ones whom no issue has reached since ``before`` although they were there, the longest standing first."""
    recent = list(connection.scalars(select(Issue.id).where(Issue.started_at >= before).order_by(Issue.id.desc())))
    reached = exists().where(
        Delivery.issue_id.in_(recent), Delivery.subscriber_id == Subscriber.id, Delivery.status == DeliveryStatus.SENT
    )
    there = (Subscriber.state == SubscriberState.ACTIVE, Subscriber.state_since < before)
    waits = or_(Subscriber.paused_until.is_(None), Subscriber.paused_until < now)
    wanted = select(*_COLUMNS).where(*there, waits, ~reached).order_by(Subscriber.id).limit(limit)
    return [_row(*row) for row in connection.execute(wanted)]


def add_event(
    connection: Connection, what: str, subscriber_id: int | None, now: datetime, issue_id: int | None = None
) -> None:
    """Note what happened to a subscription, for counts: subscribed, unsubscribed, bounced, complained, erased."""
    connection.execute(
        insert(SubscriberEvent).values(at=now, what=what, subscriber_id=subscriber_id, issue_id=issue_id)
    )


def events_of(connection: Connection, subscriber_id: int) -> list[tuple[datetime, str, int | None]]:
    """(at, what, issue id) in the order they happened."""
    wanted = select(SubscriberEvent.at, SubscriberEvent.what, SubscriberEvent.issue_id)
    wanted = wanted.where(SubscriberEvent.subscriber_id == subscriber_id).order_by(SubscriberEvent.id)
    return [(row.at, row.what, row.issue_id) for row in connection.execute(wanted)]


def _row(*found: Any) -> SubscriberRow:
    row = SubscriberRow(*found)
    return row._replace(state=SubscriberState(row.state))
