"""What nobody read

Revision 0013, written 2026-11-28.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("entries", "last_seen_at")
    op.drop_column("job_plans", "seen_at")
    op.drop_column("releases", "match_score")
    op.drop_column("tools", "picture")
