"""``newsletter backup`` and ``newsletter restore``: the embedded database as one file."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter.cli.door import Door, Place, answer, json_option, pass_door
from newsletter.english import counted

if TYPE_CHECKING:
    from newsletter.operations.backup import RestoreReport


@click.command()
@click.argument("file", type=Place(path_type=Path, dir_okay=False))
@json_option
@pass_door
def backup(door: Door, file: Path, as_json: bool) -> None:
    """Copy the embedded database to FILE, consistent while the service runs.

    The copy holds subscribers' addresses and the keys of all links: keep it where only you can read it.

    \b
    Example:
      newsletter backup /var/backups/newsletter-2026-11-23.db
    """
    from newsletter.operations.backup import back_up

    report = back_up(door.any_engine, file, now=door.clock.now())
    document = {"path": str(report.path), "bytes": report.bytes, "schema": report.schema}
    answer(document, as_json, f"{report.path}: {report.bytes:,} bytes, schema {report.schema}.")


@click.command()
@click.argument("file", type=Place(path_type=Path, dir_okay=False))
@json_option
@pass_door
def restore(door: Door, file: Path, as_json: bool) -> None:
    """Put the backup FILE in the embedded database's place. Stop the service first.

    Only a whole backup is taken, and not over what another installation holds; else the database stays as it was.
    Who left, bounced, complained, was suppressed or erased since stays gone, and who chose less mail gets less; issues
    that went on since wait for you.

    \b
    Example:
      newsletter restore /var/backups/newsletter-2026-11-23.db
    """
    from newsletter.clock import iso
    from newsletter.operations.backup import restore as put_back
    from newsletter.subscribers.erase import erase_address

    now = door.clock.now()
    report = put_back(door.any_engine, file, now=now, erase=lambda engine, email: erase_address(engine, email, now=now))
    carried = report.carried
    document = {
        "database": str(report.database), "schema": report.schema, "needs_init": False,
        "newest_entry": iso(report.newest_entry), "held": list(report.held),
        "carried": carried and {
            "left": carried.left, "chose_less": carried.chose_less, "suppressed": carried.suppressed,
            "erased": len(carried.erased), "outcomes": carried.outcomes, "whole": carried.whole,
        },
        "sent_since": carried.sent if carried and carried.whole else None,
    }  # fmt: skip
    answer(document, as_json, [f"{report.database} is restored from {file}, schema {report.schema}.", *_said(report)])


def _said(report: "RestoreReport") -> list[str]:
    carried, newest = report.carried, report.newest_entry
    lines = ["It is empty."]
    if newest is not None:
        lines = [f"The newest entry in it is of {newest:%Y-%m-%d %H:%M} UTC; what came in or was edited since is gone."]
    if carried is not None:
        outcomes = f", what became of {counted(carried.outcomes, 'delivery', 'deliveries')}" if carried.whole else ""
        lines.append(
            f"Kept from before: {carried.left} who left, bounced or complained since, "
            f"{carried.chose_less} who chose less mail, "
            f"{counted(carried.suppressed, 'more suppressed address', 'more suppressed addresses')}, "
            f"{len(carried.erased)} erased again{outcomes}."
        )
        if not carried.whole:
            more = "there may have been more, and whom issues reached since the backup is not known"
            lines.append(f"The database before it is damaged: {more}.")
    else:
        why = "cannot be read or is another installation's" if report.replaced else "is not there"
        lines.append(f"The database before it {why}: whoever left since the backup is mailed again.")
    if report.held:
        lines.append(f"Paused, or draft again, until you have looked: {', '.join(report.held)}.")
    if carried is not None and carried.sent:
        lines.append(f"On their way or sent before this, so do not send again unasked: {', '.join(carried.sent)}.")
    return lines
