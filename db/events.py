"""Events in their order, and who is told of them."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from db.engine import is_sqlite, shared_now
from db.models import Issue, Subscriber, SubscriberEvent, Webhook
from db.rows import columns_of, one_row
from db.upsert import insert_or

_AT_ONCE = 5000
_NUMBERING = 7_302_118_445  # the advisory lock of whoever numbers


class Event(NamedTuple):
    """``email`` is None where nobody is meant, or who was meant has been erased."""

    number: int
    at: datetime
    what: str
    email: str | None
    issue_id: int | None
    week: str | None


class WebhookRow(NamedTuple):
    id: int
    name: str
    url: str
    secret: bytes
    events: list[str]
    after: int
    created_at: datetime
    failures: int
    failing_since: datetime | None
    next_at: datetime
    paused_at: datetime | None
    answer: str | None


_WEBHOOK = columns_of(Webhook, WebhookRow)


def number_events(connection: Connection) -> int:
    """Put what was committed since the last time behind what was there; returns how many were numbered.

    One process at a time does this; where another is at it, nothing is done.
    """
    if not is_sqlite(connection) and not connection.scalar(select(func.pg_try_advisory_xact_lock(_NUMBERING))):
        return 0
    last = connection.scalar(select(func.max(SubscriberEvent.number))) or 0
    place = func.row_number().over(order_by=SubscriberEvent.id).label("place")
    fresh = select(SubscriberEvent.id, place).where(SubscriberEvent.number.is_(None))
    new = fresh.order_by(SubscriberEvent.id).limit(_AT_ONCE).subquery()
    numbered = update(SubscriberEvent).where(SubscriberEvent.id == new.c.id).values(number=last + new.c.place)
    return connection.execute(numbered).rowcount


def has_unnumbered(connection: Connection) -> bool:
    unnumbered = select(SubscriberEvent.id).where(SubscriberEvent.number.is_(None)).limit(1)
    return connection.execute(unnumbered).first() is not None


def events_after(connection: Connection, after: int, limit: int, kinds: Collection[str] | None = None) -> list[Event]:
    """The next numbered events of these kinds (of all, where None)."""
    number: Any = SubscriberEvent.number
    wanted = (
        select(number, SubscriberEvent.at, SubscriberEvent.what, Subscriber.email,
               SubscriberEvent.issue_id, Issue.week)
        .outerjoin(Subscriber, Subscriber.id == SubscriberEvent.subscriber_id)
        .outerjoin(Issue, Issue.id == SubscriberEvent.issue_id)
        .where(number > after)
        .order_by(number)
        .limit(limit)
    )  # fmt: skip
    if kinds is not None:
        wanted = wanted.where(SubscriberEvent.what.in_(kinds))
    return [Event(*row) for row in connection.execute(wanted)]


def newest_number(connection: Connection) -> int:
    return connection.scalar(select(func.max(SubscriberEvent.number))) or 0


def add_webhook(connection: Connection, name: str, url: str, secret: bytes, events: list[str], now: datetime) -> bool:
    """It is told of what happens from now on. False where the name is taken."""
    while number_events(connection):
        pass
    values = {"name": name, "url": url, "secret": secret, "events": events, "created_at": now, "next_at": now}
    statement = insert_or(connection, Webhook).values(**values, after=newest_number(connection))
    statement = statement.on_conflict_do_nothing(index_elements=[Webhook.name]).returning(Webhook.id)
    return connection.execute(statement).first() is not None


def list_webhooks(connection: Connection) -> list[WebhookRow]:
    return [WebhookRow(*row) for row in connection.execute(select(*_WEBHOOK).order_by(Webhook.id))]


def remove_webhook(connection: Connection, name: str) -> bool:
    return connection.execute(delete(Webhook).where(Webhook.name == name)).rowcount == 1


def resume_webhook(connection: Connection, name: str, now: datetime) -> bool:
    """Try again at once, whether it is paused or waits for its next try. False where there is no such webhook."""
    values = {"paused_at": None, "failures": 0, "failing_since": None, "next_at": now}
    return connection.execute(update(Webhook).where(Webhook.name == name).values(**values)).rowcount == 1


def webhooks_due(connection: Connection, now: datetime) -> list[WebhookRow]:
    """Those that have not been told everything and may be tried now."""
    newest = newest_number(connection)
    return [
        hook
        for hook in list_webhooks(connection)
        if hook.after < newest and hook.paused_at is None and hook.next_at <= now
    ]


def hold_webhook(connection: Connection, webhook_id: int, now: datetime, lease: timedelta) -> WebhookRow | None:
    """Take a webhook for ourselves, so that each event is told by one process; None when somebody else has it. Leases
    end by the database's clock."""
    clock = shared_now(connection)
    free = (Webhook.lease_until.is_(None) | (Webhook.lease_until < clock), Webhook.paused_at.is_(None))
    held = update(Webhook).where(Webhook.id == webhook_id, Webhook.next_at <= now, *free)
    return one_row(connection, held.values(lease_until=clock + lease).returning(*_WEBHOOK), WebhookRow)


def note_webhook(connection: Connection, webhook_id: int, **values: Any) -> None:
    """Record how far it was told, or that it failed."""
    connection.execute(update(Webhook).where(Webhook.id == webhook_id).values(**values))


def add_issue_sent(connection: Connection, issue_id: int, now: datetime) -> None:
    connection.execute(insert(SubscriberEvent).values(at=now, what="issue_sent", issue_id=issue_id))
