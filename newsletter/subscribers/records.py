"""A file of subscribers, record by record: ``email,name,consent_at,consent_source,categories``.

RFC 4180 with a header line; columns in any order, further ones are left alone. Whoever is in such a file has consented
before, so a record without the evidence of it is a bad record, and so is one whose ``state`` is not active. What our
own export has besides is honoured in a file that has all of it: nobody comes in whom something suppresses, and
``format``, ``panelists``, ``min_ship_percent`` and ``paused_until`` are taken over. Others call other things so.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import NamedTuple

from newsletter.clock import in_utc
from newsletter.subscribers.addresses import comparable, parse_address
from newsletter.subscribers.csv_records import CsvRecords
from newsletter.subscribers.formulas import as_meant
from newsletter.subscribers.selections import Selection, from_field
from newsletter.subscribers.text import one_line
from newsletter.tools.field_values import LONGEST_CATEGORY

_OURS = frozenset({"format", "panelists", "min_ship_percent", "paused_until", "suppressed"})
COLUMNS = ("email", "name", "consent_at", "consent_source", "categories")
_NEEDED = ("email", "consent_at", "consent_source")
NAME_LENGTH = 100
SOURCE_LENGTH = 500


class Record(NamedTuple):
    """A good record. ``line`` is its first physical line, counted from 1."""

    line: int
    email: str
    name: str
    consent_at: datetime
    consent_source: str
    selection: str
    format: str = "html"
    paused_until: datetime | None = None


class Rejected(NamedTuple):
    line: int
    email: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Places:
    """In which field each column stands."""

    width: int
    at: dict[str, int]

    def read(self, fields: list[str], column: str) -> str:
        place = self.at.get(column)
        return fields[place].strip() if place is not None and place < len(fields) else ""


def read_records(lines: Iterable[str], latest: datetime) -> Iterator[Record | Rejected]:
    """Read a file's lines as they come. ``latest`` is the last instant at which consent can have been given.

    Raises ValueError where the header line lacks a column that every record needs, or has one twice.
    """
    for row in read_rows(lines, _NEEDED, f"it begins with {','.join(COLUMNS)}"):
        yield row if isinstance(row, Rejected) else _record(row._replace(fields=_meant(row.fields)), latest)


def _meant(fields: list[str]) -> list[str]:
    return [as_meant(field) if field[:1] == "'" else field for field in fields]


class Row(NamedTuple):
    """The fields of one record, and the places of the columns. ``line`` is as in `Record`."""

    line: int
    fields: list[str]
    places: _Places

    @property
    def is_ours(self) -> bool:
        """Whether our own export wrote the file."""
        return self.places.at.keys() >= _OURS

    def read(self, column: str) -> str:
        """What stands in a column, by its name in lower case; '' where the file or the record lacks it."""
        return self.places.read(self.fields, column)

    def address(self, column: str) -> str:
        """The address in a column, as it is stored. Raises ValueError where the record or the address is none."""
        if len(self.fields) > self.places.width:
            raise ValueError(f"has {len(self.fields)} fields where the header has {self.places.width}")
        _refuse_other_encodings(self.fields)
        return parse_address(self.read(column))

    def rejected(self, column: str, error: ValueError) -> Rejected:
        return Rejected(self.line, _shown(self.read(column)), str(error))


def read_rows(lines: Iterable[str], needed: Sequence[str], advice: str) -> Iterator[Row | Rejected]:
    """Read any CSV file with a header line, record by record; what cannot be read as CSV is rejected. Fields may be
    separated by semicolons or tabs as well, as spreadsheets write them. The first of ``needed`` holds the address.

    Raises ValueError where the header line has a column twice, or lacks one that every record needs; the words then end
    in ``advice``.
    """
    places: _Places | None = None
    records = CsvRecords(lines)
    for line, found in records:
        if isinstance(found, str):
            yield Rejected(line, "", found)
        elif any(found):
            if places is None:
                places = _header(found, needed, advice)
                records.address_in = partial(_address_in, places, needed)
                records.is_proper = partial(_is_proper, places, (*needed, *COLUMNS))
            else:
                yield Row(line, found, places)
    if places is None:
        raise ValueError(f"has no header line; {advice}")


def _address_in(places: _Places, needed: Sequence[str], fields: list[str]) -> str | None:
    """Whose record these fields are, good or bad, as addresses are compared; None where they are none."""
    if len(fields) <= max(places.at[column] for column in needed):
        return None
    try:
        return comparable(parse_address(places.read(fields, needed[0])))
    except ValueError:
        return None


def _is_proper(places: _Places, on_one_line: Sequence[str], fields: list[str]) -> bool:
    """Whether a record of several lines is one: only what is not for us may have them."""
    return len(fields) == places.width and not any("\n" in places.read(fields, column) for column in on_one_line)


def _header(fields: list[str], needed: Sequence[str], advice: str) -> _Places:
    names = [field.strip().lower().removeprefix("\ufeff") for field in fields]
    missing = [column for column in needed if column not in names]
    if missing:
        raise ValueError(f"has no column {missing[0]!r} in its first line; {advice}")
    twice = [column for column in (*needed, *COLUMNS) if names.count(column) > 1]
    if twice:
        raise ValueError(f"has the column {twice[0]!r} twice in its first line; leave the one that is meant")
    return _Places(len(fields), {name: place for place, name in reversed(list(enumerate(names)))})


def _record(row: Row, latest: datetime) -> Record | Rejected:
    try:
        address = row.address("email")
        _refuse_who_left(row.read("state"), row.read("suppressed") if row.is_ours else "")
        consent_at = _instant(row.read("consent_at"), latest)
        source = one_line(row.read("consent_source"), SOURCE_LENGTH)
        if not source:
            raise ValueError("has no consent_source: how was consent given?")
        ours = row.read if row.is_ours else _nothing
        selection = _selection(row.read("categories"), ours("panelists"), ours("min_ship_percent"))
        format, paused_until = _format(ours("format")), _pause(ours("paused_until"))
    except ValueError as error:
        return row.rejected("email", error)
    name = one_line(row.read("name"), NAME_LENGTH)
    return Record(row.line, address, name, consent_at, source, selection, format, paused_until)


@lru_cache(maxsize=1024)
def _selection(categories: str, panelists: str, percent: str) -> str:
    if percent and not (percent.isascii() and percent.isdecimal() and len(percent) < 4 and int(percent) <= 100):
        raise ValueError(f"has a min_ship_percent that is no number from 0 to 100: {percent[:20]!r}")
    return Selection(_parts(categories), _parts(panelists), int(percent or 0) or None).key()


def _nothing(_: str) -> str:
    return ""


def _parts(text: str) -> tuple[str, ...]:
    return tuple({one_line(part, LONGEST_CATEGORY) for part in from_field(text)} - {""})


def _format(text: str) -> str:
    if text.lower() not in ("", "html", "text"):
        raise ValueError(f"has a format that is neither html nor text: {text[:20]!r}")
    return text.lower() or "html"


@lru_cache(maxsize=1024)
def _pause(text: str) -> datetime | None:
    try:
        return in_utc(datetime.fromisoformat(text)) if text else None
    except ValueError:
        raise ValueError(f"has a paused_until that is no ISO 8601 date or time: {text[:40]!r}") from None


@lru_cache(maxsize=1024)
def _instant(text: str, latest: datetime) -> datetime:
    if not text:
        raise ValueError("has no consent_at: when was consent given?")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"has a consent_at that is no ISO 8601 date or time: {text[:40]!r}") from None
    return believable(found, latest)


def believable(consent_at: datetime, latest: datetime) -> datetime:
    """The instant in UTC, where it has no offset it is that already. Raises ValueError where it cannot be true."""
    try:
        found = in_utc(consent_at)
    except ValueError as error:
        raise ValueError(f"has a consent_at that {error}") from None
    if found > latest:
        raise ValueError("has a consent_at in the future")
    if found.year < 1970:
        raise ValueError("has a consent_at before there was e-mail to consent to")
    return found


def _refuse_who_left(state: str, suppressed: str) -> None:
    if state not in ("", "active"):
        raise ValueError(f"is {state[:20]} in this file, so it does not come in")
    if suppressed:
        raise ValueError(f"is suppressed ({suppressed[:20]}) in this file, so it does not come in")


def _refuse_other_encodings(fields: list[str]) -> None:
    """Bytes that are no UTF-8 arrive as lone surrogates (the file is read with ``surrogateescape``)."""
    for field in fields:
        if not field.isascii() and any("\ud800" <= c <= "\udfff" for c in field):
            raise ValueError("is not UTF-8; save the file as “CSV UTF-8”")


def _shown(email: str) -> str:
    return one_line(email.encode("utf-8", "replace").decode(), 254)
