"""Who was missed

Revision 0010, written 2026-11-27.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    missed = sa.text("status IN ('failed', 'skipped')")
    op.create_index(
        "ix_deliveries_missed", "deliveries", ["issue_id", "id"], sqlite_where=missed, postgresql_where=missed
    )
