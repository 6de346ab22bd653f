"""From every earlier schema to the newest, with rows in every table: nothing is lost, and the schema is the models'."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Boolean, Connection, DateTime, Engine, LargeBinary, MetaData, Numeric, Table, inspect, select
from sqlalchemy import types as sql

import db.migrate
from db.engine import is_sqlite, make_engine, reading, transaction
from db.migrate import VERSIONS, current_revision, migrate, newest_revision
from db.models import Base
from db.partitions import make_partition
from tests.databases import PostgresServer
from tests.fakes.times import MONDAY
from tests.integration.test_migrations import is_ours

REVISIONS = sorted(path.name[:4] for path in VERSIONS.glob("[0-9]*.py"))
ROWS = (1, 2, 3)
# What was kept of a row and never read by anybody; revision 0013 drops it.
UNREAD = {"entries": "last_seen_at", "job_plans": "seen_at", "releases": "match_score", "tools": "picture"}
# The oldest and the youngest run always, those between with --full.
EARLIER = [
    pytest.param(revision, marks=() if revision in (REVISIONS[0], REVISIONS[-2]) else pytest.mark.long)
    for revision in REVISIONS[:-1]
]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/old.db"
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.new_database(MONDAY, empty=True)
    engine = make_engine(url)
    yield engine
    engine.dispose()


def upgrade_to(engine: Engine, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(db.migrate.__file__).parent / "migrations"))
    with transaction(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def tables_of(connection: Connection) -> list[Table]:
    """Those of ours, as they stand, in an order in which they can be filled."""
    found = MetaData()
    ours = {name for name in inspect(connection).get_table_names() if not name.startswith(("procrastinate", "alembic"))}
    found.reflect(connection, only=lambda name, _: name in ours and not re.fullmatch(r"deliveries_\d+", name))
    return found.sorted_tables


def fill(connection: Connection) -> None:
    """Three rows in every table, with values that its types and constraints allow."""
    for table in tables_of(connection):
        checks = inspect(connection).get_check_constraints(table.name)
        allowed = {
            column.name: found[1] for column in table.columns for check in checks
            if (found := re.search(rf"\b{column.name}\b.*?'([^']+)'", check["sqltext"], re.S))
        }  # fmt: skip
        if table.name == "deliveries" and not is_sqlite(connection) and is_partitioned(connection):
            for number in ROWS:
                make_partition(connection, number)
        connection.execute(table.insert(), [row_of(table, number, allowed) for number in ROWS])
        if "id" in table.columns and not is_sqlite(connection):  # the next id comes after those that were given here
            connection.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), {max(ROWS)})")


def is_partitioned(connection: Connection) -> bool:
    kind = connection.exec_driver_sql("SELECT relkind FROM pg_class WHERE relname = 'deliveries'").scalar()
    return kind in ("p", b"p")


def row_of(table: Table, number: int, allowed: dict[str, str]) -> dict[str, Any]:
    return {column.name: allowed.get(column.name) or value_of(column.type, number) for column in table.columns}


def value_of(kind: sql.TypeEngine[Any], number: int) -> Any:
    match kind:
        case Boolean():
            return number % 2 == 0
        case DateTime():
            return MONDAY if kind.timezone else MONDAY.replace(tzinfo=None)
        case sql.Date():
            return MONDAY.date()
        case LargeBinary():
            return str(number).encode()
        case sql.JSON():
            return {"number": number}
        case sql.Integer() | Numeric():
            return number
    return f"{number}"


def contents(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    return {
        table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
        for table in tables_of(connection)
    }


def is_ours_and_whole(item: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
    """Not a partition, which is a part of its table."""
    return not re.fullmatch(r"deliveries_\d+", getattr(item, "table", item).name) and is_ours(
        item, name, kind, reflected, other
    )


@pytest.mark.parametrize("revision", EARLIER)
def test_every_row_of_an_earlier_schema_is_there_after_the_upgrade(empty: Engine, revision: str) -> None:
    upgrade_to(empty, revision)
    with transaction(empty) as connection:
        fill(connection)
        before = contents(connection)
    assert current_revision(empty) == revision
    assert migrate(empty, MONDAY) == (revision, newest_revision())
    with reading(empty) as connection:
        after = contents(connection)
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_object": is_ours_and_whole}
        )
        assert compare_metadata(context, Base.metadata) == []
    assert len(before) >= 35
    for name, rows in before.items():
        columns = set(rows[0]) - {UNREAD.get(name)}
        kept = [{column: row.get(column) for column in columns} for row in after[name]]
        assert [row for row in rows if {column: row[column] for column in columns} not in kept] == [], name
    assert [row["number"] for row in after["subscriber_events"]] == list(ROWS)


def test_keys_that_were_made_otherwise_before_are_made_anew(empty: Engine) -> None:
    upgrade_to(empty, "0011")
    old, new = "https://b\u00fccher.example", "https://xn--bcher-kva.example"
    with transaction(empty) as connection:
        fill(connection)
        rows = {table.name: table for table in tables_of(connection)}

        def change(table: str, number: int, **values: Any) -> None:
            connection.execute(rows[table].update().where(rows[table].c.id == number).values(**values))

        change("tools", 1, name_key="quill\u20105")
        change("tools", 2, name_key="\u8c46\u5305")
        change("releases", 1, canonical_url=f"{old}/log#5")
        change("entries", 1, link_key=f"{old}:8080/\u00fc?q=1", identity=f"guid:{old}/1")
        change("entries", 2, identity=f"link:{old}/1 text:{'0' * 32}", feed_id=1)
        change("entries", 3, identity=f"guid:{new}/1", feed_id=1)
        change("tool_aliases", 1, kind="address", key=old, source="url", label="first")
        change("tool_aliases", 2, kind="address", key=new, source="import", label="second", tool_id=1)
        change("tool_aliases", 3, kind="name", key="quill\u20115", source="editor")
    migrate(empty, MONDAY)
    with reading(empty) as connection:
        found = contents(connection)
    assert [row["name_key"] for row in by_id(found["tools"])] == ["quill 5", "\u8c46\u5305", "3"]
    assert by_id(found["releases"])[0]["canonical_url"] == f"{new}/log#5"
    assert by_id(found["entries"])[0]["link_key"] == f"{new}:8080/%C3%BC?q=1"
    assert [row["identity"] for row in by_id(found["entries"])] == [
        f"guid:{old}/1", f"link:{new}/1 text:{'0' * 32}", f"guid:{new}/1",
    ], "one of two that are the same now stays as it was"  # fmt: skip
    kept = [(row["id"], row["key"], row["source"]) for row in by_id(found["tool_aliases"])]
    assert kept == [(2, new, "url"), (3, "quill 5", "editor")]


def by_id(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: int(row["id"]))
