"""What an issue's receipt says beside its counts: how fast it goes, who makes it wait, and what came back of it."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, select, update

from db.deliveries import is_missed, is_waiting, mailable, recipient_domain, status_is
from db.models import Delivery, Issue, ReturnedMail, Subscriber, SubscriberEvent, Vote
from db.states import BounceKind, Call, DeliveryStatus


class Pace(NamedTuple):
    """How many were sent in all and lately, and between which instants."""

    sent: int
    lately: int
    began_at: datetime | None
    ended_at: datetime | None


class Deferral(NamedTuple):
    """A recipient domain where deliveries wait; ``reply`` is one of the servers' reasons."""

    domain: str
    waiting: int
    until: datetime | None
    reply: str | None


class ItemVotes(NamedTuple):
    tool_id: int
    ships: int
    skips: int


def pace(connection: Connection, issue_id: int, lately: datetime) -> Pace:
    """``lately`` is the instant since which a message counts as sent lately."""
    wanted = select(
        func.count(),
        func.coalesce(func.sum(case((Delivery.finished_at > lately, 1), else_=0)), 0),
        func.min(Delivery.first_attempt_at),
        func.max(Delivery.finished_at),
    ).where(Delivery.issue_id == issue_id, Delivery.status == DeliveryStatus.SENT)
    return Pace(*connection.execute(wanted).one())


def deferrals(connection: Connection, issue_id: int) -> list[Deferral]:
    """The domains with the most waiting deliveries first."""
    domain = recipient_domain(connection)
    waiting = func.count().label("waiting")
    wanted = (
        select(domain, waiting, func.min(Delivery.next_attempt_at), func.max(Delivery.reply))
        .where(Delivery.issue_id == issue_id, is_waiting())
        .group_by("domain")
        .order_by(waiting.desc(), "domain")
        .limit(20)
    )
    return [Deferral(*row) for row in connection.execute(wanted)]


def count_missed(connection: Connection, issue_id: int, now: datetime) -> int:
    """How many failed although their reader may be mailed now."""
    return connection.execute(select(func.count()).where(_missed(issue_id, now))).scalar_one()


def queue_missed(connection: Connection, issue_id: int, now: datetime) -> int:
    """Queue those again as if they had never been tried; returns how many."""
    anew = dict.fromkeys(("next_attempt_at", "first_attempt_at", "finished_at", "code", "reply", "relay", "relay_id"))
    return connection.execute(
        update(Delivery).where(_missed(issue_id, now)).values(status=DeliveryStatus.QUEUED, attempts=0, **anew)
    ).rowcount


def _missed(issue_id: int, now: datetime) -> ColumnElement[bool]:
    """The reader must still have the address that was mailed."""
    reader = exists().where(Subscriber.id == Delivery.subscriber_id, Subscriber.email == Delivery.email, mailable(now))
    return and_(Delivery.issue_id == issue_id, is_missed(), status_is("failed"), reader)


def returned_kinds(connection: Connection, issue_id: int) -> dict[str, int]:
    """How many deliveries of an issue came back or were complained about, by kind."""
    wanted = (
        select(ReturnedMail.kind, func.count(func.distinct(ReturnedMail.delivery_id)))
        .join(Delivery, Delivery.id == ReturnedMail.delivery_id)
        .where(Delivery.issue_id == issue_id, ReturnedMail.kind != BounceKind.IGNORED)
        .group_by(ReturnedMail.kind)
    )
    return {row[0]: row[1] for row in connection.execute(wanted)}


def count_unsubscribed(connection: Connection, issue_id: int) -> int:
    """How many left by a link of this issue."""
    wanted = select(func.count(func.distinct(SubscriberEvent.subscriber_id))).where(
        SubscriberEvent.issue_id == issue_id, SubscriberEvent.what == "unsubscribed"
    )
    return connection.execute(wanted).scalar_one()


def next_start(connection: Connection, started_at: datetime) -> datetime | None:
    """When the issue after the one that started then went out."""
    found: datetime | None = connection.scalar(select(func.min(Issue.started_at)).where(Issue.started_at > started_at))
    return found


def votes_between(
    connection: Connection, tool_ids: Collection[int], since: datetime, until: datetime | None
) -> list[ItemVotes]:
    """Votes on these tools in that time, the most voted on first; ``until`` None is up to now."""
    ships = func.sum(case((Vote.call == Call.SHIP, 1), else_=0))
    wanted = (
        select(Vote.tool_id, ships, func.count() - ships)
        .where(Vote.tool_id.in_(tool_ids), Vote.at >= since)
        .group_by(Vote.tool_id)
        .order_by(func.count().desc(), Vote.tool_id)
    )
    if until is not None:
        wanted = wanted.where(Vote.at < until)
    return [ItemVotes(*row) for row in connection.execute(wanted)]
