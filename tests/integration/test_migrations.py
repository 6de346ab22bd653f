"""The schema comes into being, once, on both databases, and is the one that the models describe."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, select

from db.engine import reading
from db.migrate import current_revision, migrate, newest_revision
from db.models import Base, Key, Panelist
from tests.fakes.times import MONDAY


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    assert migrate(engine, MONDAY) == (newest_revision(), newest_revision())
    with reading(engine) as connection:
        assert len(connection.execute(select(Key.id)).all()) == 2
        assert len(connection.execute(select(Panelist.key)).all()) == 5


def test_the_migrations_build_what_the_models_describe(engine: Engine) -> None:
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_the_newest_revision_is_the_one_in_the_database(engine: Engine) -> None:
    assert current_revision(engine) == newest_revision()
