"""A partition for each issue.

The ledger of a PostgreSQL database becomes a table partitioned by issue; its deliveries move there. What they were
called before, and their ids, stay. SQLite keeps its one table.

Revision 0002, written 2026-11-26.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_INDEXES = (
    "ix_deliveries_queued ON deliveries (issue_id, id) WHERE status = 'queued'",
    "ix_deliveries_waiting ON deliveries (issue_id, next_attempt_at) WHERE status IN ('deferred', 'uncertain')",
    "ix_deliveries_leased ON deliveries (issue_id, lease_until) WHERE status = 'sending'",
    "ix_deliveries_relay_id ON deliveries (relay_id) WHERE relay_id IS NOT NULL",
    "ix_deliveries_subscriber ON deliveries (subscriber_id)",
)


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    op.execute("ALTER TABLE deliveries RENAME TO deliveries_in_one")
    op.execute(
        "CREATE TABLE deliveries (LIKE deliveries_in_one INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
        " PARTITION BY LIST (issue_id)"
    )
    op.execute("ALTER SEQUENCE deliveries_id_seq OWNED BY deliveries.id")
    for (issue_id,) in connection.exec_driver_sql("SELECT DISTINCT issue_id FROM deliveries_in_one").all():
        op.execute(f"CREATE TABLE deliveries_{issue_id} PARTITION OF deliveries FOR VALUES IN ({issue_id})")
    op.execute("INSERT INTO deliveries SELECT * FROM deliveries_in_one ORDER BY id")
    op.execute("DROP TABLE deliveries_in_one")
    # A key of a partitioned table holds what it is partitioned by; ids still come from one sequence.
    op.execute("ALTER TABLE deliveries ADD CONSTRAINT pk_deliveries PRIMARY KEY (id, issue_id)")
    op.execute("ALTER TABLE deliveries ADD CONSTRAINT uq_deliveries_issue_id UNIQUE (issue_id, subscriber_id)")
    op.execute(
        "ALTER TABLE deliveries ADD CONSTRAINT fk_deliveries_issue_id FOREIGN KEY (issue_id) REFERENCES issues (id)"
    )
    for index in _INDEXES:
        op.execute(f"CREATE INDEX {index}")
