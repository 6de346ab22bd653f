"""The rate of a domain that asked for less

Revision 0004, written 2026-11-26.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("domain_pauses", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rate", sa.Double(), nullable=True))
