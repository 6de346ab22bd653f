"""The ledger: publishing freezes recipients into rows, and an issue is sent when the counts of its rows say so.

How senders take them is in claims.py, what became of them in outcomes.py.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Label,
    and_,
    exists,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    union_all,
    update,
)

from db.engine import is_sqlite
from db.events import add_issue_sent
from db.letters import withdraw_letters
from db.models import Delivery, Issue, Subscriber, Suppression
from db.states import DeliveryStatus, IssueStatus, SubscriberState, SuppressionReason
from db.subscribers import add_event, move_subscriber
from db.suppressions import suppress


class Counts(NamedTuple):
    """How many of an issue's deliveries are in each status; they add up to its recipients."""

    queued: int
    sending: int
    sent: int
    deferred: int
    failed: int
    uncertain: int
    skipped: int

    @property
    def recipients(self) -> int:
        return sum(self)

    @property
    def open(self) -> int:
        return self.queued + self.sending + self.deferred + self.uncertain


class Failure(NamedTuple):
    id: int
    email: str
    code: int | None
    reply: str | None
    at: datetime | None


def start_issue(connection: Connection, issue_id: int, now: datetime) -> bool:
    """approved → sending; False when it was not approved (any more)."""
    changed = connection.execute(
        update(Issue)
        .where(Issue.id == issue_id, Issue.status == IssueStatus.APPROVED)
        .values(status=IssueStatus.SENDING, started_at=now, updated_at=now, trouble=None)
    )
    return changed.rowcount == 1


def chosen_selections(connection: Connection) -> list[str]:
    """The distinct selections of those who may be mailed."""
    statement = select(Subscriber.selection).where(Subscriber.state == SubscriberState.ACTIVE).distinct()
    return list(connection.scalars(statement))


def freeze_recipients(connection: Connection, issue_id: int, link_key_id: int, now: datetime) -> int:
    """One delivery for everyone who may be mailed now, in one statement; returns how many."""
    chosen = (
        select(
            literal(issue_id), Subscriber.id, Subscriber.email, Subscriber.name, Subscriber.format,
            Subscriber.selection, literal(link_key_id), literal(str(DeliveryStatus.QUEUED)), literal(0),
        )
        .where(mailable(now))
        .order_by(Subscriber.id)
    )  # fmt: skip
    names = [
        "issue_id", "subscriber_id", "email", "name", "format", "selection", "link_key_id", "status", "attempts",
    ]  # fmt: skip
    frozen = insert(Delivery).from_select(names, chosen, include_defaults=False)
    return connection.execute(frozen, execution_options={"preserve_rowcount": True}).rowcount


def skip_selections(connection: Connection, issue_id: int, selections: Sequence[str], now: datetime) -> int:
    """Those who chose nothing that this issue has are accounted for, and not mailed."""
    skipped = 0
    for start in range(0, len(selections), 500):
        skipped += connection.execute(
            update(Delivery)
            .where(Delivery.issue_id == issue_id, Delivery.selection.in_(selections[start : start + 500]))
            .values(status=DeliveryStatus.SKIPPED, finished_at=now, reply="nothing of what this reader chose")
        ).rowcount
    return skipped


def counts(connection: Connection, issue_id: int) -> Counts:
    """In one statement. Nobody looks at what was sent, which is nearly all and has no index: it is the rest."""
    here = Delivery.issue_id == issue_id
    alone = [select(literal(name), func.count()).where(here, status_is(name)) for name in ("queued", "sending")]
    together = [
        select(Delivery.status, func.count()).where(here, some).group_by(Delivery.status)
        for some in (is_waiting(), is_missed())
    ]
    everyone = select(literal("everyone"), func.count()).where(here)
    found: dict[str, int] = {row[0]: row[1] for row in connection.execute(union_all(everyone, *alone, *together))}
    found["sent"] = found.pop("everyone") - sum(found.values())
    return Counts(**{name: found.get(name, 0) for name in Counts._fields})


def count_queued(connection: Connection, issue_id: int, limit: int) -> int:
    """How many are queued, as far as ``limit``: counting all of a long list takes a while."""
    some = select(literal(1)).where(Delivery.issue_id == issue_id, status_is("queued")).limit(limit).subquery()
    return connection.scalar(select(func.count()).select_from(some)) or 0


def failures(connection: Connection, issue_id: int, after: int = 0, limit: int = 1000) -> list[Failure]:
    """A page of those that failed, in the order of their ids."""
    statement = (
        select(Delivery.id, Delivery.email, Delivery.code, Delivery.reply, Delivery.finished_at)
        .where(Delivery.issue_id == issue_id, is_missed(), status_is("failed"), Delivery.id > after)
        .order_by(Delivery.id)
        .limit(limit)
    )
    return [Failure(*row) for row in connection.execute(statement)]


def issue_status(connection: Connection, issue_id: int) -> str | None:
    found: str | None = connection.scalar(select(Issue.status).where(Issue.id == issue_id))
    return found


def issues_in_sending(connection: Connection) -> list[tuple[int, str]]:
    """(id, week) of the issues that are being sent, the oldest first."""
    statement = select(Issue.id, Issue.week).where(Issue.status == IssueStatus.SENDING).order_by(Issue.week)
    return [(row.id, row.week) for row in connection.execute(statement)]


def finish_issue(connection: Connection, issue_id: int, now: datetime) -> None:
    """sending → sent, when nothing of it is open any more."""
    # One by one, since each of these has an index of its own rows, and all together would look at every delivery.
    still_open = [exists().where(Delivery.issue_id == issue_id, kind) for kind in _OPEN]
    changed = connection.execute(
        update(Issue)
        .where(Issue.id == issue_id, Issue.status == IssueStatus.SENDING, *[~some for some in still_open])
        .values(status=IssueStatus.SENT, trouble=None, finished_at=now, updated_at=now)
    )
    if changed.rowcount:
        add_issue_sent(connection, issue_id, now)


def move_issue(
    connection: Connection,
    issue_id: int,
    allowed: Collection[str],
    status: str,
    now: datetime,
    reason: str | None = None,
) -> bool:
    """Set the status from one of the allowed ones; False when it is in none of them."""
    changed = connection.execute(
        update(Issue)
        .where(Issue.id == issue_id, Issue.status.in_(list(allowed)))
        .values(status=status, pause_reason=reason, trouble=None, updated_at=now)
    )
    return changed.rowcount == 1


def note_trouble(connection: Connection, issue_id: int, trouble: str | None) -> None:
    """Why a sending cannot go on, or begin, None where it can. Written only where it is news: a relay that is away is
    tried twice a minute."""
    open_ = Issue.status.in_((IssueStatus.APPROVED, IssueStatus.SENDING))
    held_up = (Issue.id == issue_id, open_, Issue.trouble.is_distinct_from(trouble))
    connection.execute(update(Issue).where(*held_up).values(trouble=trouble))


def skip_cancelled(connection: Connection, issue_id: int, now: datetime) -> int:
    """Skip what waits under an issue that is cancelled, nothing under any other. What is in flight finishes; what is
    uncertain is tried no more and stays so, for it may have arrived.

    Holds the issue's row, so that of a cancelling and a sender that gives back, the later one sees what the other did.
    """
    status = connection.scalar(select(Issue.status).where(Issue.id == issue_id).with_for_update())
    if status != IssueStatus.CANCELLED:
        return 0
    connection.execute(
        update(Delivery).where(Delivery.issue_id == issue_id, status_is("uncertain")).values(next_attempt_at=None)
    )
    return connection.execute(
        update(Delivery)
        .where(Delivery.issue_id == issue_id, Delivery.status.in_(("queued", "deferred")))
        .values(status=DeliveryStatus.SKIPPED, finished_at=now, reply="the issue was cancelled", next_attempt_at=None)
    ).rowcount


def cancelled_and_open(connection: Connection) -> list[int]:
    """The cancelled issues with deliveries that are not settled: a sender holds them, or died before it did."""
    still_open = or_(*[exists().where(Delivery.issue_id == Issue.id, kind) for kind in _OPEN])
    return list(connection.scalars(select(Issue.id).where(Issue.status == IssueStatus.CANCELLED, still_open)))


def mark_bounced(connection: Connection, issue_id: int, subscriber_ids: Sequence[int], now: datetime) -> None:
    """A relay said at once that these mailboxes are none: never mail them again."""
    wanted = select(Subscriber.id, Subscriber.email, Subscriber.email_hash).where(Subscriber.id.in_(subscriber_ids))
    for row in connection.execute(wanted.order_by(Subscriber.id)).all():  # in one order, as whoever locks several
        if move_subscriber(connection, row.id, SubscriberState.BOUNCED, now, where=(SubscriberState.ACTIVE,)):
            withdraw_letters(connection, row.id)
            suppress(connection, row.email_hash, row.email, SuppressionReason.BOUNCED, now)
            add_event(connection, SubscriberState.BOUNCED, row.id, now, issue_id)


def status_is(name: str) -> ColumnElement[bool]:
    """Literally, because a partial index serves only a query that says its condition so."""
    return Delivery.status == literal_column(f"'{name}'")


def is_waiting() -> ColumnElement[bool]:
    """For another attempt; literally, for the same reason."""
    return Delivery.status.in_([literal_column("'deferred'"), literal_column("'uncertain'")])


def is_missed() -> ColumnElement[bool]:
    """For good; literally, for the same reason."""
    return Delivery.status.in_([literal_column("'failed'"), literal_column("'skipped'")])


def recipient_domain(connection: Connection) -> Label[str]:
    """What stands behind the @ of whom a delivery is for, as a column ``domain``."""
    find = func.instr if is_sqlite(connection) else func.strpos
    return func.substr(Delivery.email, find(Delivery.email, "@") + 1).label("domain")


# What is uncertain without another attempt stays so.
_OPEN = status_is("queued"), status_is("sending"), and_(is_waiting(), Delivery.next_attempt_at.is_not(None))


def mailable(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Whether a subscriber may be sent an issue now."""
    suppressed = exists().where(Suppression.email_hash == Subscriber.email_hash)
    paused = and_(Subscriber.paused_until.is_not(None), Subscriber.paused_until > now)
    return and_(Subscriber.state == literal_column("'active'"), ~paused, ~suppressed)
