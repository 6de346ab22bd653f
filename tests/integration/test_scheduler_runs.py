"""Runs are claimed once, whoever asks first, and taken over from who is gone."""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Event, Thread
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, event, insert
from sqlalchemy.exc import OperationalError

from db.engine import make_engine, reading, transaction
from db.models import Sender
from db.outcome_log import OutcomeLog
from db.ownership import folder_id, forget_gone, lock_folder, owner
from db.runs import extend_leases, finish_run, look_at_jobs, overdue_since, unfinished_runs, write_plans
from db.slots import connection_slot
from db.states import RunStatus
from db.status import last_done, living_senders, senders
from newsletter.clock import Clock
from newsletter.errors import RefusedError
from newsletter.settings import Settings
from scheduler.engine import Context, run
from scheduler.runs import FOUND_TOO_LATE, LEASE, Claims, claim_due, take
from scheduler.timetable import Crontab, Job
from tests.fakes.times import LATER, MONDAY

HOUR = timedelta(hours=1)
GATHER = Job("gather", Crontab("0 * * * *", ZoneInfo("UTC")), late=HOUR)
COMPOSE = Job("compose", Crontab("0 6 * * mon", ZoneInfo("UTC")), late=6 * 24 * HOUR, each=True)
JOBS = (GATHER, COMPOSE)
NOW = datetime(2026, 11, 16, 6, 5, tzinfo=UTC)
REAL = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def me(engine: Engine) -> Iterator[str]:
    with owner(engine, REAL) as found:
        yield found.name


def context(engine: Engine, settings: Settings, me: str) -> Context:
    return Context(engine, settings, Clock(NOW, running=False), Event(), me)


def test_two_schedulers_begin_each_run_once(engine: Engine, me: str) -> None:
    found: list[Claims] = []
    together = Barrier(4)

    def ask() -> None:
        together.wait()
        found.append(claim_due(engine, JOBS, me, NOW, REAL))

    askers = [Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    begun = sorted(claim.job.name for claims in found for claim in claims.begun)
    assert begun == ["compose", "gather"]


def test_a_run_that_was_handed_out_is_begun_by_the_first_who_takes_it(engine: Engine, me: str) -> None:
    begun = claim_due(engine, JOBS, me, NOW, REAL).begun[0]
    with owner(engine, REAL) as first, owner(engine, REAL) as second:
        assert take(engine, begun.run_id, me, first.name, JOBS, REAL) == begun
        assert take(engine, begun.run_id, me, second.name, JOBS, REAL) is None
        with transaction(engine) as connection:
            finish_run(connection, begun.run_id, first.name, RunStatus.DONE, NOW)
        assert take(engine, begun.run_id, first.name, second.name, JOBS, REAL) is None


def test_a_tick_later_nothing_is_due_again(engine: Engine, me: str) -> None:
    claim_due(engine, JOBS, me, NOW, REAL)
    assert claim_due(engine, JOBS, me, NOW + timedelta(minutes=1), REAL) == Claims()
    later = claim_due(engine, JOBS, me, NOW + HOUR, REAL)
    assert [claim.job.name for claim in later.begun] == ["gather"]


def test_a_run_whose_process_is_gone_is_begun_again(engine: Engine, me: str) -> None:
    with owner(engine, REAL) as gone:
        claim_due(engine, JOBS, gone.name, NOW, REAL)
        assert claim_due(engine, JOBS, me, NOW, REAL) == Claims(), "its process lives"
    again = claim_due(engine, JOBS, me, NOW, REAL + LEASE * 2)
    assert {(claim.job.name, claim.attempt) for claim in again.begun} == {("gather", 2), ("compose", 2)}


def test_what_an_owner_left_behind_who_is_not_registered_any_more_is_taken_over_at_once(
    engine: Engine, me: str
) -> None:
    with owner(engine, REAL) as left:
        claim_due(engine, [COMPOSE], left.name, NOW, REAL)
    (again,) = claim_due(engine, [COMPOSE], me, NOW, REAL).begun
    assert again.attempt == 2, "its lease is not waited for"


def test_a_tick_with_nothing_new_writes_nothing(engine: Engine, me: str) -> None:
    claim_due(engine, JOBS, me, NOW, REAL)
    written: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        written.extend([statement] if statement.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE")) else [])

    claim_due(engine, JOBS, me, NOW + timedelta(seconds=1), REAL)
    event.remove(engine, "before_cursor_execute", note)
    assert written == [], "every second, for years"


@pytest.mark.postgres
def test_an_owner_whose_lock_file_was_swept_away_lives_on(postgres_url: str) -> None:
    engine = make_engine(postgres_url)
    with owner(engine, REAL) as lives, owner(engine, REAL) as me:
        claim_due(engine, [COMPOSE], lives.name, NOW, REAL)
        (lock_folder(engine) / f"{lives.name}.sender").unlink()
        assert claim_due(engine, [COMPOSE], me.name, NOW, REAL + LEASE * 2) == Claims()
    engine.dispose()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_a_lock_folder_that_somebody_else_made_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    engine = make_engine("postgresql+psycopg://db.example.com/news")
    os.chown(lock_folder(engine), 12345, -1)
    with pytest.raises(PermissionError, match="belongs to another user"):
        lock_folder(engine)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_makes_beside_the_database_is_for_the_user_of_the_service(sqlite_url: str) -> None:
    engine = make_engine(sqlite_url)
    os.chown(str(engine.url.database), 12345, 12345)
    with owner(engine, REAL) as me, connection_slot(lock_folder(engine), "relay:25", 2):
        log = OutcomeLog(engine, me.name)
        made = [lock_folder(engine), *lock_folder(engine).iterdir()]
        owners = {path.name: path.stat().st_uid for path in made}
        log.close()
        assert len(made) == 5, "the folder, its id, the lock, the log, a connection"
        assert set(owners.values()) == {12345}, owners
    engine.dispose()


def test_an_owner_that_leaves_while_its_database_is_away_holds_nothing(sqlite_url: str) -> None:
    engine, away = make_engine(sqlite_url), make_engine(sqlite_url)
    with owner(away, REAL) as left:
        claim_due(engine, [COMPOSE], left.name, NOW, REAL)

        @event.listens_for(away, "before_cursor_execute")
        def gone(*_: object) -> None:
            raise OperationalError("DELETE", None, sqlite3.OperationalError("the database is away"))

    with owner(engine, REAL) as me:
        assert claim_due(engine, [COMPOSE], me.name, NOW, REAL).begun, "the process lives on, and its lock does not"
    for one in (engine, away):
        one.dispose()


def test_processes_that_were_killed_are_forgotten_and_the_living_kept(engine: Engine, me: str) -> None:
    lock = f"{folder_id(lock_folder(engine))}/12345-gone.sender"
    with transaction(engine) as connection:
        connection.execute(insert(Sender).values(name="12345-gone", lock=lock, started_at=REAL, seen_at=REAL))
    with reading(engine) as connection:
        assert [sender.name for sender in living_senders(connection, engine)] == [me], "status shows nobody else"
    with transaction(engine) as connection:
        assert forget_gone(connection, engine) == {"12345-gone"}
        assert [sender.name for sender in senders(connection)] == [me]


def test_a_run_is_given_up_when_its_process_ends_every_time(engine: Engine, me: str) -> None:
    for attempt in range(COMPOSE.attempts):
        with owner(engine, REAL) as gone:
            (claim,) = claim_due(engine, [COMPOSE], gone.name, NOW, REAL + attempt * 2 * LEASE).begun
            assert claim.attempt == attempt + 1
    last = claim_due(engine, [COMPOSE], me, NOW, REAL + LEASE * 8)
    assert not last.begun
    assert [(claim.job.name, why) for claim, why in last.given_up] == [
        ("compose", "its process ended in the middle, every time")
    ]
    assert claim_due(engine, [COMPOSE], me, NOW, REAL + LEASE * 16) == Claims()


def test_what_is_found_too_late_is_noted_once_and_not_run(engine: Engine, me: str) -> None:
    claim_due(engine, [COMPOSE], me, NOW, REAL)
    much_later = NOW + timedelta(days=22)
    found = claim_due(engine, [COMPOSE], me, much_later, REAL)
    assert [at.day for _, at in found.missed] == [23, 30]
    assert [claim.scheduled_for.day for claim in found.begun] == [7]
    assert claim_due(engine, [COMPOSE], me, much_later, REAL) == Claims()


def test_a_first_run_that_was_found_too_late_is_missed_as_any_other(engine: Engine, me: str) -> None:
    send = Job("send", Crontab("0 9 * * tue", ZoneInfo("UTC")), late=3 * 24 * HOUR, each=True)
    assert claim_due(engine, [send], me, NOW, REAL) == Claims(), "planned for tomorrow"
    found = claim_due(engine, [send], me, NOW + timedelta(days=7), REAL)
    assert [at.day for _, at in found.missed] == [17]


def test_a_job_that_fails_is_tried_again_later_and_then_given_up(engine: Engine, settings: Settings, me: str) -> None:
    def refuses(context: Context, due_at: datetime) -> dict[str, object]:
        raise RefusedError("the relay is away")

    here = context(engine, settings, me)
    (claim,) = claim_due(engine, [COMPOSE], me, NOW, REAL).begun
    assert not run(here, claim, refuses).final
    assert claim_due(engine, [COMPOSE], me, NOW, REAL) == Claims(), "not at once"
    for attempt in (2, 3):
        (claim,) = claim_due(engine, [COMPOSE], me, NOW, LATER).begun
        assert claim.attempt == attempt
        ended = run(here, claim, refuses)
    assert ended.final
    assert ended.error == "the relay is away"
    with reading(engine) as connection:
        (look,) = look_at_jobs(connection, LATER)
    assert (look.status, look.error, look.attempts) == (RunStatus.FAILED, "the relay is away", 3)


def test_a_small_run_left_behind_is_passed_over_when_a_later_one_does_its_work(engine: Engine, me: str) -> None:
    with owner(engine, REAL) as gone:
        assert claim_due(engine, [GATHER], gone.name, NOW, REAL).begun
    later = claim_due(engine, [GATHER], me, NOW + 3 * HOUR, REAL)
    assert [claim.scheduled_for.hour for claim in later.begun] == [9]
    assert not later.given_up, "nobody need hear of it"


def test_a_run_of_its_own_that_was_left_behind_too_long_is_given_up_and_told(engine: Engine, me: str) -> None:
    with owner(engine, REAL) as gone:
        assert claim_due(engine, [COMPOSE], gone.name, NOW, REAL).begun
    later = claim_due(engine, [COMPOSE], me, NOW + timedelta(days=7), REAL)
    assert [(claim.scheduled_for.day, why) for claim, why in later.given_up] == [(16, FOUND_TOO_LATE)]


def test_runs_of_a_clock_that_was_years_ahead_stand_for_no_last_ones(
    engine: Engine, settings: Settings, me: str
) -> None:
    def once(now: datetime) -> None:
        (claim,) = claim_due(engine, [COMPOSE], me, now, REAL).begun
        here = Context(engine, settings, Clock(now, running=False), Event(), me)
        assert run(here, claim, lambda _context, at: {}).error is None

    once(NOW + timedelta(days=1600))
    once(NOW)
    with reading(engine) as connection:
        (look,) = look_at_jobs(connection, NOW)
        assert look.scheduled_for is not None
        assert (look.scheduled_for.date(), last_done(connection, NOW)) == (NOW.date(), {"compose": NOW})


def test_a_done_run_keeps_what_came_of_it(engine: Engine, settings: Settings, me: str) -> None:
    claims = claim_due(engine, JOBS, me, NOW, REAL).begun
    for claim in claims:
        assert run(context(engine, settings, me), claim, lambda _context, at: {"seen": at.day}).error is None
    with reading(engine) as connection:
        looks = {look.job: look for look in look_at_jobs(connection, LATER)}
        assert unfinished_runs(connection, REAL) == []
    assert looks["compose"].result == {"seen": 16}
    assert looks["compose"].next_at == datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


def test_a_lease_is_extended_for_its_owner_alone(engine: Engine, me: str) -> None:
    (claim,) = claim_due(engine, [COMPOSE], me, NOW, REAL).begun
    with transaction(engine) as connection:
        extend_leases(connection, "somebody else", [claim.run_id], REAL + 10 * HOUR)
        extend_leases(connection, me, [claim.run_id], REAL + HOUR)
        assert [run.lease_until for run in unfinished_runs(connection, REAL)] == [REAL + HOUR]


def test_a_timetable_that_nobody_keeps_is_overdue_after_ten_minutes(engine: Engine) -> None:
    def since(now: datetime) -> datetime | None:
        with reading(engine) as connection:
            return overdue_since(connection, now)

    assert since(MONDAY) is None, "nobody ever kept one"
    with transaction(engine) as connection:
        write_plans(connection, [("send", "0 9 * * tue UTC", None), ("gather", "0 * * * * UTC", MONDAY)])
    assert since(MONDAY + timedelta(minutes=10)) is None, "it may be about to"
    assert since(MONDAY + timedelta(minutes=11)) == MONDAY
