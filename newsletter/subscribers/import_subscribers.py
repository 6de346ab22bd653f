"""Import: people who consented elsewhere, with the evidence. Who left, bounced, complained or was erased stays out.

The file streams through in chunks, each a transaction of its own: memory stays flat, the service keeps writing beside
it, and an import that was cut short is done by importing the file again.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection, Engine

from db.engine import alone, transaction
from db.keys import address_key
from db.letters import withdraw_letters
from db.states import SubscriberState, SuppressionReason
from db.subscriber_imports import Departed, NewSubscriber, shut_out, take_in
from db.subscribers import add_event, move_subscriber
from newsletter.errors import BadInputError
from newsletter.subscribers import exports
from newsletter.subscribers.addresses import hash_address
from newsletter.subscribers.exports import Export
from newsletter.subscribers.records import Record, Rejected, read_records

AnyRecord = Record | exports.Departed | Rejected

CHUNK = 20_000  # a second of work, which other writers wait for


@dataclass(frozen=True, slots=True)
class ImportReport:
    """``unchanged`` counts those who are here already, and those who must not come back; ``suppressed`` those whom
    another program's file shuts out and who were not before."""

    imported: int
    unchanged: int
    rejected: tuple[Rejected, ...]
    suppressed: int = 0


def import_subscribers(
    engine: Engine,
    lines: Iterable[str],
    *,
    now: datetime,
    latest: datetime,
    export: Export | None = None,
    progress: Callable[[int], None] | None = None,
) -> ImportReport:
    """Take in a CSV file, opened with ``newline=""`` and ``errors="surrogateescape"``; bad records are reported and
    the rest comes in. ``latest`` is as in `read_records`, ``progress`` hears how many records are done.

    An ``export`` reads another program's file: whoever left there is suppressed here.
    Raises BadInputError where the header line is not one.
    """
    records = export.read(lines, latest) if export else read_records(lines, latest)
    imported = suppressed = done = 0
    good = 0
    rejected: list[Rejected] = []
    try:
        for chunk in _chunks(records):
            wanted = [record for record in chunk if isinstance(record, Record)]
            gone = [record for record in chunk if isinstance(record, exports.Departed)]
            rejected += [record for record in chunk if isinstance(record, Rejected)]
            good += len(wanted) + len(gone)
            with transaction(engine) as connection:
                alone(connection, "importing subscribers")
                suppressed += _shut_out(connection, gone, now)
                imported += _take_in(connection, wanted, now)
            done += len(chunk)
            if progress:
                progress(done)
    except ValueError as error:
        raise BadInputError(f"the file {error}") from None
    return ImportReport(imported, good - imported - suppressed, tuple(rejected), suppressed)


def _shut_out(connection: Connection, departed: list[exports.Departed], now: datetime) -> int:
    """How many of them are suppressed now and were not before. Who waits or reads here leaves by the same reason."""
    key = address_key(connection)
    gone: dict[bytes, Departed] = {}
    for _, email, reason, at, note in departed:
        email_hash = hash_address(email, key)
        gone.setdefault(email_hash, Departed(email, email_hash, reason, at, note))
    suppressed, known = shut_out(connection, list(gone.values()), now)
    for subscriber_id, one in known:
        state = SubscriberState.BOUNCED if one.reason == SuppressionReason.BOUNCED else SubscriberState.UNSUBSCRIBED
        withdraw_letters(connection, subscriber_id)
        if move_subscriber(connection, subscriber_id, state, now):
            add_event(connection, state, subscriber_id, now)
    return suppressed


def add_confirmed(
    engine: Engine, email: str, *, name: str, consent_at: datetime, consent_source: str, now: datetime,
    selection: str = "",
) -> bool:  # fmt: skip
    """One subscriber with consent that an operator has; returns whether they came in. ``email`` is as it is stored."""
    record = Record(0, email, name, consent_at, consent_source, selection)
    with transaction(engine) as connection:
        alone(connection, "importing subscribers")
        return _take_in(connection, [record], now) == 1


def _take_in(connection: Connection, records: list[Record], now: datetime) -> int:
    """How many of them are active now and were not before. The first record of an address counts."""
    key = address_key(connection)
    new: dict[bytes, NewSubscriber] = {}
    for _, email, name, consent_at, source, selection, format, paused_until in records:
        email_hash = hash_address(email, key)
        if email_hash not in new:
            new[email_hash] = NewSubscriber(
                email, email_hash, name, selection, consent_at, source, format, paused_until
            )
    return take_in(connection, list(new.values()), now)


def _chunks(records: Iterator[AnyRecord]) -> Iterator[list[AnyRecord]]:
    while chunk := list(islice(records, CHUNK)):
        yield chunk
