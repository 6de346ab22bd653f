"""The migrations are one row, so that two that were written side by side are seen before they meet in a database."""

from alembic.config import Config
from alembic.script import ScriptDirectory

from db.migrate import VERSIONS


def test_every_revision_stands_on_the_one_before() -> None:
    config = Config()
    config.set_main_option("script_location", str(VERSIONS.parent))
    found = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert found[::-1] == [f"{number:04}" for number in range(1, len(found) + 1)]
    assert len(found) == len(list(VERSIONS.glob("[0-9]*.py")))
