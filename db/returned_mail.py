"""Returned mail: which delivery it belongs to, what was said before, and what becomes of the subscriber."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select, update

from db.deliveries import counts, is_missed, status_is
from db.letters import withdraw_letters
from db.models import Consent, Delivery, Issue, IssueContent, ReturnedMail, Subscriber
from db.pauses import address_pattern
from db.rows import columns_of, one_row
from db.states import (
    BounceKind,
    DeliveryStatus,
    SubscriberState,
    SuppressionReason,
)
from db.subscribers import add_event, move_subscriber
from db.suppressions import suppress
from db.upsert import insert_or


class DeliveryRow(NamedTuple):
    """A delivery that mail came back for. ``email`` is as it was sent, blank after an erasure. ``id`` and ``issue_id``
    are 0 where a letter carried the reader's link, and no issue."""

    id: int
    issue_id: int
    subscriber_id: int
    email: str


class PastDelivery(NamedTuple):
    """An earlier delivery to a subscriber, as far as its bounces go; ``returned_at`` is when a counted one came."""

    issue_id: int
    started_at: datetime
    mailed_at: datetime
    status: str
    code: int | None
    reply: str | None
    finished_at: datetime | None
    returned_at: datetime | None


class Refused(NamedTuple):
    """A delivery that the relay refused for good, with its reply."""

    delivery: DeliveryRow
    code: int | None
    reply: str


class ReturnedCount(NamedTuple):
    sent: int
    returned: int


_SOFT_BREAK = re.compile(rb"=\r?\n")
_MAILED_AT = func.coalesce(Delivery.finished_at, Issue.started_at, Issue.starts_at)
_DELIVERY = columns_of(Delivery, DeliveryRow)


def delivery_by_id(connection: Connection, delivery_id: int) -> DeliveryRow | None:
    return one_row(connection, select(*_DELIVERY).where(Delivery.id == delivery_id), DeliveryRow)


def delivery_of_link(connection: Connection, issue_id: int, subscriber_id: int) -> DeliveryRow | None:
    """The delivery whose mail carried a reader's link. Their welcome carries one, too, and is no delivery."""
    if issue_id == 0:
        reader = select(Subscriber.email).where(Subscriber.id == subscriber_id)
        email = connection.execute(reader).scalar_one_or_none()
        return None if email is None else DeliveryRow(0, 0, subscriber_id, email)
    wanted = select(*_DELIVERY).where(Delivery.issue_id == issue_id, Delivery.subscriber_id == subscriber_id)
    return one_row(connection, wanted, DeliveryRow)


def has_return_paths(connection: Connection, issue_id: int) -> bool:
    """Whether the mails of an issue have return paths of their own."""
    domain = IssueContent.content["message"]["envelope"]["bounce_domain"].as_string()
    return connection.scalar(select(domain).where(IssueContent.issue_id == issue_id)) is not None


def deliveries_by_relay_id(connection: Connection, relay_id: str) -> list[DeliveryRow]:
    """By the relay's own id, from its reply to the message; one, unless a relay counts anew."""
    return [DeliveryRow(*row) for row in connection.execute(select(*_DELIVERY).where(Delivery.relay_id == relay_id))]


def newest_delivery_to(connection: Connection, email_hash: bytes, week: str | None) -> DeliveryRow | None:
    """The delivery of an issue to whoever has this address now; of the newest issue where none is named."""
    wanted = (
        select(*_DELIVERY)
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .join(Issue, Issue.id == Delivery.issue_id)
        .where(Subscriber.email_hash == email_hash)
    )
    if week is not None:
        wanted = wanted.where(Issue.week == week)
    return one_row(connection, wanted.order_by(Issue.starts_at.desc()).limit(1), DeliveryRow)


def add_returned(
    connection: Connection, *, fingerprint: str, recipient: str, at: datetime, source: str, kind: BounceKind,
    status: str | None, reason: str, delivery: DeliveryRow | None, theirs: bool, raw: bytes | None,
) -> int | None:  # fmt: skip
    """Keep what a mail said of a recipient; None when this mail was taken before.

    What is not about the reader of the delivery (``theirs``) stays tied to them, to be blanked with them, and counts
    for nothing.
    """
    statement = insert_or(connection, ReturnedMail).values(
        fingerprint=fingerprint, recipient=recipient, at=at, source=source, kind=kind, status=status, reason=reason,
        delivery_id=(delivery.id or None) if delivery and theirs else None,
        subscriber_id=delivery.subscriber_id if delivery else None, changed=False, raw=raw,
    )  # fmt: skip
    statement = statement.on_conflict_do_nothing(index_elements=[ReturnedMail.fingerprint, ReturnedMail.recipient])
    return connection.execute(statement.returning(ReturnedMail.id)).scalar_one_or_none()


def mark_changed(connection: Connection, returned_id: int) -> None:
    """Note that a returned mail changed its subscriber's state."""
    connection.execute(update(ReturnedMail).where(ReturnedMail.id == returned_id).values(changed=True))


def has_changed(connection: Connection, delivery_id: int, kinds: Sequence[BounceKind]) -> bool:
    """Whether mail about this delivery changed its subscriber before: one delivery counts once, however often its
    report comes, so that an old one does not undo a reader's return."""
    wanted = select(ReturnedMail.id).where(
        ReturnedMail.delivery_id == delivery_id, ReturnedMail.changed.is_(True), ReturnedMail.kind.in_(kinds)
    )
    return connection.execute(wanted.limit(1)).first() is not None


def past_deliveries(connection: Connection, subscriber_id: int, counted_reasons: Sequence[str]) -> list[PastDelivery]:
    """A subscriber's last dozen of ended deliveries, the newest issue first."""
    returned = (
        select(ReturnedMail.delivery_id, func.max(ReturnedMail.at).label("returned_at"))
        .where(
            ReturnedMail.subscriber_id == subscriber_id,
            ReturnedMail.kind == BounceKind.SOFT,
            ReturnedMail.reason.in_(counted_reasons),
        )
        .group_by(ReturnedMail.delivery_id)
        .subquery()
    )
    wanted = (
        select(
            Delivery.issue_id, func.coalesce(Issue.started_at, Issue.starts_at), _MAILED_AT, Delivery.status,
            Delivery.code, Delivery.reply, Delivery.finished_at, returned.c.returned_at,
        )
        .join(Issue, Issue.id == Delivery.issue_id)
        .outerjoin(returned, returned.c.delivery_id == Delivery.id)
        .where(
            Delivery.subscriber_id == subscriber_id,
            Delivery.status.in_((DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.UNCERTAIN)),
        )
        .order_by(Issue.starts_at.desc())
        .limit(12)
    )  # fmt: skip
    return [PastDelivery(*row) for row in connection.execute(wanted)]


def came_back_at(connection: Connection, subscriber_id: int) -> datetime | None:
    """When somebody who had consented before last answered a double opt-in: their mailbox worked then, whatever
    earlier mail says of it. None for those who came in once."""
    wanted = select(Consent.at, Consent.asked_at).where(Consent.subscriber_id == subscriber_id)
    later = connection.execute(wanted.order_by(Consent.id)).all()[1:]
    answered: list[datetime] = [row.at for row in later if row.asked_at is not None]
    return max(answered, default=None)


def mailed_at(connection: Connection, delivery_id: int) -> datetime:
    """When a delivery ended, or else when its issue began."""
    wanted = select(_MAILED_AT).join(Issue, Issue.id == Delivery.issue_id).where(Delivery.id == delivery_id)
    found = connection.execute(wanted).scalar_one()
    assert found is not None, "every issue has a beginning"
    return found


def newest_started(connection: Connection, limit: int) -> list[int]:
    """The issues that began last."""
    wanted = select(Issue.id).where(Issue.started_at.is_not(None)).order_by(Issue.starts_at.desc()).limit(limit)
    return list(connection.scalars(wanted))


def refused_deliveries(
    connection: Connection, issue_id: int, since: datetime | None, after: int, limit: int
) -> list[Refused]:
    """The next deliveries of an issue by id that a reply refused (since an instant), as far as their subscribers are
    active."""
    wanted = (
        select(*_DELIVERY, Delivery.code, Delivery.reply)
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(Delivery.issue_id == issue_id, is_missed(), status_is("failed"), Delivery.id > after)
        .where(Subscriber.state == SubscriberState.ACTIVE, Delivery.code.is_not(None))
        .order_by(Delivery.id)
        .limit(limit)
    )
    if since is not None:
        wanted = wanted.where(Delivery.finished_at > since)
    return [Refused(DeliveryRow(*row[:4]), row.code, row.reply or "") for row in connection.execute(wanted)]


def note_streak(connection: Connection, subscriber_id: int, length: int, since: datetime | None) -> None:
    """How many soft bounces in a row a subscriber is at, for people who look."""
    connection.execute(
        update(Subscriber).where(Subscriber.id == subscriber_id).values(soft_bounces=length, soft_bounced_since=since)
    )


_STOPPED_FROM = {
    SubscriberState.BOUNCED: (SubscriberState.ACTIVE,),
    SubscriberState.COMPLAINED: (
        SubscriberState.PENDING,
        SubscriberState.ACTIVE,
        SubscriberState.UNSUBSCRIBED,
        SubscriberState.BOUNCED,
    ),
    SubscriberState.UNSUBSCRIBED: (SubscriberState.PENDING, SubscriberState.ACTIVE, SubscriberState.BOUNCED),
}


def stop_mailing(
    connection: Connection, delivery: DeliveryRow, mailed_hash: bytes, state: SubscriberState, now: datetime,
    note: str | None,
) -> bool:  # fmt: skip
    """Move the subscriber of a delivery to bounced, complained or unsubscribed, and suppress the first two.

    Nothing changes when they are there already, are gone, or have another address by now than the one mailed, whose
    hash is ``mailed_hash``: they may spell it differently today.
    """
    known = connection.execute(
        select(Subscriber.email, Subscriber.email_hash).where(Subscriber.id == delivery.subscriber_id)
    ).one_or_none()
    if known is None or known.email_hash != mailed_hash:
        return False
    if not move_subscriber(connection, delivery.subscriber_id, state, now, where=_STOPPED_FROM[state]):
        return False
    withdraw_letters(connection, delivery.subscriber_id)
    if state is not SubscriberState.UNSUBSCRIBED:
        suppress(connection, known.email_hash, known.email, SuppressionReason(state.value), now, note)
    add_event(connection, state.value, delivery.subscriber_id, now, delivery.issue_id or None)
    return True


def returned_of(connection: Connection, issue_id: int, kind: BounceKind) -> ReturnedCount:
    """How many were sent an issue, and for how many of them mail of a kind came back that names their delivery."""
    returned = (
        select(func.count(func.distinct(ReturnedMail.delivery_id)))
        .join(Delivery, Delivery.id == ReturnedMail.delivery_id)
        .where(Delivery.issue_id == issue_id, ReturnedMail.kind == kind)
    )
    return ReturnedCount(counts(connection, issue_id).sent, connection.execute(returned).scalar_one())


def week_of(connection: Connection, issue_id: int) -> str:
    """The week that names an issue."""
    found: str = connection.execute(select(Issue.week).where(Issue.id == issue_id)).scalar_one()
    return found


class KeptMail(NamedTuple):
    id: int
    at: datetime
    source: str
    raw: bytes


def kept_mail(connection: Connection, after: int, limit: int) -> list[KeptMail]:
    """Mail that was not understood, in the order it came, after the last id seen."""
    wanted = select(ReturnedMail.id, ReturnedMail.at, ReturnedMail.source, ReturnedMail.raw)
    wanted = wanted.where(ReturnedMail.raw.is_not(None), ReturnedMail.id > after).order_by(ReturnedMail.id)
    return [KeptMail(row.id, row.at, row.source, row.raw or b"") for row in connection.execute(wanted.limit(limit))]


def forget_kept(connection: Connection, before: datetime) -> int:
    """Drop the bytes of mail that was not understood and came before an instant; that it came stays."""
    old = update(ReturnedMail).where(ReturnedMail.raw.is_not(None), ReturnedMail.at < before)
    return connection.execute(old.values(raw=None)).rowcount


def forget_kept_about(connection: Connection, email: str) -> None:
    """Drop the bytes of all kept mail that has an address in it, in any case and across the soft line breaks of
    quoted-printable."""
    named, after = address_pattern(email), 0
    while page := kept_mail(connection, after, 20):
        after = page[-1].id
        naming = [mail.id for mail in page if named.search(_SOFT_BREAK.sub(b"", mail.raw).decode("utf-8", "replace"))]
        if naming:
            blank = update(ReturnedMail).where(ReturnedMail.id.in_(naming))
            connection.execute(blank.values(raw=None, recipient="", reason=None))
