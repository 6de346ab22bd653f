"""``newsletter worker``: one more sending process, on this machine or another."""

import click

from newsletter.cli.door import Door, pass_door
from newsletter.errors import RefusedError
from newsletter.settings import NEEDED_TO_SEND, required


@click.command()
@pass_door
def worker(door: Door) -> None:
    """One more sending process, on this or another machine (PostgreSQL).

    It shares the work with every other sender of the same database: each takes batches of what is due, and what a
    sender leaves behind when it dies, the others take over. Ctrl-C or SIGTERM drains.

    \b
    Example:
      NEWSLETTER_DATABASE_URL=postgresql+psycopg://news@db/news newsletter worker
    """
    from newsletter.cli.serve import run_service, stop_signal

    if not door.settings.database_url.startswith("postgresql"):
        raise RefusedError(
            "a worker needs a PostgreSQL database, which machines can share; with the embedded one, "
            "`newsletter serve` sends by itself"
        )
    required(door.settings, *NEEDED_TO_SEND)
    with stop_signal() as stop:
        run_service(door.engine, door.settings, door.running_clock, None, stop, keeps_timetable=False)
