"""Take in returned mail: keep what it says, and act on what a keyed token or a verified provider vouches for."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from db.deliveries import move_issue
from db.engine import reading, transaction
from db.keys import address_key, link_keys
from db.letters import add_notices
from db.returned_mail import (
    DeliveryRow,
    add_returned,
    came_back_at,
    deliveries_by_relay_id,
    delivery_by_id,
    delivery_of_link,
    has_changed,
    has_return_paths,
    mailed_at,
    mark_changed,
    newest_delivery_to,
    newest_started,
    note_streak,
    past_deliveries,
    refused_deliveries,
    returned_of,
    stop_mailing,
    week_of,
)
from db.states import BounceKind, DeliveryStatus, IssueStatus, Role, SubscriberState
from db.suppressions import suppression_of
from newsletter.clock import real_now
from newsletter.deliveries.bounces import Reading, read_bounce
from newsletter.deliveries.bounces_mail import MAX_BYTES, Arrived, Unread
from newsletter.deliveries.bounces_providers import Notice
from newsletter.deliveries.bounces_reasons import COUNTED, NOT_UNDERSTOOD, Returned, judge
from newsletter.deliveries.bounces_streak import Sent, streak
from newsletter.deliveries.refusals import BOUNCE_RATE
from newsletter.errors import NewsletterError
from newsletter.subscribers.addresses import hash_address, parse_address

# Of at least so many that an issue was sent to: big providers begin to block at this rate of complaints, and think of a
# bought list at this rate of bounces.
LIMITS_NEED = 1000
LIMITS = {
    BounceKind.COMPLAINT: (0.003, "readers complained, which is more than 3 in 1,000"),
    BounceKind.HARD: (BOUNCE_RATE, "addresses do not exist, which is more than 5 in 100"),
}

_AT_ONCE = 50  # providers tell of a thousand at a time; whoever else writes, on SQLite, waits for so many


Told = Counter[tuple[int, BounceKind]]
"""How much new mail of a kind that has a limit came back, by issue."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one mail or notice said of one recipient, and whether a subscriber changed by it. ``source`` is the name of
    a file, and ``mail`` the how-many-eth in it: an mbox has several."""

    source: str
    kind: BounceKind
    recipient: str
    status: str | None
    reason: str
    subscriber_changed: bool
    mail: int = 1


@dataclass(frozen=True, slots=True)
class ReceiveReport:
    """At least one result per mail, in the order of the mails; ``unread`` are those that could not be taken or marked,
    and ``broke_off`` is why the source gave no more of them."""

    results: tuple[Result, ...]
    unread: tuple[Unread, ...] = ()
    broke_off: str | None = None


def receive_mail(engine: Engine, mails: Iterable[Arrived | Unread], *, now: datetime) -> ReceiveReport:
    """Take in each mail in a transaction of its own. A mail that was taken before changes nothing again.

    Raises NewsletterError where the source gives no mail at all.
    """
    results: list[Result] = []
    unread: list[Unread] = []
    broke_off = None
    told: Told = Counter()
    try:
        for mail in mails:
            if isinstance(mail, Unread):
                unread.append(mail)
                continue
            with reading(engine) as connection:
                keys = link_keys(connection)
            read = read_bounce(mail.raw, keys)  # before anything is locked: what strangers write may take seconds
            with transaction(engine) as connection:
                results.extend(_take_mail(connection, mail, read, now, told))
    except NewsletterError as error:
        if not results:
            raise
        broke_off = str(error)
    finally:  # what was taken is not seen again, whatever ended it
        _watch_over(engine, told, now)
    return ReceiveReport(tuple(results), tuple(unread), broke_off)


def receive_notices(engine: Engine, source: str, notices: Sequence[Notice], *, now: datetime) -> ReceiveReport:
    """Take in a provider's notices, whose signature the door has verified: each names its delivery by the relay's id
    (or by our own return path)."""
    results: list[Result] = []
    told: Told = Counter()
    try:
        for start in range(0, len(notices), _AT_ONCE):
            with transaction(engine) as connection:
                keys = link_keys(connection)
                for notice in notices[start : start + _AT_ONCE]:
                    delivery = _delivery_of_notice(connection, notice, keys)
                    results.append(
                        _take(connection, source, notice.fingerprint, notice.returned, True, delivery, now, None, told)
                    )
    finally:  # the provider tells all of them again, and those that were taken are not new any more
        _watch_over(engine, told, now)
    return ReceiveReport(tuple(results))


def count_refusals(engine: Engine, *, now: datetime, since: datetime | None = None) -> int:
    """Look at what relays refused outright in the newest issues, since an instant or ever: a full mailbox at SMTP time
    is a soft bounce like one that comes back by mail, and so is an address that does not exist where the words alone
    say so (those that were clear have bounced by now). Returns how many readers were given up; doing it again changes
    nothing."""
    changed = 0
    with reading(engine) as connection:
        newest = newest_started(connection, 2)
    for issue_id in newest:
        for some in _soft_refusals(engine, issue_id, since):
            with transaction(engine) as connection:
                changed += sum(_count_soft(connection, delivery, now, note) for delivery, note in some)
    return changed


def _soft_refusals(engine: Engine, issue_id: int, since: datetime | None) -> Iterator[list[tuple[DeliveryRow, str]]]:
    """A few at a time, with what is noted of each: of a large list ten thousand mailboxes may be full at once, and
    whoever else writes should not wait for all of them."""
    after = 0
    while True:
        with reading(engine) as connection:
            page = refused_deliveries(connection, issue_id, since, after, _AT_ONCE)
        if not page:
            return
        after = page[-1].delivery.id
        judged = [(one.delivery, one.code, judge(None, one.code, one.reply)) for one in page]
        counted = [(delivery, code, found) for delivery, code, found in judged if found.reason in COUNTED]
        if counted:
            yield [(delivery, f"{found.reason} ({found.status or code})") for delivery, code, found in counted]


def _take_mail(connection: Connection, mail: Arrived, read: Reading, now: datetime, told: Told) -> list[Result]:
    delivery = _delivery_of(connection, read)
    if delivery is not None:
        read = without_hearsay(read, delivery.email)
    fingerprint = hashlib.sha256(mail.raw).hexdigest()
    raw = None if read.understood else mail.raw[:MAX_BYTES]
    theirs = about_reader(read, delivery.email) if delivery else None
    return [
        replace(
            _take(connection, mail.name, fingerprint, one, one is theirs, delivery, now, raw, told),
            source=mail.source,
            mail=mail.number,
        )
        for one in read.returned
    ]


def _take(
    connection: Connection, source: str, fingerprint: str, one: Returned, theirs: bool, delivery: DeliveryRow | None,
    now: datetime, raw: bytes | None, told: Told,
) -> Result:  # fmt: skip
    """Keep one of the things that a mail says, and act on it where it is the one about our reader (``theirs``)."""
    recipient = one.recipient or one.originally or (delivery.email if delivery else "")
    if _is_erased(connection, delivery, recipient):
        recipient, raw = "", None
    judgement = one.judgement
    new = add_returned(
        connection, fingerprint=fingerprint, recipient=recipient, at=now, source=source, kind=judgement.kind,
        status=judgement.status, reason=judgement.reason, delivery=delivery, theirs=theirs,
        raw=raw,
    )  # fmt: skip
    changed = False
    if new is not None and delivery is not None and theirs:
        changed = _act(connection, one, delivery, now)
        if changed:
            mark_changed(connection, new)
        if judgement.kind in LIMITS and delivery.issue_id:
            told[delivery.issue_id, judgement.kind] += 1
    return Result(source, judgement.kind, recipient, judgement.status, judgement.reason.value, changed)


def _is_erased(connection: Connection, delivery: DeliveryRow | None, recipient: str) -> bool:
    """Mail comes back for days: what is about somebody who was erased meanwhile is kept without them."""
    if delivery is not None and not delivery.email:
        return True
    try:
        email_hash = hash_address(parse_address(recipient), address_key(connection))
    except ValueError:
        return False
    suppression = suppression_of(connection, email_hash)
    return suppression is not None and suppression.email is None


def without_hearsay(reading: Reading, email: str) -> Reading:
    """What no mail system wrote is believed only where it names our reader: people forward the bounce that they
    got from their grandmother, and mailboxes that are read no more tell whom to write to."""
    if not reading.hearsay or not _is_bounce(reading) or any(one.names(email) for one in reading.returned):
        return reading
    return replace(reading, returned=(NOT_UNDERSTOOD,))


def _is_bounce(reading: Reading) -> bool:
    return any(one.judgement.kind in (BounceKind.HARD, BounceKind.SOFT) for one in reading.returned)


def about_reader(reading: Reading, email: str) -> Returned | None:
    """Which of several recipients stands for our reader: the one that is them, or the only one that mail to them was
    passed on to. Where it went to several people, one dead member is no dead list; nor are two."""
    behind = [one for one in reading.returned if email and one.names(email)] or list(reading.returned)
    if them := next((one for one in behind if one.recipient.casefold() == email.casefold()), None):
        return them
    if _is_bounce(reading) and (reading.through_list or len({one.recipient.casefold() for one in behind}) > 1):
        return None
    return behind[0] if len({one.judgement.kind for one in behind}) == 1 else None


def _act(connection: Connection, one: Returned, delivery: DeliveryRow, now: datetime) -> bool:
    judgement = one.judgement
    note = f"{judgement.reason} ({judgement.status})" if judgement.status else judgement.reason.value
    if judgement.reason == "unsubscribe":
        return _stop(connection, delivery, SubscriberState.UNSUBSCRIBED, now)
    if judgement.kind is BounceKind.COMPLAINT:
        if has_changed(connection, delivery.id, (BounceKind.COMPLAINT,)):
            return False
        return _stop(connection, delivery, SubscriberState.COMPLAINED, now, note)
    came_back = came_back_at(connection, delivery.subscriber_id)
    if came_back is not None and mailed_at(connection, delivery.id) < came_back:
        return False
    if judgement.kind is BounceKind.HARD:
        if has_changed(connection, delivery.id, (BounceKind.HARD, BounceKind.SOFT)):
            return False
        return _stop(connection, delivery, SubscriberState.BOUNCED, now, note)
    return judgement.counted and _count_soft(connection, delivery, now, note)


def _stop(
    connection: Connection, delivery: DeliveryRow, state: SubscriberState, now: datetime, note: str | None = None
) -> bool:
    mailed_hash = hash_address(delivery.email, address_key(connection))
    return stop_mailing(connection, delivery, mailed_hash, state, now, note)


def _count_soft(connection: Connection, delivery: DeliveryRow, now: datetime, note: str) -> bool:
    past = past_deliveries(connection, delivery.subscriber_id, sorted(COUNTED))
    came_back = came_back_at(connection, delivery.subscriber_id)
    history = []
    for one in past:
        if came_back is not None and one.mailed_at < came_back:
            break
        bounced_at = one.returned_at
        if bounced_at is None and one.status == DeliveryStatus.FAILED and one.code is not None:
            refused = judge(None, one.code, one.reply or "")
            bounced_at = one.finished_at if refused.reason in COUNTED else None
        history.append(Sent(one.started_at, bounced_at))
    found = streak(history)
    note_streak(connection, delivery.subscriber_id, found.length, found.since)
    if not found.given_up or has_changed(connection, delivery.id, (BounceKind.HARD, BounceKind.SOFT)):
        return False
    return _stop(connection, delivery, SubscriberState.BOUNCED, now, f"{note}, {found.length} issues in a row")


def _watch_over(engine: Engine, told: Told, now: datetime) -> None:
    if told:
        with transaction(engine) as connection:
            _watch(connection, told, now)


def _watch(connection: Connection, told: Told, now: datetime) -> None:
    """Too many who complain, or too many addresses that are none: stop, and let a person look."""
    for (issue_id, kind), new in told.items():
        share, words = LIMITS[kind]
        count = returned_of(connection, issue_id, kind)
        most = count.sent * share
        if count.sent < LIMITS_NEED or count.returned <= most:
            continue
        reason = f"{count.returned} of {count.sent} {words}"
        if move_issue(connection, issue_id, (IssueStatus.SENDING,), IssueStatus.PAUSED, now, reason):
            _tell_operators(connection, week_of(connection, issue_id), "The sending of {} is paused", reason, now)
        elif count.returned - new <= most:
            _tell_operators(connection, week_of(connection, issue_id), "Look at what came back for {}", reason, now)


def _tell_operators(connection: Connection, week: str, subject: str, reason: str, now: datetime) -> None:
    subject = subject.format(week)
    words = (
        f"{subject}: {reason}. Look at where these readers came from before anything more is sent to them. "
        f"`newsletter issues resume {week}` goes on with a sending that is paused."
    )
    add_notices(connection, [Role.OPERATOR], subject, [words], f"/editor/issues/{week}", real_now(), now)


def _delivery_of(connection: Connection, reading: Reading) -> DeliveryRow | None:
    named = reading.delivery_id if reading.leaves is None else reading.leaves
    if named is not None:
        return delivery_by_id(connection, named)
    if reading.link is None:
        return None
    delivery = delivery_of_link(connection, reading.link.issue_id, reading.link.subscriber_id)
    if delivery is None or not _is_bounce(reading):
        return delivery
    # The link goes along with every copy that its reader forwards: it proves no bounce where a return path could, and
    # where none could, the report has to name that reader.
    names_them = any(one.names(delivery.email) for one in reading.returned)
    proven = delivery.issue_id and not has_return_paths(connection, delivery.issue_id)
    return delivery if names_them and proven else None


def _delivery_of_notice(connection: Connection, notice: Notice, keys: dict[int, bytes]) -> DeliveryRow | None:
    delivery_id = notice.delivery_id(keys)
    if delivery_id is not None:
        return delivery_by_id(connection, delivery_id)
    if notice.relay_id and (found := deliveries_by_relay_id(connection, notice.relay_id)):
        return found[0] if len(found) == 1 else None
    if notice.week is None and not notice.by_address:
        return None
    try:
        email = parse_address(notice.returned.recipient)
    except ValueError:
        return None
    return newest_delivery_to(connection, hash_address(email, address_key(connection)), notice.week)
