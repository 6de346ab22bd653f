"""Lets editors in and puts them out."""

from datetime import datetime

from sqlalchemy import Engine

from db import audit, editors, tools
from db.editors import EditorRow
from db.engine import reading, transaction
from db.states import Role
from newsletter.editors.roles import known_as, no_editor
from newsletter.errors import BadInputError
from newsletter.subscribers.addresses import comparable, parse_address


def add_editor(
    engine: Engine, email: str, role: str, now: datetime, *, panelist: str | None = None, by: str = "command line"
) -> EditorRow:
    """Let this address sign in, in this role; somebody who is there already changes role.

    ``panelist`` names whose takes a panelist enters. Raises BadInputError for what can be no address or panelist.
    """
    try:
        address = comparable(parse_address(email))
    except ValueError as error:
        raise BadInputError(f"{email!r} cannot be an editor's address: {error}") from None
    with transaction(engine) as connection:
        known = [member.key for member in tools.panel(connection)]
        if panelist is not None and panelist not in known:
            raise BadInputError(f"there is no panelist {panelist!r}; the panel is {', '.join(known)}")
        editor_id = editors.save_editor(connection, address, Role(role), panelist, now)
        audit.add_audit(connection, by, f"let in as {role}", f"editor {address}", now)
    return EditorRow(editor_id, address, role, panelist)


def remove_editor(engine: Engine, email: str, now: datetime, *, by: str = "command line") -> EditorRow:
    """Put an editor out: sessions and links end at once. Raises NotFoundError for who is none."""
    with transaction(engine) as connection:
        editor = editors.find_editor(connection, known_as(email))
        if editor is None:
            raise no_editor(email)
        editors.remove_editor(connection, editor.id, now)
        audit.add_audit(connection, by, "put out", f"editor {editor.email}", now)
    return editor


def list_editors(engine: Engine) -> list[EditorRow]:
    with reading(engine) as connection:
        return editors.list_editors(connection)
