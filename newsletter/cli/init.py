"""``newsletter init``: the database, and a settings file to fill in."""

import secrets
from pathlib import Path

import click

from newsletter.cli.door import Door, answer, json_option, note, pass_door, refuse_newer
from newsletter.errors import RefusedError
from newsletter.secret_files import write_new
from newsletter.settings import FILE

_FILE = """\
# Settings of this newsletter. Every one can also stand in the environment as NEWSLETTER_NAME, which wins.
# docs/settings.md explains each.

# Signs sessions, sign-in and confirmation. Keep it secret. To change it, put a new key before it, with a comma.
secret_key = "{key}"

# What every issue carries. Sending refuses to start without these three.
# title = "Weekly Verdicts"
# from = "Weekly Verdicts <news@example.com>"
# postal_address = "Example Press, 1 Example Street, 12345 Example City"

# Where readers reach this service, and the relay that mail goes through.
# public_url = "https://news.example.com"
# smtp = "smtp://user:password@smtp.example.com:587?tls=starttls&connections=8"

# The zone of the week and of every schedule.
# timezone = "Europe/Berlin"
"""


@click.command()
@click.option(
    "--write-settings", is_flag=True, help="Also write newsletter.toml with a fresh key, where there is none."
)
@json_option
@pass_door
def init(door: Door, write_settings: bool, as_json: bool) -> None:
    """Create the database, or bring it to the newest schema. Running it again changes nothing.

    \b
    Example:
      newsletter init --write-settings
    """
    from db.engine import is_sqlite
    from db.migrate import current_revision, foreign_table, migrate, newest_revision

    written = _write_settings(Path(FILE)) if write_settings else False
    where = door.where
    if is_sqlite(door.any_engine) and (foreign := foreign_table(door.any_engine)):  # a PostgreSQL one may be shared
        advice = "NEWSLETTER_DATABASE_URL names one of the newsletter's own"
        raise RefusedError(f"{where} holds another program's table {foreign!r}; {advice}")
    refuse_newer(where, current_revision(door.any_engine) or "", newest_revision())
    before, after = migrate(door.any_engine, door.clock.now())
    if written:
        note(f"Wrote {FILE}; fill in title, from and postal_address.")
    said = f"{where} is at schema {after}" + (", as it was." if before == after else f" (was {before or 'absent'}).")
    answer({"database": where, "before": before, "schema": after, "settings_written": written}, as_json, said)


def _write_settings(path: Path) -> bool:
    """Never overwrites; the file holds a secret, so only its owner may read it."""
    try:
        write_new(path, _FILE.format(key=secrets.token_urlsafe(32)).encode())
    except FileExistsError:
        note(f"{path} is there already and stays as it is.")
        return False
    return True
