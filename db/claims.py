"""Who holds which deliveries: claims with leases, and what is left behind.

Leases are on real time; everything else (``now``, due times) is on the business's clock, so that a rehearsal can replay
a retry.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    Text,
    Update,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    update,
)

from db.deliveries import is_waiting, mailable, status_is
from db.domains import STOOD_STILL, paused_domains
from db.engine import is_sqlite
from db.models import Delivery, Instant, Subscriber
from db.states import DeliveryStatus


class Claimed(NamedTuple):
    """A delivery that this sender holds. ``attempts`` counts this one; where it is the first, ``first_attempt_at`` is
    since when it waits for its domain."""

    delivery_id: int
    subscriber_id: int
    email: str
    name: str
    format: str
    selection: str
    link_key_id: int
    attempts: int
    first_attempt_at: datetime | None
    was: str


def claim(
    connection: Connection, issue_id: int, owner: str, now: datetime, lease_until: datetime, limit: int, after: int = 0,
    without: Collection[str] = (),
) -> tuple[list[Claimed], int]:  # fmt: skip
    """Take up to ``limit`` deliveries: those that are due again first, then queued ones with ids above ``after``; none
    of the domains in ``without``.

    Readers who left, were suppressed or paused meanwhile become skipped here. Returns what was claimed and the highest
    id that was queued and looked at. PostgreSQL senders step around each other's rows; SQLite has one writer at a time.
    """
    others = [~Delivery.email.endswith(f"@{domain}", autoescape=True) for domain in without]
    told: dict[str, Any] = {"issue": issue_id, "now": now, "still": now - STOOD_STILL, "after": after}
    again, queued = _candidates(due=True), _candidates(due=False)
    if others:  # else the statements are those that the database knows already
        again, queued = again.where(*others), queued.where(*others)
    rows = [*connection.execute(again, told | {"limit": limit})]
    if len(rows) < limit:
        fresh = connection.execute(queued, told | {"limit": limit - len(rows)}).all()
        rows += fresh
        after = max((row[0] for row in fresh), default=after)
    gone = [row[0] for row in rows if not row[-1]]
    if gone:
        _set(
            connection, issue_id, gone, status=DeliveryStatus.SKIPPED, finished_at=now, reply="left before it was sent"
        )
    found = [Claimed._make(row[:-1]) for row in rows if row[-1]]
    claimed = _without_paused_domains(connection, issue_id, found, now)
    if claimed:
        chosen = _chosen(connection, issue_id, [row.delivery_id for row in claimed])
        connection.execute(_hold(connection.dialect.name), chosen | {"owner": owner, "until": lease_until, "now": now})
    return claimed, after


def put_off(connection: Connection, issue_id: int, owner: str, claimed: Iterable[Claimed], until: datetime) -> None:
    """Claims whose domain pauses since: they wait with it, and no attempt of them is counted. Their time is, from the
    first such claim on: else it would be only for those that are tried when a pause ends, a few an hour, for weeks."""
    for waits, ids in _as_they_wait(claimed):
        connection.execute(
            update(Delivery)
            .where(_held(issue_id, owner), _among(connection.dialect.name))
            .values(
                next_attempt_at=until, attempts=Delivery.attempts - 1, lease_owner=None, lease_until=None, **waits
            ),
            _chosen(connection, issue_id, ids),
        )  # fmt: skip


def _as_they_wait(rows: Iterable[Claimed], now: datetime | None = None) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """What becomes of those whose domain pauses. What is uncertain stays so, for it may have arrived."""
    for (was, since), ids in _alike(rows, now).items():
        status = {"status": was} if was == DeliveryStatus.UNCERTAIN else _DEFERRED
        yield {**status, "first_attempt_at": since or Delivery.first_attempt_at}, ids


def _alike(rows: Iterable[Claimed], now: datetime | None = None) -> dict[tuple[str, datetime | None], list[int]]:
    """By what they were and, of those that nobody tried, since when they wait (or from ``now`` on)."""
    alike: dict[tuple[str, datetime | None], list[int]] = {}
    for row in rows:
        since = (row.first_attempt_at or now) if row.attempts == 1 else None
        alike.setdefault((row.was, since), []).append(row.delivery_id)
    return alike


def _without_paused_domains(connection: Connection, issue_id: int, rows: list[Claimed], now: datetime) -> list[Claimed]:
    """Puts off what is for domains that pause; no attempt of it is counted."""
    until = paused_domains(connection, now)
    if not until:
        return rows
    put_off: dict[datetime, list[Claimed]] = {}
    for row in rows:
        if row.email.rpartition("@")[2] in until:
            put_off.setdefault(until[row.email.rpartition("@")[2]], []).append(row)
    for at, some in put_off.items():
        for waits, ids in _as_they_wait(some, now):
            _set(connection, issue_id, ids, next_attempt_at=at, **waits)
    waiting = {row.delivery_id for some in put_off.values() for row in some}
    return [row for row in rows if row.delivery_id not in waiting]


def give_back(connection: Connection, issue_id: int, owner: str, claimed: Iterable[Claimed]) -> None:
    """Return claims that were never tried to what they were."""
    for (status, since), ids in _alike(claimed).items():
        connection.execute(
            update(Delivery)
            .where(_held(issue_id, owner), _among(connection.dialect.name))
            .values(
                status=status, lease_owner=None, lease_until=None, attempts=Delivery.attempts - 1,
                first_attempt_at=_BEFORE_THIS if since is None else since,
            ),
            _chosen(connection, issue_id, ids),
        )  # fmt: skip


def left_meanwhile(connection: Connection, issue_id: int, owner: str, now: datetime) -> frozenset[int]:
    """Of the deliveries that a sender holds, those whose readers may not be mailed any more."""
    held = select(Delivery.id).outerjoin(Subscriber, Subscriber.id == Delivery.subscriber_id)
    return frozenset(connection.scalars(held.where(_held(issue_id, owner), _may_be_mailed(now) == 0)))


def extend_leases(connection: Connection, issue_id: int, owner: str, lease_until: datetime) -> None:
    connection.execute(update(Delivery).where(_held(issue_id, owner)).values(lease_until=lease_until))


def newest_queued(connection: Connection, issue_id: int) -> int:
    """The highest id that is queued; 0 where none is."""
    return connection.scalar(_NEWEST_QUEUED, {"issue": issue_id}) or 0


def lease_owners(connection: Connection, issue_id: int) -> set[str]:
    statement = select(Delivery.lease_owner).where(Delivery.issue_id == issue_id, status_is("sending")).distinct()
    return {name for name in connection.scalars(statement) if name}


def take_over(
    connection: Connection, issue_id: int, certainly: Collection[str], seemingly: Collection[str], now: datetime
) -> None:
    """Queue again what owners left behind that are gone; ``now`` is real time.

    What they had sent without writing it down goes out once more: at most two messages a connection.
    """
    left = or_(
        Delivery.lease_owner.in_(list(certainly)),
        and_(Delivery.lease_owner.in_(list(seemingly)), Delivery.lease_until < now),
    )
    connection.execute(
        update(Delivery)
        .where(Delivery.issue_id == issue_id, status_is("sending"), left)
        .values(status=DeliveryStatus.QUEUED, first_attempt_at=_BEFORE_THIS, lease_owner=None, lease_until=None)
    )


def has_work(connection: Connection, issue_id: int, now: datetime) -> bool:
    """Whether anything is queued or due again; held leases do not count."""
    queued = exists().where(Delivery.issue_id == issue_id, status_is("queued"))
    due = exists().where(_is_due(now, issue_id))
    return bool(connection.scalar(select(or_(queued, due))))


def next_attempt_at(connection: Connection, issue_id: int) -> datetime | None:
    """When the first of the waiting deliveries is due."""
    found: datetime | None = connection.scalar(
        select(func.min(Delivery.next_attempt_at)).where(Delivery.issue_id == issue_id, is_waiting())
    )
    return found


def _held(issue_id: int, owner: str) -> ColumnElement[bool]:
    return and_(Delivery.issue_id == issue_id, status_is("sending"), Delivery.lease_owner == owner)


def _may_be_mailed(now: datetime | BindParameter[datetime]) -> ColumnElement[int]:
    """1 or 0; 0 for whom there is no subscriber any more, too."""
    return case((mailable(now), literal(1)), else_=literal(0))


def _is_due(now: datetime, issue_id: int) -> ColumnElement[bool]:
    return and_(Delivery.issue_id == issue_id, is_waiting(), Delivery.next_attempt_at <= now)


# Statements that every claim runs are made once: making one takes longer than running it.


_BEFORE_THIS = case((Delivery.attempts > 1, Delivery.first_attempt_at), else_=null())
"""When the first attempt was, if there was one before the one that ends here: after it, 72 hours are counted."""

_NOW: BindParameter[datetime] = bindparam("now", type_=Instant)
_DEFERRED = {"status": str(DeliveryStatus.DEFERRED), "reply": "its domain pauses"}
_NEWEST_QUEUED = select(func.max(Delivery.id)).where(Delivery.issue_id == bindparam("issue"), status_is("queued"))


@lru_cache
def _candidates(due: bool) -> Select[*tuple[Any, ...]]:
    """The columns of a Claimed, and whether its reader may be mailed."""
    tried, lately = Delivery.attempts > 0, Delivery.next_attempt_at > bindparam("still", type_=Instant)
    which, order = (
        ([is_waiting(), Delivery.next_attempt_at <= _NOW], Delivery.next_attempt_at)
        if due
        else ([status_is("queued"), Delivery.id > bindparam("after")], Delivery.id)
    )
    return (
        select(Delivery.id, Delivery.subscriber_id, Delivery.email, Delivery.name, Delivery.format,
               Delivery.selection, Delivery.link_key_id, Delivery.attempts + 1,
               case((or_(tried, lately), Delivery.first_attempt_at)), Delivery.status, _may_be_mailed(_NOW))
        .outerjoin(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(Delivery.issue_id == bindparam("issue"), *which)
        .order_by(order)
        .limit(bindparam("limit"))
        .with_for_update(skip_locked=True, of=Delivery)
    )  # fmt: skip


@lru_cache
def _hold(dialect: str) -> Update:
    first = case((Delivery.attempts > 0, func.coalesce(Delivery.first_attempt_at, _NOW)), else_=_NOW)
    return (
        update(Delivery)
        .where(_among(dialect))
        .values(
            status=DeliveryStatus.SENDING, lease_owner=bindparam("owner"),
            lease_until=bindparam("until", type_=Instant), attempts=Delivery.attempts + 1,
            first_attempt_at=first,
        )
    )  # fmt: skip


def _among(dialect: str) -> ColumnElement[bool]:
    """The deliveries that ``_chosen`` tells of, however many."""
    if dialect == "sqlite":
        # Nothing of the issue here: its index would look the better one, and all of its rows be walked through.
        listed = func.json_each(bindparam("chosen", type_=Text)).table_valued("value")
        return Delivery.id.in_(select(listed.c.value))
    within = Delivery.id == func.any(bindparam("chosen", type_=ARRAY(BigInteger)))
    return and_(Delivery.issue_id == bindparam("issue"), within)


def _chosen(connection: Connection, issue_id: int, ids: Sequence[int]) -> dict[str, Any]:
    return {"issue": issue_id, "chosen": json.dumps(ids) if is_sqlite(connection) else list(ids)}


def _set(connection: Connection, issue_id: int, ids: Sequence[int], **values: Any) -> None:
    changed = update(Delivery).where(_among(connection.dialect.name)).values(**values)
    connection.execute(changed, _chosen(connection, issue_id, ids))
