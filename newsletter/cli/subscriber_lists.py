"""``newsletter subscribers import`` and ``export``, put into their group by cli/subscribers.py."""

import io
import sys
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from db.states import SubscriberState
from newsletter.cli.door import Door, Place, answer, in_pages, json_option, pass_door, stream
from newsletter.cli.progress import Progress
from newsletter.errors import BadInputError
from newsletter.subscribers.exports import PROGRAMS, export_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from newsletter.subscribers.exports import Export
    from newsletter.subscribers.import_subscribers import ImportReport

STATES = tuple(map(str, SubscriberState))
EXPORTED = (
    "email", "name", "consent_at", "consent_source", "categories", "state",
    "format", "panelists", "min_ship_percent", "paused_until", "suppressed",
)  # fmt: skip


@click.command("import")
@click.argument("file", type=Place(dir_okay=False))
@click.option("--from", "program", type=click.Choice(PROGRAMS), help="FILE was exported by this program.")
@json_option
@pass_door
def import_(door: Door, file: str, program: str | None, as_json: bool) -> None:
    """Take in people who consented before: email,name,consent_at,consent_source,categories.

    Bad rows are reported with their line, and the rest comes in. Who unsubscribed, bounced, complained or is suppressed
    stays out. Fields are separated by commas, semicolons or tabs, categories by ";" within their field ("\\;" where one
    has it in its name). FILE may be - for standard input. With --from, FILE is an export of that program as it stands;
    whoever left or bounced there is suppressed here.

    \b
    Example:
      newsletter subscribers import readers.csv
      newsletter subscribers import cleaned_email_audience_export_1a2b3c.csv --from mailchimp
    """
    from newsletter.clock import real_now
    from newsletter.subscribers.import_subscribers import import_subscribers

    now = door.clock.now()
    with _open(file) as lines, Progress() as progress:
        report = import_subscribers(
            door.engine, lines, now=now, latest=max(now, real_now()), export=_export(program, file),
            progress=lambda done: progress.show(f"{done:,} rows"),
        )  # fmt: skip
    document = {
        "imported": report.imported,
        "unchanged": report.unchanged,
        "suppressed": report.suppressed,
        "rejected": [row._asdict() for row in report.rejected],
    }
    answer(document, as_json, _said(report))


def _export(program: str | None, file: str) -> "Export | None":
    try:
        return export_of(program, Path(file).name) if program else None
    except ValueError as error:
        raise BadInputError(f"{file} {error}") from None


@click.command()
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@json_option
@pass_door
def export(door: Door, state: str | None, as_json: bool) -> None:
    """Write everybody to standard output as CSV, in the columns that `import` reads, and their state; or as JSON.

    A field that a spreadsheet would take for a formula begins with an apostrophe, which `import` takes off again.

    \b
    Example:
      newsletter subscribers export --state active > readers.csv
    """
    import csv

    from newsletter.subscribers.formulas import as_text

    if as_json:
        stream("subscribers", _exported(door, state))
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(EXPORTED)
    for document in _exported(door, state):
        writer.writerow([as_text(_field(document[column])) for column in EXPORTED])


def _exported(door: Door, state: str | None) -> "Iterator[dict[str, Any]]":
    from newsletter.clock import iso
    from newsletter.subscribers.selections import Selection

    for row, consent, suppressed in _with_consent(door, state):
        chosen = Selection.parse(row.selection)
        yield {
            "email": row.email, "name": row.name, "consent_at": (iso(consent.at) or "") if consent else "",
            "consent_source": consent.source if consent else "", "categories": list(chosen.categories),
            "state": row.state, "format": row.format, "panelists": list(chosen.panelists),
            "min_ship_percent": chosen.min_ship_percent, "paused_until": iso(row.paused_until),
            "suppressed": suppressed,
        }  # fmt: skip


def _field(value: Any) -> str:
    """As it stands in the CSV."""
    from newsletter.subscribers.selections import as_field

    if isinstance(value, list):
        return as_field(value)
    return "" if value is None else str(value)


COMMANDS = (import_, export)


def _open(file: str) -> IO[str]:
    """Text as it stands: line ends are counted, and bytes that are no UTF-8 reach the row that has them. Spreadsheets'
    "Unicode text" is UTF-16 with a byte order mark."""
    source: Any = sys.stdin.fileno() if file == "-" else file
    try:
        raw = open(source, "rb")  # noqa: SIM115 (the text around it is closed by the caller)
        encoding = "utf-16" if raw.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        return io.TextIOWrapper(raw, encoding, "surrogateescape", newline="")
    except OSError as error:
        raise BadInputError(f"{file} cannot be read: {error.strerror}") from None


def _said(report: "ImportReport") -> list[str]:
    shut_out = f"{report.suppressed} suppressed, " if report.suppressed else ""
    lines = [f"{report.imported} imported, {report.unchanged} unchanged, {shut_out}{len(report.rejected)} rejected."]
    return lines + [f"line {row.line}: {row.email or 'no address'}: {row.reason}" for row in report.rejected]


def _with_consent(door: Door, state: str | None) -> "Iterator[Any]":
    from db.subscribers import newest_consents, subscribers_page
    from db.suppressions import suppressed_among

    wanted = SubscriberState(state) if state else None

    def read(connection: "Connection", after: int) -> list[Any]:
        page = subscribers_page(connection, after, 1000, wanted)
        ids = [row.id for row in page]
        consents, suppressed = newest_consents(connection, ids), suppressed_among(connection, ids)
        return [(row, consents.get(row.id), suppressed.get(row.id)) for row in page]

    return chain.from_iterable(in_pages(door.engine, read, lambda one: one[0].id))
