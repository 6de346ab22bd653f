"""Rules: names of which an editor said whose they are. Each is an alias of its tool, and stays one after the rule if
others gave it, too."""

from sqlalchemy import ColumnElement, Connection, and_, case, delete, func, literal, update

from db.models import ToolAlias
from db.tools import ALIAS_COLUMNS, AliasRow
from db.upsert import insert_or

IS_RULE = and_(ToolAlias.kind == "name", ToolAlias.source.like("editor%"))
"""A name that an editor said is always this tool's."""


def set_rule(connection: Connection, tool_id: int, key: str, label: str) -> set[int]:
    """A name is this tool's, as an editor said; what was said before of another tool ends. Whose names have changed."""
    before = end_rules(connection, ToolAlias.key == key, ToolAlias.tool_id != tool_id)
    rule = {"tool_id": tool_id, "kind": "name", "key": key, "label": label, "source": "editor"}
    both = {"source": case((IS_RULE, ToolAlias.source), else_=literal("editor:") + ToolAlias.source)}
    statement = insert_or(connection, ToolAlias).values(**rule)
    connection.execute(statement.on_conflict_do_update(index_elements=["tool_id", "kind", "key"], set_=both))
    return {tool_id, *(row.tool_id for row in before)}


def end_rules(connection: Connection, *which: ColumnElement[bool]) -> list[AliasRow]:
    """The editors' word on these names ends, and they go, but for those that others gave, too."""
    gone = delete(ToolAlias).where(IS_RULE, ToolAlias.source == "editor", *which).returning(*ALIAS_COLUMNS)
    others = {"source": func.substr(ToolAlias.source, len("editor:") + 1)}
    stay = update(ToolAlias).where(IS_RULE, *which).values(others).returning(*ALIAS_COLUMNS)
    return [AliasRow(*row) for statement in (gone, stay) for row in connection.execute(statement)]


def remove_rule(connection: Connection, alias_id: int) -> AliasRow | None:
    """Remove a name that an editor gave; None where it is none."""
    return next(iter(end_rules(connection, ToolAlias.id == alias_id)), None)
