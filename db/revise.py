"""For developers: writes the migration that the models ask for.

``python -m db.revise "words about it"`` compares the models with what the existing migrations build and writes the
next ``NNNN_words.py``; read it before committing it. ``--first`` writes 0001 anew, which is only right before the first
release.
"""

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from alembic import command
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.autogenerate.api import AutogenContext
from alembic.config import Config
from alembic.migration import MigrationContext

from db.engine import make_engine, transaction
from db.migrate import VERSIONS
from db.models import Base, Instant

_FILE = '''"""{words}

Revision {revision}, written {day}.
"""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down!r}
branch_labels = None
depends_on = None


def upgrade() -> None:
    {body}
'''


def _render(kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, Instant) else False


def main(arguments: list[str]) -> None:
    """Write the file and print its name; prints that nothing changed where nothing did."""
    first = "--first" in arguments
    words = " ".join(word for word in arguments if word != "--first") or "the first schema"
    if first:
        for path in VERSIONS.glob("[0-9]*.py"):
            path.unlink()
    existing = sorted(path.name[:4] for path in VERSIONS.glob("[0-9]*.py"))
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(f"sqlite:///{folder}/revise.db")
        config = Config()
        config.set_main_option("script_location", str(VERSIONS.parent))
        with transaction(engine) as connection:
            config.attributes["connection"] = connection
            if existing:
                command.upgrade(config, "head")
            options: dict[str, Any] = {"render_item": _render, "render_as_batch": not first, "compare_type": True}
            context = MigrationContext.configure(connection, opts={"target_metadata": Base.metadata, **options})
            script = produce_migrations(context, Base.metadata)
            assert script.upgrade_ops is not None
            body = render_python_code(script.upgrade_ops, render_as_batch=not first, render_item=_render)
        engine.dispose()
    if body.strip().endswith("pass"):
        print("The models ask for nothing new.")  # noqa: T201
        return
    revision = f"{int(existing[-1]) + 1 if existing else 1:04d}"
    name = VERSIONS / f"{revision}_{words.lower().replace(' ', '_')}.py"
    body = "\n".join(line for line in body.splitlines() if not line.strip().startswith("# ###")).strip()
    down = existing[-1] if existing else None
    day = datetime.now(UTC).date()
    Path(name).write_text(_FILE.format(words=words.capitalize(), revision=revision, day=day, down=down, body=body))
    print(name)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
