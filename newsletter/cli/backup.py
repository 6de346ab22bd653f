"""``newsletter backup`` and ``newsletter restore``: the embedded database as one file."""

from pathlib import Path

import click

from newsletter.cli.door import Door, answer, json_option, note, pass_door


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
@pass_door
def backup(door: Door, file: Path, as_json: bool) -> None:
    """Copy the embedded database to FILE, consistent while the service runs.

    The copy holds subscribers' addresses and the keys of all links: keep it where only you can read it.

    \b
    Example:
      newsletter backup /var/backups/newsletter-2026-11-23.db
    """
    from db.engine import make_engine
    from newsletter.operations.backup import back_up

    report = back_up(make_engine(door.settings.database_url), file, now=door.clock.now())
    document = {"path": str(report.path), "bytes": report.bytes, "schema": report.schema}
    answer(document, as_json, f"{report.path}: {report.bytes:,} bytes, schema {report.schema}.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
@pass_door
def restore(door: Door, file: Path, as_json: bool) -> None:
    """Put the backup FILE in the embedded database's place. Stop the service first.

    Only a whole backup is taken; anything else is refused and the database stays as it was.

    \b
    Example:
      newsletter restore /var/backups/newsletter-2026-11-23.db
    """
    from db.engine import make_engine
    from newsletter.operations.backup import restore as put_back

    report = put_back(make_engine(door.settings.database_url), file)
    if report.needs_init:
        note("The backup has an older schema; run `newsletter init` next.")
    document = {"database": str(report.database), "schema": report.schema, "needs_init": report.needs_init}
    answer(document, as_json, f"{report.database} is restored from {file}, schema {report.schema}.")
