"""The ledger's partitions on PostgreSQL: one for each issue, so that an old one leaves in an instant.

``DELETE`` of a million deliveries writes a million dead rows; a partition is detached and dropped. There is no default
partition: with one, none could be detached beside readers. On SQLite the ledger is one table.
"""

from sqlalchemy import Connection, text

from db.engine import alone, is_sqlite


def make_partition(connection: Connection, issue_id: int) -> None:
    """Room for an issue's deliveries, which cannot be written without; where it is there, nothing happens.

    To be committed soon: attaching holds off who writes to ``issues`` (for the foreign key), but no sender and no
    reader, whom ``CREATE TABLE … PARTITION OF`` would hold off.
    """
    if is_sqlite(connection):
        return
    name = f"deliveries_{int(issue_id)}"
    alone(connection, name)
    if connection.scalar(text("SELECT to_regclass(:name)"), {"name": name}) is not None:
        return
    connection.execute(text(f"CREATE TABLE {name} (LIKE deliveries INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"))
    connection.execute(text(f"ALTER TABLE deliveries ATTACH PARTITION {name} FOR VALUES IN ({int(issue_id)})"))


def is_let_go(connection: Connection, issue_id: int) -> bool:
    """Whether an issue that was published has no deliveries any more, as docs/operators.md lets old ones go."""
    if is_sqlite(connection):
        return False
    attached = text("""
        SELECT EXISTS (SELECT 1 FROM pg_inherits
            WHERE inhparent = 'deliveries'::regclass AND inhrelid = to_regclass(:name))
    """)
    return not connection.scalar(attached, {"name": f"deliveries_{int(issue_id)}"})


def learn(connection: Connection, issue_id: int) -> None:
    """Let PostgreSQL look at what was written. Of a partition that it knows nothing about it expects a few rows, and
    reads all of them for every commit of outcomes, until it has looked by itself a minute later."""
    if not is_sqlite(connection):
        connection.execute(text(f"ANALYZE deliveries_{int(issue_id)}"))
