"""Events of one subscriber

Revision 0007, written 2026-11-26.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("subscriber_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_subscriber_events_subscriber_id"), ["subscriber_id"], unique=False)
