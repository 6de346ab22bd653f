"""What machines share on PostgreSQL: feeds to fetch and mailboxes to read are handed out, and handed out again."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, Engine, text

from db import queue
from db.engine import make_engine, reading, transaction
from db.ownership import owner
from db.runs import look_at_jobs
from newsletter import settings as settings_module
from newsletter.clock import Clock, real_now
from newsletter.feeds.fetch import due_batches
from newsletter.feeds.watch import Watch, watch_feed
from newsletter.settings import Settings
from scheduler.jobs import FETCH, RUN
from scheduler.machines import Line, Machines
from scheduler.runs import Claim, claim_due
from scheduler.service import Service
from scheduler.timetable import timetable
from tests.conftest import complete_environment
from tests.databases import PostgresServer
from tests.fakes.feed_server import FeedServer
from tests.fakes.machines import Machine
from tests.fakes.times import LATER, MONDAY
from tests.fakes.waiting import until

pytestmark = pytest.mark.postgres

RSS = "<rss version='2.0'><channel><title>T</title><item><title>Tern 1.0</title><guid>1</guid></item></channel></rss>"


@pytest.fixture
def database_url(postgres_url: str) -> str:
    return postgres_url


@pytest.fixture
def nobody(engine: Engine) -> Machines:
    """Hands out, and takes nothing."""
    return Machines(engine, Event(), ())


@pytest.fixture
def hosts(engine: Engine) -> Iterator[list[FeedServer]]:
    """Three hosts with twenty feeds each, all watched: of one host, all would be one batch."""
    with FeedServer() as one, FeedServer() as two, FeedServer() as three:
        for host in (one, two, three):
            for number in range(20):
                url = host.serve(f"/{number}.xml", RSS)
                watch_feed(engine, Watch(url, f"feed {number} of {host.port}", "releases"), MONDAY)
        yield [one, two, three]


def fetched(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.scalar(text("SELECT count(*) FROM feeds WHERE last_ok_at IS NOT NULL")) or 0


def run_of(engine: Engine, job: str) -> tuple[str | None, object]:
    with reading(engine) as connection:
        found = [look for look in look_at_jobs(connection, LATER) if look.job == job]
    return (found[0].status, found[0].result) if found else (None, None)


def test_a_worker_fetches_the_feeds_that_are_handed_out(
    database_url: str, engine: Engine, hosts: list[FeedServer], nobody: Machines, tmp_path: Path
) -> None:
    batches = due_batches(engine, real_now())
    with transaction(engine) as connection:
        ids = nobody.hand_out(connection, FETCH, [{"feeds": batch} for batch in batches])
    with Machine(complete_environment(database_url), tmp_path / "one"):
        assert nobody.wait_for(ids, 60) == 0
    assert len(ids) == 3
    assert fetched(engine) == 60


def test_a_service_gathers_through_jobs_and_says_what_came_of_it(
    engine: Engine, hosts: list[FeedServer], settings: Settings
) -> None:
    hosts[0].serve("/7.xml", "", status=500)
    with Service(engine, settings, Clock(MONDAY)):
        until(lambda: run_of(engine, "gather")[0] == "done")
    found = run_of(engine, "gather")[1]
    assert isinstance(found, dict)
    assert (found["feeds"], found["failing"]) == (60, [f"feed 7 of {hosts[0].port}"])
    assert found["new_releases"]
    with reading(engine) as connection:
        assert not connection.scalar(text("SELECT count(*) FROM procrastinate_jobs WHERE status <> 'todo'"))


def test_a_worker_reads_the_mailbox_that_it_can_reach(
    database_url: str, engine: Engine, nobody: Machines, tmp_path: Path
) -> None:
    box = tmp_path / "box"
    for folder in ("new", "cur", "tmp"):
        (box / folder).mkdir(parents=True)
    environ = complete_environment(database_url) | {"NEWSLETTER_BOUNCE_MAILBOX": f"maildir:{box}"}
    jobs = [job for job in timetable(settings_module.load(environ, tmp_path)) if job.name == RUN]
    with owner(engine, real_now()) as me:

        def hand_out(connection: Connection, claim: Claim) -> bool:
            return bool(nobody.hand_out(connection, RUN, [{"run_id": claim.run_id, "giver": me.name}]))

        assert not claim_due(engine, jobs, me.name, MONDAY, real_now(), hand_out).begun
        with Machine(environ, tmp_path / "one"):
            until(lambda: run_of(engine, RUN)[0] == "done")
        assert run_of(engine, RUN)[1] == {"results": 0, "subscribers_changed": 0, "unread": 0}


def test_of_one_kind_of_job_one_waits(engine: Engine, nobody: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction(engine) as connection:
        assert nobody.hand_out_once(connection, "send")
        assert not nobody.hand_out_once(connection, "send")
        monkeypatch.setattr(queue, "has_waiting", lambda connection, lock: False)  # as for two that ask at once
        assert not nobody.hand_out_once(connection, "send")
        other = nobody.hand_out(connection, "fetch_feeds", [{"feeds": [1]}])
        assert queue.count_open(connection, other) == 1, "what the database refused left the transaction whole"


def test_jobs_are_taken_again_after_postgresql_restarted(
    database_url: str, engine: Engine, nobody: Machines, postgres_server: PostgresServer
) -> None:
    done, stop = Event(), Event()
    with Machines(engine, stop, [Line("ring", done.set)]):
        with transaction(engine) as connection:
            nobody.hand_out_once(connection, "ring")
        assert done.wait(60)
        done.clear()
        engine.dispose()
        postgres_server.restart()
        with transaction(engine) as connection:
            nobody.hand_out_once(connection, "ring")
        assert done.wait(60)


HOLDS = """
import sys, time
from threading import Event
from db.engine import make_engine
from scheduler import machines
machines.HEARTBEAT_SECONDS, machines.STALLED_SECONDS = 0.5, 3.0
with machines.Machines(make_engine(sys.argv[1]), Event(), [machines.Line("hold", lambda: time.sleep(600))]):
    time.sleep(600)
"""


@pytest.mark.long
def test_a_job_that_a_killed_process_held_is_handed_out_again(
    database_url: str, engine: Engine, nobody: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.machines.STALLED_SECONDS", 3.0)
    done, stop = Event(), Event()
    with transaction(engine) as connection:
        (job,) = nobody.hand_out(connection, "hold", [{}])
    with subprocess.Popen([sys.executable, "-c", HOLDS, database_url]) as holder:
        until(lambda: status_of(engine, job) == "doing")
        holder.send_signal(signal.SIGKILL)
    with Machines(engine, stop, [Line("hold", done.set)]):
        assert done.wait(120)
        until(lambda: status_of(engine, job) is None)


def status_of(engine: Engine, job: int) -> str | None:
    with reading(engine) as connection:
        found: str | None = connection.scalar(
            text("SELECT status::text FROM procrastinate_jobs WHERE id = :job"), {"job": job}
        )
    return found


def test_tables_of_an_older_procrastinate_are_brought_up(postgres_server: PostgresServer, engine: Engine) -> None:
    url = postgres_server.new_database(MONDAY, empty=True)
    old = make_engine(url)
    before = "03.03.00_01_pre_priority_lock_fetch_job"
    for file in sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql")):
        if file.stem <= before:
            with transaction(old) as connection:
                connection.connection.driver_connection.execute(file.read_text())  # type: ignore[union-attr]
    with transaction(old) as connection:
        connection.execute(text(f"COMMENT ON TABLE procrastinate_jobs IS '{before}'"))
    assert functions(engine) - functions(old)
    queue.bring_up(old)
    queue.bring_up(old)
    assert functions(old) == functions(engine)
    old.dispose()
    postgres_server.give_back(url)


def functions(engine: Engine) -> set[str]:
    with reading(engine) as connection:
        return set(connection.scalars(text("SELECT proname FROM pg_proc WHERE proname LIKE 'procrastinate%'")))
