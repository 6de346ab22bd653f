"""Import: people who consented elsewhere, with the evidence. Who left, bounced, complained or was erased stays out.

The file streams through in chunks, each a transaction of its own: memory stays flat, the service keeps writing beside
it, and an import that was cut short is done by importing the file again.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection, Engine

from db.engine import transaction
from db.keys import address_key
from db.subscriber_imports import NewSubscriber, take_in
from newsletter.errors import BadInputError
from newsletter.subscribers.addresses import hash_address
from newsletter.subscribers.records import Record, Rejected, read_records

CHUNK = 20_000  # a second of work, which other writers wait for


@dataclass(frozen=True, slots=True)
class ImportReport:
    """``unchanged`` counts those who are here already, and those who must not come back."""

    imported: int
    unchanged: int
    rejected: tuple[Rejected, ...]


def import_subscribers(
    engine: Engine,
    lines: Iterable[str],
    *,
    now: datetime,
    latest: datetime,
    progress: Callable[[int], None] | None = None,
) -> ImportReport:
    """Take in a CSV file, opened with ``newline=""`` and ``errors="surrogateescape"``; bad records are reported and
    the rest comes in. ``latest`` is as in `read_records`, ``progress`` hears how many records are done.

    Raises BadInputError where the header line is not one.
    """
    records = read_records(lines, latest)
    imported = done = 0
    good = 0
    rejected: list[Rejected] = []
    try:
        for chunk in _chunks(records):
            wanted = [record for record in chunk if isinstance(record, Record)]
            rejected += [record for record in chunk if isinstance(record, Rejected)]
            good += len(wanted)
            with transaction(engine) as connection:
                imported += _take_in(connection, wanted, now)
            done += len(chunk)
            if progress:
                progress(done)
    except ValueError as error:
        raise BadInputError(f"the file {error}") from None
    return ImportReport(imported, good - imported, tuple(rejected))


def add_confirmed(
    engine: Engine, email: str, *, name: str, consent_at: datetime, consent_source: str, now: datetime,
    selection: str = "",
) -> bool:  # fmt: skip
    """One subscriber with consent that an operator has; returns whether they came in. ``email`` is as it is stored."""
    record = Record(0, email, name, consent_at, consent_source, selection)
    with transaction(engine) as connection:
        return _take_in(connection, [record], now) == 1


def _take_in(connection: Connection, records: list[Record], now: datetime) -> int:
    """How many of them are active now and were not before. The first record of an address counts."""
    key = address_key(connection)
    new: dict[bytes, NewSubscriber] = {}
    for _, email, name, consent_at, source, selection in records:
        email_hash = hash_address(email, key)
        if email_hash not in new:
            new[email_hash] = NewSubscriber(email, email_hash, name, selection, consent_at, source)
    return take_in(connection, list(new.values()), now)


def _chunks(records: Iterator[Record | Rejected]) -> Iterator[list[Record | Rejected]]:
    while chunk := list(islice(records, CHUNK)):
        yield chunk
