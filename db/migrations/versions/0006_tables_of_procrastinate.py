"""Tables of Procrastinate, which hands jobs to machines, on PostgreSQL.

They are the library's, as the installed version wants them; db/queue.py brings them up to a later one.

Revision 0006, written 2026-11-26.
"""

from alembic import op

from db.queue import create

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        create(op.get_bind())
