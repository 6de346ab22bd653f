"""What readers may choose from, what one subscriber left behind in other tables, and how an erasure takes it away."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, func, or_, select, update

from db.api import forget_answers_about
from db.letters import drop_letters_of, forget_noticed
from db.models import (
    AuditEntry,
    Bookmark,
    Delivery,
    Issue,
    Letter,
    ReturnedMail,
    Subscriber,
    SubscriberEvent,
    Tool,
    Vote,
)
from db.pauses import forget_paused_for
from db.returned_mail import forget_kept_about
from db.rows import columns_of


class DeliveryRow(NamedTuple):
    week: str
    status: str
    at: datetime | None
    reply: str | None


class Standing(NamedTuple):
    """How a subscriber's mailbox does."""

    soft_bounces: int
    soft_bounced_since: datetime | None


class LetterRow(NamedTuple):
    at: datetime
    kind: str
    status: str
    finished_at: datetime | None
    reply: str | None


class ReturnedRow(NamedTuple):
    """``mail`` is kept where it was not understood."""

    at: datetime
    kind: str
    status: str | None
    reason: str | None
    changed: bool
    mail: bytes | None


def categories_on_offer(connection: Connection) -> list[str]:
    """The categories of the tools that readers can see, by name."""
    return list(connection.scalars(select(Tool.category).where(Tool.listed).distinct().order_by(Tool.category)))


def deliveries_of(connection: Connection, subscriber_id: int) -> list[DeliveryRow]:
    wanted = select(Issue.week, Delivery.status, Delivery.finished_at, Delivery.reply).join_from(
        Delivery, Issue, Issue.id == Delivery.issue_id
    )
    found = connection.execute(wanted.where(Delivery.subscriber_id == subscriber_id).order_by(Issue.week))
    return [DeliveryRow(*row) for row in found]


def votes_of(connection: Connection, subscriber_id: int) -> list[tuple[str, str, datetime]]:
    """(tool's slug, call, at)."""
    wanted = select(Tool.slug, Vote.call, Vote.at).join_from(Vote, Tool, Tool.id == Vote.tool_id)
    found = connection.execute(wanted.where(Vote.voter == _reader(subscriber_id)).order_by(Tool.slug))
    return [(row.slug, row.call, row.at) for row in found]


def bookmarks_of(connection: Connection, subscriber_id: int) -> list[tuple[str, datetime]]:
    """(tool's slug, at)."""
    wanted = select(Tool.slug, Bookmark.at).join_from(Bookmark, Tool, Tool.id == Bookmark.tool_id)
    found = connection.execute(wanted.where(Bookmark.reader == _reader(subscriber_id)).order_by(Tool.slug))
    return [(row.slug, row.at) for row in found]


def standing_of(connection: Connection, subscriber_id: int) -> Standing:
    wanted = select(*columns_of(Subscriber, Standing)).where(Subscriber.id == subscriber_id)
    return Standing(*connection.execute(wanted).one())


def letters_to(connection: Connection, subscriber_id: int, email: str) -> list[LetterRow]:
    """Those that are still kept."""
    columns = (Letter.created_at, Letter.kind, Letter.status, Letter.finished_at, Letter.reply)
    theirs = or_(Letter.subscriber_id == subscriber_id, Letter.email == email)
    return [LetterRow(*row) for row in connection.execute(select(*columns).where(theirs).order_by(Letter.id))]


def returned_of_reader(connection: Connection, subscriber_id: int, email: str) -> list[ReturnedRow]:
    """What came back of mail to them, and whatever names them."""
    columns = (
        ReturnedMail.at, ReturnedMail.kind, ReturnedMail.status, ReturnedMail.reason, ReturnedMail.changed,
        ReturnedMail.raw,
    )  # fmt: skip
    theirs = or_(ReturnedMail.subscriber_id == subscriber_id, _names(email))
    return [ReturnedRow(*row) for row in connection.execute(select(*columns).where(theirs).order_by(ReturnedMail.id))]


def audited_of(connection: Connection, email: str) -> list[tuple[datetime, str]]:
    """(at, what) of the acts of others that name an address."""
    wanted = select(AuditEntry.at, AuditEntry.what).where(AuditEntry.subject == email).order_by(AuditEntry.id)
    return [(row.at, row.what) for row in connection.execute(wanted)]


def erase_traces(connection: Connection, subscriber_id: int, email: str) -> None:
    """Delete the subscriber with consents, confirmations, letters and bookmarks; their votes must be gone before.

    Rows that others' numbers rest on stay without the person: deliveries, returned mail, events, the audit log.
    """
    connection.execute(delete(Bookmark).where(Bookmark.reader == _reader(subscriber_id)))
    drop_letters_of(connection, subscriber_id, email)
    theirs = select(Delivery.id).where(Delivery.subscriber_id == subscriber_id)
    _blank_returned(connection, or_(ReturnedMail.subscriber_id == subscriber_id, ReturnedMail.delivery_id.in_(theirs)))
    erase_mentions(connection, email)
    connection.execute(
        update(Delivery)
        .where(Delivery.subscriber_id == subscriber_id)
        .values(email="", name="", selection="", reply=None, relay_id=None)
    )
    connection.execute(
        update(SubscriberEvent).where(SubscriberEvent.subscriber_id == subscriber_id).values(subscriber_id=None)
    )
    connection.execute(delete(Subscriber).where(Subscriber.id == subscriber_id))


def erase_mentions(connection: Connection, email: str) -> None:
    """Take an address out of what is kept about nobody in particular: returned mail that no delivery was found for,
    mail that was not understood, the audit log, remembered answers of the API, replies that paused something."""
    _blank_returned(connection, _names(email))
    forget_kept_about(connection, email)
    connection.execute(update(AuditEntry).where(AuditEntry.subject == email).values(subject=None, detail=None))
    forget_answers_about(connection, email)
    forget_paused_for(connection, email)
    forget_noticed(connection, email)


def _names(email: str) -> ColumnElement[bool]:
    """Returned mail about an address in any case; SQLite by itself lowers ASCII alone."""
    spellings = {email, email.lower(), email.upper()}
    return or_(func.lower(ReturnedMail.recipient) == email.lower(), ReturnedMail.recipient.in_(spellings))


def _blank_returned(connection: Connection, which: ColumnElement[bool]) -> None:
    blank = update(ReturnedMail).where(which)
    connection.execute(blank.values(recipient="", reason=None, raw=None, subscriber_id=None))


def _reader(subscriber_id: int) -> str:
    return f"subscriber:{subscriber_id}"
