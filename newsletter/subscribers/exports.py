"""Files that other programs for newsletters write of their subscribers, and what each row of them says.

The columns and words are theirs:

- listmonk: ``uuid,email,name,attributes,status,created_at,updated_at``; the status is enabled, disabled or blocklisted,
  and instants stand as Go prints them.
- Mailchimp: a file each for subscribed, unsubscribed, cleaned and non-subscribed contacts, told apart by the columns
  ``UNSUB_TIME`` and ``CLEAN_TIME``, the last by the file's name alone; instants are in UTC.
- Substack: ``email,active_subscription,expiry,plan,email_disabled,created_at,first_payment_at``;
  ``email_disabled`` says who left. Whether somebody pays is another matter.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from db.states import SuppressionReason
from newsletter.clock import in_utc
from newsletter.subscribers.records import NAME_LENGTH, Record, Rejected, Row, believable, read_rows
from newsletter.subscribers.text import one_line


class Departed(NamedTuple):
    """Somebody who must not be mailed any more; ``at`` is None where the file does not say since when."""

    line: int
    email: str
    reason: SuppressionReason
    at: datetime | None
    note: str


class _Joined(NamedTuple):
    name: str
    consent_at: datetime
    consent_source: str


class _Left(NamedTuple):
    reason: SuppressionReason
    at: datetime | None
    note: str


@dataclass(frozen=True, slots=True)
class Export:
    """How one program's file is read. ``judge`` raises ValueError for a row that proves nothing."""

    email: str
    needed: tuple[str, ...]
    judge: Callable[[Row], _Joined | _Left]

    def read(self, lines: Iterable[str], latest: datetime) -> Iterator[Record | Departed | Rejected]:
        """Read a file's lines as they come; ``latest`` is as in `read_records`.

        Raises ValueError where the header line lacks a column that this program writes.
        """
        for row in read_rows(lines, self.needed, f"this program's file has {', '.join(self.needed)}"):
            yield row if isinstance(row, Rejected) else self._one(row, latest)

    def _one(self, row: Row, latest: datetime) -> Record | Departed | Rejected:
        try:
            address = row.address(self.email)
            found = self.judge(row)
            if isinstance(found, _Left):
                return Departed(row.line, address, *found)
            at = believable(found.consent_at, latest)
        except ValueError as error:
            return row.rejected(self.email, error)
        return Record(row.line, address, one_line(found.name, NAME_LENGTH), at, found.consent_source, "")


def export_of(program: str, file_name: str = "") -> Export:
    """The reader of a program's file. Raises ValueError for a file whose people never agreed to anything."""
    if program == "mailchimp" and file_name.lower().startswith("nonsubscribed"):
        raise ValueError("holds Mailchimp's non-subscribed contacts, who never agreed to get this mail")
    return _EXPORTS[program]


def _listmonk(row: Row) -> _Joined | _Left:
    match row.read("status"):
        case "enabled":
            return _Joined(row.read("name"), _instant(row.read("created_at")), "listmonk export")
        case "disabled":
            return _Left(SuppressionReason.UNSUBSCRIBED, _instant(row.read("updated_at")), "disabled in listmonk")
        case "blocklisted":  # by an operator, a complaint, a bounce or the reader: it does not say which
            return _Left(SuppressionReason.MANUAL, _instant(row.read("updated_at")), "blocklisted in listmonk")
        case other:
            raise ValueError(f"has the status {other[:20]!r}; listmonk's are enabled, disabled and blocklisted")


def _mailchimp(row: Row) -> _Joined | _Left:
    if left_at := row.read("unsub_time"):
        return _Left(SuppressionReason.UNSUBSCRIBED, _instant(left_at), "unsubscribed in Mailchimp")
    if cleaned_at := row.read("clean_time"):
        return _Left(SuppressionReason.BOUNCED, _instant(cleaned_at), "cleaned in Mailchimp")
    name = row.read("name") or f"{row.read('first name')} {row.read('last name')}"
    network = one_line(row.read("confirm_ip") or row.read("optin_ip"), 45)
    source = "Mailchimp export" + (f", asked from {network}" if network else "")
    return _Joined(name, _instant(row.read("confirm_time") or row.read("optin_time")), source)


def _substack(row: Row) -> _Joined | _Left:
    match row.read("email_disabled").lower():
        case "true":
            return _Left(SuppressionReason.UNSUBSCRIBED, None, "mail switched off in Substack")
        case "false":
            return _Joined(row.read("name"), _instant(row.read("created_at")), "Substack export")
        case other:
            raise ValueError(f"has email_disabled {other[:20]!r}; Substack says true or false")


_EXPORTS = {
    "listmonk": Export("email", ("email", "status", "created_at", "updated_at"), _listmonk),
    "mailchimp": Export("email address", ("email address", "optin_time", "confirm_time"), _mailchimp),
    "substack": Export("email", ("email", "email_disabled", "created_at"), _substack),
}
PROGRAMS = tuple(_EXPORTS)

# 2024-01-15 10:00:00.123456789 +0530 IST: Go's Time.String(), to the second or finer.
_GO = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.\d+)? ([+-]\d{4})(?: .*)?", re.ASCII)


def _instant(text: str) -> datetime:
    """An ISO 8601 instant or Go's; one without an offset is in UTC."""
    if not text:
        raise ValueError("does not say since when")
    go = _GO.fullmatch(text)
    try:
        return in_utc(datetime.fromisoformat(go[1] + go[2] if go else text))
    except ValueError:
        raise ValueError(f"has an instant that cannot be read: {text[:40]!r}") from None
