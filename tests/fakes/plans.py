"""How SQLite finds the rows of a table, by what its planner says of each statement."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event


@contextmanager
def plans_for(engine: Engine, table: str) -> Iterator[list[str]]:
    """Fills with the steps that touch the table, of every statement meanwhile: ``SCAN deliveries`` goes through all
    its rows."""
    steps: list[str] = []

    def explain(_connection: Any, cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            plan = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
            steps.extend(step[3] for step in plan if table in step[3].split())

    event.listen(engine, "before_cursor_execute", explain)
    try:
        yield steps
    finally:
        event.remove(engine, "before_cursor_execute", explain)
