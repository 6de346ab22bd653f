"""``newsletter editors``: who may sign in to the editors' room."""

from typing import Any

import click

from db.states import Role
from newsletter.cli.door import Door, answer, json_option, note, pass_door
from newsletter.cli.tables import table

ROLES = tuple(map(str, Role))


@click.group()
def editors() -> None:
    """Who may sign in to the editors' room.

    \b
    Example:
      newsletter editors add ada@example.com
      newsletter editors link ada@example.com
    """


@editors.command()
@click.argument("email")
@click.option("--role", type=click.Choice(ROLES), default="editor", show_default=True,
              help="What they may do: arrange and send issues, run the machine too, or enter takes.")  # fmt: skip
@click.option("--panelist", help="Whose takes a panelist enters, such as builder.")
@json_option
@pass_door
def add(door: Door, email: str, role: str, panelist: str | None, as_json: bool) -> None:
    """Let an address sign in; somebody who is there already changes role.

    \b
    Example:
      newsletter editors add ada@example.com --role operator
      newsletter editors add sam@example.com --role panelist --panelist builder
    """
    from newsletter.editors.invite import add_editor

    added = add_editor(door.engine, email, role, door.clock.now(), panelist=panelist)
    if role == "panelist" and panelist is None:
        note("This panelist can enter no takes yet: say whose with --panelist.")
    said = f"{added.email} may sign in as {role}; `newsletter editors link {added.email}` prints a link."
    answer(_document(added), as_json, said)


@editors.command("list")
@json_option
@pass_door
def list_(door: Door, as_json: bool) -> None:
    """Show who may sign in.

    \b
    Example:
      newsletter editors list
    """
    from newsletter.editors.invite import list_editors

    found = list_editors(door.engine)
    rows = [(row.email, row.role, row.panelist) for row in found]
    lines = table(rows, ("email", "role", "panelist"), "Nobody may sign in yet.")
    answer({"editors": [_document(row) for row in found]}, as_json, lines)


@editors.command()
@click.argument("email")
@json_option
@pass_door
def remove(door: Door, email: str, as_json: bool) -> None:
    """Put an editor out; their sessions end at once.

    \b
    Example:
      newsletter editors remove ada@example.com
    """
    from newsletter.editors.invite import remove_editor

    removed = remove_editor(door.engine, email, door.clock.now())
    answer({"removed": removed.email}, as_json, f"{removed.email} can no longer sign in.")


@editors.command()
@click.argument("email")
@json_option
@pass_door
def link(door: Door, email: str, as_json: bool) -> None:
    """Print a one-time sign-in link; it works once, for 15 minutes.

    \b
    Example:
      newsletter editors link ada@example.com
    """
    from newsletter.clock import iso
    from newsletter.editors.sign_in import LINK_LIFE, make_link

    now = door.clock.now()
    url = make_link(door.engine, email, door.settings, now)
    note("This link signs in once, within 15 minutes.")
    answer({"url": url, "expires_at": iso(now + LINK_LIFE)}, as_json, url)


def _document(row: Any) -> dict[str, Any]:
    return {"email": row.email, "role": row.role, "panelist": row.panelist}
