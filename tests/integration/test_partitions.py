"""On PostgreSQL the ledger has a partition for each issue: old data moves there, old issues leave in an instant."""

from collections.abc import Iterator
from threading import Thread

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, insert, inspect, text
from sqlalchemy.exc import IntegrityError

from db import migrate as migrations
from db.engine import make_engine, reading, transaction
from db.migrate import migrate
from db.models import Delivery, Issue
from db.outcomes import _WRITE_POSTGRES
from db.partitions import make_partition
from newsletter.clock import real_now
from newsletter.deliveries.read_receipt import read_receipt
from newsletter.deliveries.send import send_due
from newsletter.issues.publish import publish_issue
from newsletter.settings import Settings
from tests.databases import PostgresServer
from tests.fakes.smtp_sink import Sink
from tests.fakes.times import MONDAY
from tests.integration.sending import WEEK, approved_issue, published, standing, with_relays

pytestmark = pytest.mark.postgres


@pytest.fixture
def database_url(postgres_url: str) -> str:
    return postgres_url


@pytest.fixture
def empty(postgres_server: PostgresServer) -> Iterator[Engine]:
    url = postgres_server.new_database(MONDAY, empty=True)
    engine = make_engine(url)
    yield engine
    engine.dispose()
    postgres_server.give_back(url)


def add_issue(connection: Connection, week: str) -> int:
    statement = insert(Issue).values(
        week=week, number=int(week[-2:]), starts_at=MONDAY, ends_at=MONDAY, status="sent", composed_at=MONDAY,
        updated_at=MONDAY,
    )  # fmt: skip
    issue_id: int = connection.execute(statement.returning(Issue.id)).scalar_one()
    return issue_id


def add_delivery(connection: Connection, issue_id: int, subscriber_id: int, status: str = "sent") -> int:
    statement = insert(Delivery).values(
        issue_id=issue_id, subscriber_id=subscriber_id, email=f"r{subscriber_id}@example.org", name="", format="html",
        selection="", link_key_id=1, status=status,
    )  # fmt: skip
    delivery_id: int = connection.execute(statement.returning(Delivery.id)).scalar_one()
    return delivery_id


def partitions(connection: Connection) -> set[str]:
    wanted = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'deliveries'::regclass"
    return set(connection.scalars(text(wanted)))


def test_deliveries_of_before_move_into_partitions_with_their_ids(empty: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations.VERSIONS.parent))
    with transaction(empty) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        issues = [add_issue(connection, "2026-W01"), add_issue(connection, "2026-W02")]
        before = {add_delivery(connection, issue_id, reader) for issue_id in issues for reader in (1, 2, 3)}
    migrate(empty, MONDAY)
    with transaction(empty) as connection:
        assert set(connection.scalars(text("SELECT id FROM deliveries"))) == before
        assert partitions(connection) == {f"deliveries_{issue_id}" for issue_id in issues}
        assert connection.scalar(text(f"SELECT count(*) FROM deliveries_{issues[0]}")) == 3
        assert add_delivery(connection, issues[0], 4) == max(before) + 1


def test_an_issue_still_goes_to_a_subscriber_once(engine: Engine) -> None:
    with transaction(engine) as connection:
        issue_id = add_issue(connection, "2026-W01")
        make_partition(connection, issue_id)
        make_partition(connection, issue_id)
        add_delivery(connection, issue_id, 1)
    with pytest.raises(IntegrityError, match="deliveries_1_issue_id_subscriber_id"), transaction(engine) as connection:
        add_delivery(connection, issue_id, 1)
    with pytest.raises(IntegrityError, match="ck_deliveries_status"), transaction(engine) as connection:
        add_delivery(connection, issue_id, 2, status="nonsense")


def test_every_partition_has_the_indexes_and_keys_of_the_ledger(engine: Engine) -> None:
    with transaction(engine) as connection:
        make_partition(connection, add_issue(connection, "2026-W01"))
        found = inspect(connection)
        for look in (found.get_indexes, found.get_foreign_keys, found.get_unique_constraints):
            assert len(look("deliveries_1")) == len(look("deliveries")) > 0
        assert found.get_pk_constraint("deliveries_1")["constrained_columns"] == ["id", "issue_id"]


def test_two_that_publish_at_once_make_one_partition(engine: Engine) -> None:
    with transaction(engine) as connection:
        issue_id = add_issue(connection, "2026-W01")

    def make() -> None:
        with transaction(engine) as connection:
            make_partition(connection, issue_id)

    makers = [Thread(target=make) for _ in range(4)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    with reading(engine) as connection:
        assert partitions(connection) == {f"deliveries_{issue_id}"}


def test_an_old_issue_leaves_in_an_instant_and_the_next_is_sent(engine: Engine, settings: Settings) -> None:
    """What docs/operators.md tells to type."""
    with transaction(engine) as connection:
        old = add_issue(connection, "2026-W01")
        make_partition(connection, old)
        add_delivery(connection, old, 1)
    with Sink() as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, 5)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"ALTER TABLE deliveries DETACH PARTITION deliveries_{old} CONCURRENTLY"))
            connection.execute(text(f"DROP TABLE deliveries_{old}"))
        send_due(engine, here, standing(), WEEK)
    assert read_receipt(engine, WEEK).counts.sent == 5
    with reading(engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM issues WHERE week = '2026-W01'")) == 1


def test_the_receipt_of_an_issue_that_was_let_go_does_not_say_that_it_had_no_readers(
    engine: Engine, settings: Settings
) -> None:
    published(engine, settings, 2)
    assert read_receipt(engine, WEEK).nothing_yet is None
    with transaction(engine) as connection:
        connection.execute(text("UPDATE issues SET status = 'sent'"))
        connection.execute(text("ALTER TABLE deliveries DETACH PARTITION deliveries_1"))
    assert read_receipt(engine, WEEK).nothing_yet == "its deliveries were let go, so nobody is counted here"


def test_an_issue_that_had_no_readers_was_not_let_go(engine: Engine, settings: Settings) -> None:
    published(engine, settings, 0)
    assert "there was nobody who may be mailed" in (read_receipt(engine, WEEK).nothing_yet or "")


def scans(url: str, table: str) -> int:
    """How often anybody looked into a table, as the server tells once their sessions are over."""
    engine = make_engine(url)
    with reading(engine) as connection:
        wanted = "SELECT seq_scan + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = :name"
        found: int = connection.execute(text(wanted), {"name": table}).scalar_one()
    engine.dispose()
    return found


def test_sending_an_issue_does_not_look_into_those_of_before(
    database_url: str, engine: Engine, settings: Settings
) -> None:
    with transaction(engine) as connection:
        old = add_issue(connection, "2026-W01")
        make_partition(connection, old)
        for reader in range(100):
            add_delivery(connection, old, 10_000 + reader)
    with Sink() as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, 300)
        engine.dispose()
        before = scans(database_url, f"deliveries_{old}")
        send_due(engine, here, standing(), WEEK)
    assert read_receipt(engine, WEEK).counts.sent == 300
    engine.dispose()
    assert scans(database_url, f"deliveries_{old}") == before


def test_an_outcome_is_written_without_reading_the_whole_issue(engine: Engine, settings: Settings) -> None:
    """Of a partition that PostgreSQL knew nothing about it read every row, for every commit."""
    with transaction(engine) as connection:
        connection.execute(
            text("""
            INSERT INTO subscribers (email, email_hash, name, state, format, selection, created_at, state_since)
            SELECT n || '@example.org', decode(md5(n::text), 'hex'), '', 'active', 'html', '', now(), now()
              FROM generate_series(1, 40000) AS n""")
        )
    approved_issue(engine, settings)
    publish_issue(engine, WEEK, settings, real_now())
    with reading(engine) as connection:
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {_WRITE_POSTGRES}", ("[]", 1, "a-sender")).scalars())
    assert "deliveries_1_pkey" in plan
    assert "Seq Scan" not in plan
