"""What a restored backup is told of readers who chose less, or a rest, in the database that it replaces, attached as
``old``. Who chose more since chooses again: too little mail is no harm."""

import json
import sqlite3

# An older backup may have been restored by mistake before this one: it knows nothing that this one does not.
_SUCCEEDS = """
    SELECT NOT EXISTS (
        SELECT 1 FROM main.audit AS here WHERE here.id = (SELECT max(id) FROM main.audit)
            AND NOT EXISTS (SELECT 1 FROM old.audit AS since
                WHERE since.id = here.id AND since.at = here.at AND since.what = here.what)
    )
"""
_CHOSEN = """
    UPDATE main.subscribers AS here SET
        selection = iif(leaves_out_more(since.selection, here.selection), since.selection, here.selection),
        paused_until = nullif(max(coalesce(since.paused_until, ''), coalesce(here.paused_until, '')), '')
    FROM old.subscribers AS since
    WHERE since.id = here.id AND since.email_hash = here.email_hash
        AND (since.paused_until > coalesce(here.paused_until, '')
            OR since.selection <> here.selection AND leaves_out_more(since.selection, here.selection))
"""


def carry_choices(connection: sqlite3.Connection) -> int:
    """Returns how many chose less since, or a longer rest."""
    if not connection.execute(_SUCCEEDS).fetchone()[0]:
        return 0
    connection.create_function("leaves_out_more", 2, _leaves_out_more, deterministic=True)
    return connection.execute(_CHOSEN).rowcount


def _leaves_out_more(since: str, here: str) -> bool:
    """Whether one selection, as in Subscriber, withholds something that the other lets through."""
    chosen, before = (json.loads(selection or "{}") for selection in (since, here))
    for field in ("categories", "panelists"):
        names, names_before = ({name.casefold() for name in one.get(field, ())} for one in (chosen, before))
        if names and (not names_before or names_before - names):
            return True
    return bool(chosen.get("min_ship_percent", 0) > before.get("min_ship_percent", 0))
