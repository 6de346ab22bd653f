"""What the jobs leave behind, and that none of them fails in silence."""

import fcntl
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Engine, select, update

from db.backups import is_of
from db.deliveries import issue_status
from db.domains import pause_domain
from db.engine import is_sqlite, make_engine, reading, transaction
from db.migrate import migrate
from db.models import DomainPause, Issue, Letter
from db.ownership import owner
from db.runs import JobLook, claim_run, finish_run, look_at_jobs
from db.states import RunStatus
from newsletter.cli.status import look
from newsletter.clock import Clock, real_now
from newsletter.editors.invite import add_editor
from newsletter.errors import NewsletterError, SettingsError
from newsletter.settings import Settings, load
from scheduler.engine import Context
from scheduler.jobs import prune, start_scheduled
from scheduler.nightly_copies import back_up
from scheduler.runs import Claim, claim_due
from scheduler.service import Service, _guarded
from scheduler.timetable import timetable
from tests.conftest import complete_environment
from tests.fakes.times import LATER, MONDAY
from tests.fakes.waiting import until
from tests.integration.sending import approved_issue


def settings_with(database_url: str, folder: Path, **more: str) -> Settings:
    return load(
        complete_environment(database_url) | {f"NEWSLETTER_{key}": value for key, value in more.items()}, folder
    )


@pytest.fixture
def me(engine: Engine) -> Iterator[str]:
    with owner(engine, real_now()) as found:
        yield found.name


def context(engine: Engine, settings: Settings, me: str = "me") -> Context:
    return Context(engine, settings, Clock(MONDAY, running=False), Event(), me)


def notices(engine: Engine) -> list[tuple[str, str, str]]:
    """(to whom, subject, first paragraph) of the letters that are queued."""
    with reading(engine) as connection:
        found = connection.execute(select(Letter.email, Letter.data).where(Letter.kind == "notice")).all()
    return [(row.email, row.data["subject"], row.data["paragraphs"][0]) for row in found]


def test_a_job_that_failed_for_the_last_time_is_told_to_operators_with_its_error(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    settings = settings_with(database_url, tmp_path, BOUNCE_MAILBOX=f"maildir:{tmp_path}/none")
    add_editor(engine, "operator@example.com", "operator", MONDAY)
    add_editor(engine, "ada@example.com", "editor", MONDAY)
    with transaction(engine) as connection:
        run_id = claim_run(connection, "read_bounces", MONDAY, "gone", MONDAY, real_now())
        assert run_id is not None
        finish_run(connection, run_id, "gone", RunStatus.FAILED, MONDAY, error="away", retry_at=real_now())
    _attempts_so_far(engine, run_id, 2)
    with Service(engine, settings, Clock(MONDAY)):
        until(lambda: [one for one in notices(engine) if "read_bounces" in one[1]])
    (notice,) = [one for one in notices(engine) if "read_bounces" in one[1]]
    assert notice[:2] == ("operator@example.com", "read_bounces failed 3 times")
    assert "none" in notice[2]


def _attempts_so_far(engine: Engine, run_id: int, attempts: int) -> None:
    with transaction(engine) as connection:
        connection.exec_driver_sql(f"UPDATE job_runs SET attempts = {attempts} WHERE id = {run_id}")


def test_a_run_whose_process_ended_every_time_is_told_to_operators(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    settings = settings_with(database_url, tmp_path)
    add_editor(engine, "operator@example.com", "operator", MONDAY)
    compose = [job for job in timetable(settings) if job.name == "compose"]
    long_ago = real_now() - timedelta(days=1)
    for attempt in range(3):
        with owner(engine, long_ago) as gone:
            assert claim_due(engine, compose, gone.name, MONDAY, long_ago + timedelta(hours=attempt)).begun
    with Service(engine, settings, Clock(MONDAY)):
        until(lambda: notices(engine))
    assert ("operator@example.com", "compose was not done") in [one[:2] for one in notices(engine)]


def test_an_issue_that_cannot_start_at_its_own_time_keeps_no_job_from_running(sqlite_url: str, tmp_path: Path) -> None:
    engine = make_engine(sqlite_url)
    settings = settings_with(sqlite_url, tmp_path)
    issue_id = approved_issue(engine, settings)
    with transaction(engine) as connection:
        connection.execute(update(Issue).where(Issue.id == issue_id).values(send_at=MONDAY - timedelta(hours=1)))
    with Service(engine, replace(settings, title=None), Clock(MONDAY)):
        until(lambda: [job for job in _looks(engine) if job.job == "compose" and job.status == "done"])
    with reading(engine) as connection:
        assert issue_status(connection, issue_id) == "approved"
    engine.dispose()


def test_an_issue_that_cannot_start_at_its_own_time_says_so_and_operators_hear_of_it_once(
    engine: Engine, settings: Settings
) -> None:
    add_editor(engine, "operator@example.com", "operator", MONDAY)
    issue_id = approved_issue(engine, settings)
    with transaction(engine) as connection:
        connection.execute(update(Issue).where(Issue.id == issue_id).values(send_at=MONDAY - timedelta(hours=1)))
    for _ in range(2):
        with pytest.raises(SettingsError, match="must begin with https"):
            start_scheduled(context(engine, replace(settings, public_url="http://news.example.com")))
    (issue,) = look(engine, MONDAY)["issues"]
    assert (issue["status"], "must begin with https" in issue["trouble"]) == ("approved", True)
    assert [subject for _, subject, _ in notices(engine)] == ["2026-W47 could not be sent"]
    assert start_scheduled(context(engine, settings)) == ["2026-W47"]
    assert look(engine, MONDAY)["issues"][0]["trouble"] is None


def _looks(engine: Engine) -> list[JobLook]:
    with reading(engine) as connection:
        return look_at_jobs(connection, LATER)


def test_a_job_that_fails_all_day_is_told_once(sqlite_url: str, tmp_path: Path) -> None:
    engine = make_engine(sqlite_url)
    settings = settings_with(sqlite_url, tmp_path, BOUNCE_MAILBOX=f"maildir:{tmp_path}/none")
    service = Service(engine, settings, Clock(MONDAY))
    (job,) = [job for job in timetable(settings) if job.name == "read_bounces"]
    told = []
    for at in (MONDAY, MONDAY + timedelta(minutes=5), MONDAY + timedelta(days=1)):
        with transaction(engine) as connection:
            run_id = claim_run(connection, job.name, at, "me", at, real_now())
            assert run_id is not None
            finish_run(connection, run_id, "me", RunStatus.FAILED, at, error="away")
        told.append(service._is_news(Claim(run_id, job, at, 3)))
    engine.dispose()
    assert told == [True, False, True]


def test_what_was_missed_in_a_long_stop_is_told_in_one_mail(sqlite_url: str, tmp_path: Path) -> None:
    engine = make_engine(sqlite_url)
    settings = settings_with(sqlite_url, tmp_path)
    add_editor(engine, "operator@example.com", "operator", MONDAY)
    with owner(engine, real_now()) as gone:
        assert claim_due(engine, timetable(settings), gone.name, MONDAY, real_now()).begun
    with Service(engine, settings, Clock(MONDAY + timedelta(days=70))):
        until(lambda: [one for one in notices(engine) if "not done" in one[1]])
    (notice,) = [one for one in notices(engine) if "not done" in one[1]]
    engine.dispose()
    assert notice[1] == "compose, remind, send were not done"


def test_backups_go_where_the_settings_say_and_as_many_are_kept(sqlite_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "far" / "copies"
    settings = settings_with(sqlite_url, tmp_path, BACKUPS=str(folder), BACKUPS_KEPT="3")
    engine = make_engine(sqlite_url)
    for day in range(5):
        back_up(context(engine, settings), MONDAY + timedelta(days=day))
    engine.dispose()
    assert sorted(path.name for path in folder.iterdir()) == ["2026-11-18.db", "2026-11-19.db", "2026-11-20.db"]
    assert folder.stat().st_mode & 0o077 == 0, "copies hold addresses"


def test_the_newest_backup_stays_whatever_date_an_older_one_has(sqlite_url: str, tmp_path: Path) -> None:
    settings = settings_with(sqlite_url, tmp_path, BACKUPS=str(tmp_path / "copies"), BACKUPS_KEPT="1")
    engine = make_engine(sqlite_url)
    for at in (MONDAY + timedelta(days=2000), MONDAY):  # the clock was wrong for a night
        back_up(context(engine, settings), at)
    engine.dispose()
    assert [path.name for path in (tmp_path / "copies").iterdir()] == ["2026-11-16.db"]


def test_installations_that_share_a_folder_of_backups_leave_each_other_s_alone(sqlite_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    urls = (sqlite_url, f"sqlite:///{tmp_path}/other.db")
    engines = [make_engine(url) for url in urls]
    migrate(engines[1], MONDAY)
    for day in range(4):
        for url, engine in zip(urls, engines, strict=True):
            settings = settings_with(url, tmp_path, BACKUPS=str(folder), BACKUPS_KEPT="2")
            back_up(context(engine, settings), MONDAY + timedelta(days=day))
        (folder / "2026-11-16.mine.db").write_bytes(b"a copy that somebody made")
    for engine in engines:
        engine.dispose()
    days = ("2026-11-18", "2026-11-19")
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["2026-11-16.mine.db", *(f"{day}{rest}.db" for day in days for rest in (".2", ""))]
    for number, rest in enumerate(("", ".2")):
        assert all(is_of(folder / f"{day}{rest}.db", Path(str(engines[number].url.database))) for day in days)


def test_a_folder_of_backups_that_another_installation_writes_to_is_waited_for(sqlite_url: str, tmp_path: Path) -> None:
    settings, engine = settings_with(sqlite_url, tmp_path, BACKUPS=str(tmp_path)), make_engine(sqlite_url)
    stopping = context(engine, settings)
    stopping.stop.set()
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(NewsletterError, match="another installation backs up"):
        back_up(stopping, MONDAY)
    os.close(handle)
    assert back_up(stopping, MONDAY)["file"] == str(tmp_path / "2026-11-16.db")
    engine.dispose()


def test_a_backup_that_was_cut_off_is_cleared_away_by_the_next(sqlite_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    for rest in ("", "-journal"):
        (folder / f".2026-11-15.db.4711.unfinished{rest}").write_bytes(b"addresses")
    engine = make_engine(sqlite_url)
    back_up(context(engine, settings_with(sqlite_url, tmp_path, BACKUPS=str(folder))), MONDAY)
    assert [path.name for path in folder.iterdir()] == ["2026-11-16.db"]
    with pytest.raises(NewsletterError, match="NEWSLETTER_BACKUPS names another"):
        back_up(context(engine, settings_with(sqlite_url, tmp_path, BACKUPS=f"{folder}/2026-11-16.db/in")), MONDAY)
    engine.dispose()


def test_what_was_deleted_is_gone_from_the_files_after_pruning(
    engine: Engine, database_url: str, tmp_path: Path, me: str
) -> None:
    settings = settings_with(database_url, tmp_path)
    old = datetime.fromisoformat("2020-01-01T00:00:00+00:00")
    with transaction(engine) as connection:
        run_id = claim_run(connection, "back_up", old, me, old, old)
        assert run_id is not None
        finish_run(connection, run_id, me, RunStatus.DONE, old, result={"file": "a-name-that-is-deleted"})
    report = prune(context(engine, settings, me), MONDAY)
    assert (report["runs"], report["log_emptied"]) == (1, True)
    if is_sqlite(engine):
        files = Path(str(engine.url.database)).parent.glob("newsletter.db*")
        assert not [path for path in files if path.is_file() and b"a-name-that-is-deleted" in path.read_bytes()]


def test_small_runs_of_long_ago_are_forgotten_however_they_ended(
    engine: Engine, database_url: str, tmp_path: Path, me: str
) -> None:
    ends = {40: RunStatus.FAILED, 39: RunStatus.MISSED, 20: RunStatus.FAILED, 41: None}  # the last is still under way
    for days, status in ends.items():
        at = MONDAY - timedelta(days=days)
        with transaction(engine) as connection:
            run_id = claim_run(connection, "read_bounces", at, me, at, at)
            assert run_id is not None
            if status is not None:
                finish_run(connection, run_id, me, status, at, error="wrong password")
    assert prune(context(engine, settings_with(database_url, tmp_path), me), MONDAY)["runs"] == 2


def test_pauses_of_domains_that_are_long_over_are_forgotten(
    engine: Engine, database_url: str, tmp_path: Path, me: str
) -> None:
    with transaction(engine) as connection:
        for domain, ended in (("long.example", 72), ("lately.example", 12), ("waits.example", -12)):
            pause_domain(connection, domain, MONDAY - timedelta(hours=ended), "421 wait", MONDAY)
    assert prune(context(engine, settings_with(database_url, tmp_path), me), MONDAY)["pauses"] == 1
    with reading(engine) as connection:
        assert set(connection.scalars(select(DomainPause.domain))) == {"lately.example", "waits.example"}


def test_a_database_that_is_away_is_said_once_a_minute(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.service._said", {})

    def meet() -> None:
        raise OSError("the database is away")

    for _ in range(3):
        _guarded(meet)
    monkeypatch.setattr("scheduler.service._SAY_AGAIN_SECONDS", 0.0)
    _guarded(meet)
    assert [line.message for line in caplog.records] == ["OSError: the database is away"] * 2
