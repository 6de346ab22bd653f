"""Save a tool for later, or take it off the list again."""

from datetime import datetime, timedelta

from sqlalchemy import Engine

from db import readers as rows
from db.engine import transaction
from db.limits import hit
from newsletter.readers.identity import Origin

MOST_BOOKMARKS = 1_000
SAVES_OF_A_CLIENT = 300
"""An hour, from one client."""


def save_tool(engine: Engine, reader: str, tool_id: int, origin: Origin, *, now: datetime) -> bool:
    """False where the reader has too many already, or saves too fast; saving twice is no mistake."""
    with transaction(engine) as connection:
        if hit(connection, "save", origin.household, timedelta(hours=1), origin.at) > SAVES_OF_A_CLIENT:
            return False
        if rows.count_bookmarks(connection, reader) >= MOST_BOOKMARKS:
            return rows.is_saved(connection, reader, tool_id)
        rows.add_bookmark(connection, reader, tool_id, now)
        return True


def unsave_tool(engine: Engine, reader: str, tool_id: int) -> None:
    """Taking off what is not there is no mistake either."""
    with transaction(engine) as connection:
        rows.remove_bookmark(connection, reader, tool_id)
