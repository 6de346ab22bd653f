"""Letters: mail to one person that is no issue. Verbs of any room add them; deliveries/send_letters.py sends them.

Due times and leases are on real time, so a rehearsal whose clock stands still sends its letters too.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, insert, literal_column, or_, select, update

from db.editors import list_editors
from db.engine import shared_now
from db.models import Letter
from db.pauses import without_address
from db.rows import columns_of, one_row
from db.states import LetterKind, LetterStatus


class DueLetter(NamedTuple):
    """A letter that was claimed. ``attempts`` counts this one."""

    id: int
    kind: str
    email: str
    subscriber_id: int | None
    data: dict[str, Any]
    attempts: int
    created_at: datetime


def add_letter(
    connection: Connection,
    kind: LetterKind | str,
    email: str,
    data: dict[str, Any],
    not_before: datetime,
    created_at: datetime,
    subscriber_id: int | None = None,
) -> int:
    """Queue a letter and return its id. ``data`` holds ids and the operator's own words, never a token.

    ``not_before`` is real time, ``created_at`` the business's. What each kind's ``data`` holds is said in
    deliveries/letters.py.
    """
    statement = insert(Letter).values(
        kind=LetterKind(kind), email=email, data=data, not_before=not_before, created_at=created_at,
        subscriber_id=subscriber_id, status=LetterStatus.QUEUED, attempts=0,
    )  # fmt: skip
    found: int = connection.execute(statement.returning(Letter.id)).scalar_one()
    return found


def add_notices(
    connection: Connection,
    roles: Collection[str],
    subject: str,
    paragraphs: Sequence[str],
    link: str | None,
    not_before: datetime,
    created_at: datetime,
) -> None:
    """Queue a notice to everyone of these roles who looks after the newsletter. ``link`` is a path of ours."""
    data = {"subject": subject, "paragraphs": list(paragraphs)} | ({"link": link} if link else {})
    for editor in list_editors(connection):
        if editor.role in roles:
            add_letter(connection, LetterKind.NOTICE, editor.email, data, not_before, created_at)


def was_noticed(connection: Connection, subject: str, since: datetime) -> bool:
    """Whether a notice of this subject was queued after an instant of the business's clock."""
    noticed = (Letter.kind == LetterKind.NOTICE, Letter.created_at > since)
    same = exists().where(*noticed, Letter.data["subject"].as_string() == subject)
    return bool(connection.scalar(select(same)))


def is_letter_due(connection: Connection, now: datetime) -> bool:
    """Cheap enough to ask every second: both halves are answered by an index or a short table."""
    due = _due(now, shared_now(connection))
    return bool(connection.execute(select(exists().where(due))).scalar())


def claim_letters(connection: Connection, owner: str, now: datetime, lease_until: datetime, limit: int) -> list[int]:
    """Take up to ``limit`` due letters for ``owner``; returns their ids in the order to send them in. A lease that is
    past may be taken over.

    Strangers can ask for any number of confirmations, so these come last: nobody waits behind them to sign in.
    """
    due = _due(now, shared_now(connection))
    order = (Letter.kind == LetterKind.CONFIRM, Letter.not_before, Letter.id)
    wanted = select(Letter.id).where(due).order_by(*order).limit(limit)
    ids = list(connection.scalars(wanted.with_for_update(skip_locked=True)))
    statement = (
        update(Letter)
        .where(Letter.id.in_(ids), due)
        .values(status=LetterStatus.SENDING, lease_owner=owner, lease_until=lease_until, attempts=Letter.attempts + 1)
        .returning(Letter.id)
    )
    claimed = set(connection.scalars(statement)) if ids else set()
    return [letter_id for letter_id in ids if letter_id in claimed]


def hold_letter(connection: Connection, letter_id: int, owner: str, lease_until: datetime) -> DueLetter | None:
    """The letter, held until then, if ``owner`` still has it."""
    longer = update(Letter).where(*_held(letter_id, owner)).values(lease_until=lease_until)
    return one_row(connection, longer.returning(*columns_of(Letter, DueLetter)), DueLetter)


def finish_letter(
    connection: Connection, letter_id: int, owner: str, status: LetterStatus, now: datetime, reply: str | None
) -> None:
    """Record the end of a letter, unless the lease was lost to somebody else."""
    _release(connection, letter_id, owner, status=status, finished_at=now, reply=reply)


def retry_letter(connection: Connection, letter_id: int, owner: str, not_before: datetime, reply: str | None) -> None:
    """Give a letter back until later."""
    _release(connection, letter_id, owner, status=LetterStatus.QUEUED, not_before=not_before, reply=reply)


def give_back_letters(connection: Connection, owner: str) -> None:
    """What an owner claimed and did not try is due again; no attempt of it is counted."""
    held = update(Letter).where(Letter.lease_owner == owner, Letter.status == literal_column("'sending'"))
    given_back = {"status": LetterStatus.QUEUED, "lease_owner": None, "lease_until": None}
    connection.execute(held.values(attempts=Letter.attempts - 1, **given_back))


class LetterFate(NamedTuple):
    """How a letter stands; ``reply`` is what was said to it last."""

    email: str
    status: str
    reply: str | None


def letter_fates(connection: Connection, ids: Sequence[int]) -> list[LetterFate]:
    wanted = select(*columns_of(Letter, LetterFate)).where(Letter.id.in_(ids)).order_by(Letter.id)
    return [LetterFate(*row) for row in connection.execute(wanted)]


def address_of_confirmation(connection: Connection, confirmation_id: int, subscriber_id: int) -> str | None:
    """The address as it was typed for a double opt-in: the one that its letter went to, as long as that is kept."""
    asking = (Letter.kind == LetterKind.CONFIRM, Letter.subscriber_id == subscriber_id)
    wanted = select(Letter.email).where(*asking, Letter.data["confirmation"].as_integer() == confirmation_id)
    found: str | None = connection.scalar(wanted.limit(1))
    return found


def drop_letters_of(connection: Connection, subscriber_id: int, email: str) -> None:
    """Delete every letter to a subscriber, sent or not: what an erasure asks for."""
    connection.execute(delete(Letter).where(or_(Letter.subscriber_id == subscriber_id, Letter.email == email)))


def forget_noticed(connection: Connection, email: str) -> None:
    """Take an address out of what notices say to others, sent or not."""
    notices = select(Letter.id, Letter.data).where(Letter.kind == LetterKind.NOTICE)
    for letter_id, data in connection.execute(notices).all():
        said = {name: data[name] for name in ("subject", "paragraphs") if name in data}
        clean = data | {name: _without(words, email) for name, words in said.items()}
        if clean != data:
            connection.execute(update(Letter).where(Letter.id == letter_id).values(data=clean))


def _without(words: str | list[str], email: str) -> str | list[str]:
    return without_address(words, email) if isinstance(words, str) else [without_address(w, email) for w in words]


def withdraw_letters(connection: Connection, subscriber_id: int) -> None:
    """Delete what was not sent yet to somebody because they subscribe, the question and the welcome: also what a sender
    took and has not come to, or tries again."""
    unsent = Letter.status.in_((LetterStatus.QUEUED, LetterStatus.SENDING))
    coming_in = Letter.kind.in_((LetterKind.CONFIRM, LetterKind.WELCOME))
    connection.execute(delete(Letter).where(Letter.subscriber_id == subscriber_id, unsent, coming_in))


def forget_letters(connection: Connection, finished_before: datetime) -> int:
    """Prune letters that were sent or given up before an instant."""
    return connection.execute(delete(Letter).where(Letter.finished_at < finished_before)).rowcount


def waiting() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Queued, and being sent. Spelled out rather than bound: a partial index serves only a query that says its
    condition literally."""
    return Letter.status == literal_column("'queued'"), Letter.status == literal_column("'sending'")


def _due(now: datetime, leased: datetime) -> Any:
    """Leases end by the database's clock: a machine whose own goes wrong would take what another is handing over."""
    queued, sending = waiting()
    return or_(and_(queued, Letter.not_before <= now), and_(sending, Letter.lease_until < leased))


def _release(connection: Connection, letter_id: int, owner: str, **values: Any) -> None:
    released = update(Letter).where(*_held(letter_id, owner)).values(lease_owner=None, lease_until=None, **values)
    connection.execute(released)


def _held(letter_id: int, owner: str) -> tuple[ColumnElement[bool], ...]:
    return Letter.id == letter_id, Letter.lease_owner == owner, Letter.status == LetterStatus.SENDING
