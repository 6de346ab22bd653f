"""``newsletter move``: from the embedded database to PostgreSQL."""

from pathlib import Path

import click

from newsletter.cli.door import Door, answer, json_option, pass_door
from newsletter.cli.progress import Progress
from newsletter.errors import BadInputError


@click.command()
@click.argument("url", metavar="POSTGRES_URL")
@json_option
@pass_door
def move(door: Door, url: str, as_json: bool) -> None:
    """Move everything from the embedded database to an empty PostgreSQL one. Stop the service first.

    All of it comes over, or nothing; the embedded database stays as it is. Every link ever mailed goes on working.
    POSTGRES_URL may be secret:FILE, so that no password stands on the command line.

    \b
    Example:
      newsletter move postgresql+psycopg://news@db.example.com/news
      newsletter move secret:/run/secrets/database-url
    """
    from db.engine import make_engine
    from newsletter.operations.move import move as bring_over

    target = make_engine(_read(url))
    try:
        with Progress() as progress:

            def show(table: str, rows: int) -> None:
                progress.show(f"{table}: {rows:,} rows")

            report = bring_over(door.engine, target, now=door.clock.now(), progress=show)
    finally:
        target.dispose()
    rows = sum(report.tables.values())
    said = [
        f"{rows:,} rows of {len(report.tables)} tables are in {report.target}, schema {report.schema}.",
        "Set NEWSLETTER_DATABASE_URL to it and start the service; keep the old file until you are content.",
    ]
    answer({"target": report.target, "schema": report.schema, "tables": report.tables, "rows": rows}, as_json, said)


def _read(url: str) -> str:
    from newsletter import secret_files
    from newsletter.database_urls import database_url

    try:
        return database_url(secret_files.resolve(url, Path.cwd()))
    except ValueError as error:
        raise BadInputError(f"POSTGRES_URL {error}") from None
