"""How long relays take

Revision 0009, written 2026-11-26.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "relay_latencies",
        sa.Column("relay", sa.String(length=255), nullable=False),
        sa.Column("up_to", sa.Double(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("relay", "up_to", name=op.f("pk_relay_latencies")),
    )
