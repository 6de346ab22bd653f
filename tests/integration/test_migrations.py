"""The schema comes into being, once, on both databases, and is the one that the models describe."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, select, text

from db.engine import is_sqlite, make_engine, reading
from db.migrate import current_revision, migrate, newest_revision
from db.models import Base, Key, Panelist
from tests.databases import PostgresServer
from tests.fakes.times import MONDAY


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    assert migrate(engine, MONDAY) == (newest_revision(), newest_revision())
    with reading(engine) as connection:
        assert len(connection.execute(select(Key.id)).all()) == 2
        assert len(connection.execute(select(Panelist.key)).all()) == 5


@pytest.mark.postgres
def test_two_machines_may_be_set_up_at_once(postgres_server: PostgresServer) -> None:
    one_of_three_sets_up(postgres_server.new_database(MONDAY, empty=True))


def test_two_that_set_up_one_file_know_who_did(tmp_path: Path) -> None:
    one_of_three_sets_up(f"sqlite:///{tmp_path}/fresh.db")


def one_of_three_sets_up(url: str) -> None:

    def set_up(_: int) -> tuple[str | None, str]:
        engine = make_engine(url)
        try:
            return migrate(engine, MONDAY)
        finally:
            engine.dispose()

    with ThreadPoolExecutor(3) as pool:
        found = sorted(pool.map(set_up, range(3)), key=str)
    newest = newest_revision()
    assert found == [(newest, newest), (newest, newest), (None, newest)]


def is_ours(item: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
    """Procrastinate's tables are its own affair."""
    return not (kind == "table" and str(name).startswith("procrastinate_"))


def test_the_migrations_build_what_the_models_describe(engine: Engine) -> None:
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": is_ours})
        assert compare_metadata(context, Base.metadata) == []


def test_an_index_of_some_rows_has_the_condition_that_the_models_tell_of(engine: Engine) -> None:
    told = {
        index.name: index.info["where"]
        for table in Base.metadata.tables.values()
        for index in table.indexes
        if "where" in index.info
    }
    listing = (
        "SELECT name, sql FROM sqlite_master WHERE type = 'index'"
        if is_sqlite(engine)
        else "SELECT indexname, indexdef FROM pg_indexes"
    )
    with reading(engine) as connection:
        made = {row[0]: str(row[1]) for row in connection.execute(text(listing))}
    assert len(told) == 11
    assert {name: words(made[str(name)].partition(" WHERE ")[2]) for name in told} == {
        name: words(condition) for name, condition in told.items()
    }


def words(condition: str) -> list[str]:
    """PostgreSQL says IN as ANY, and everything with brackets and types."""
    said = re.sub(r"::\w+( varying)?(\[\])?|[()\[\],]", " ", condition)
    return said.replace("= ANY ARRAY", "IN").replace("= ANY  ARRAY", "IN").upper().split()


def test_the_newest_revision_is_the_one_in_the_database(engine: Engine) -> None:
    assert current_revision(engine) == newest_revision()


def test_a_new_database_is_its_owners_alone(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/var/newsletter.db")
    migrate(engine, MONDAY)
    engine.dispose()
    assert [path.stat().st_mode & 0o077 for path in (tmp_path / "var", tmp_path / "var/newsletter.db")] == [0, 0]
