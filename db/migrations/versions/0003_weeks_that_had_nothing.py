"""Weeks that had nothing

Revision 0003, written 2026-11-26.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "empty_weeks",
        sa.Column("week", sa.String(length=8), nullable=False),
        sa.Column("composed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("week", name=op.f("pk_empty_weeks")),
    )
