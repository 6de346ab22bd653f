"""The service as processes: a week by itself, letters within seconds, a clean end, and clear words at the door."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from db.engine import is_sqlite, make_engine, reading, transaction
from db.issues import issue_of_week
from db.letters import add_letter
from db.runs import JobLook, look_at_jobs
from db.states import LetterKind
from newsletter.cli.serve import listen, serve_app
from newsletter.clock import Clock, Week, real_now
from newsletter.demo.inbox import Inbox
from newsletter.demo.material import feed_documents, readers_document, sample_feeds, tools_document
from newsletter.demo.serve_feeds import FeedServer
from newsletter.editors.invite import add_editor
from newsletter.feeds.fetch import fetch_feeds
from newsletter.feeds.watch import Watch, watch_feed
from newsletter.issues.approve import approve_issue
from newsletter.issues.compose import compose_issue
from newsletter.issues.publish import publish_issue
from newsletter.releases.collect import collect_releases
from newsletter.settings import Settings, load
from newsletter.subscribers.import_subscribers import import_subscribers
from newsletter.tools.import_tools import import_tools
from newsletter.web.app import create_app
from scheduler.service import Service
from tests.conftest import complete_environment
from tests.fakes.times import LATER
from tests.fakes.waiting import until

WEEK = Week(2026, 46)
MONDAY = datetime(2026, 11, 16, 6, 0, tzinfo=UTC)
TUESDAY_MORNING = datetime(2026, 11, 17, 8, 30, tzinfo=UTC)
TUESDAY_NINE = datetime(2026, 11, 17, 9, 0, tzinfo=UTC)


def test_an_answer_in_two_parts_waits_for_nobody() -> None:
    """Nagle's algorithm holds the second part back until the first is acknowledged: 40 ms on a kept-alive line."""
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()[:2]):
        connection, _ = listening.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_stop_that_comes_while_it_starts_is_heard(engine: Engine, settings: Settings) -> None:
    app = create_app(settings, engine, Clock())
    stop = threading.Event()
    stop.set()
    with listen("127.0.0.1", 0) as listening:
        serving = threading.Thread(target=serve_app, args=(app, listening, stop), daemon=True)
        serving.start()
        serving.join(10)
    assert not serving.is_alive()


@pytest.fixture
def feeds() -> Iterator[FeedServer]:
    with FeedServer() as server:
        server.show(sample_feeds(), feed_documents(WEEK, server.base))
        yield server


def environment(database_url: str, inbox: Inbox, **more: str) -> dict[str, str]:
    relay = f"smtp://127.0.0.1:{inbox.port}?tls=off"
    known = {key: value for key, value in os.environ.items() if not key.startswith("NEWSLETTER_")}
    return known | complete_environment(database_url) | {"NEWSLETTER_SMTP": relay} | more


def furnish(engine: Engine, base: str) -> None:
    """Tools, readers, an operator and feeds: everything but a run of a job."""
    before = MONDAY - timedelta(days=3)
    import_tools(engine, tools_document(), before)
    import_subscribers(engine, readers_document().splitlines(keepends=True), now=before, latest=before)
    add_editor(engine, "operator@example.com", "operator", before)
    for feed in sample_feeds():
        watch_feed(engine, Watch(f"{base}/{feed.file}", feed.name, feed.kind, feed.tool), before)


@contextmanager
def serving(variables: dict[str, str], folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "newsletter.cli.main", "serve", "--port", "0", *options]
    process = subprocess.Popen(command, env=variables, cwd=folder, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert "Ctrl-C stops" in line, line + process.stderr.read()
        process.said = line  # type: ignore[attr-defined]
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def state(engine: Engine) -> str | None:
    with reading(engine) as connection:
        issue = issue_of_week(connection, str(WEEK))
    return issue.status if issue else None


def test_a_week_goes_by_itself_where_approval_is_automatic(
    database_url: str, engine: Engine, inbox: Inbox, feeds: FeedServer, tmp_path: Path
) -> None:
    variables = environment(database_url, inbox, NEWSLETTER_APPROVAL="automatic")
    settings = load({key: value for key, value in variables.items() if key.startswith("NEWSLETTER_")}, tmp_path)
    furnish(engine, feeds.base)
    with Service(engine, settings, Clock(MONDAY + timedelta(minutes=5))):
        until(lambda: state(engine) == "approved" and last_run(engine, "prune"))
        until(lambda: not is_sqlite(engine) or last_run(engine, "back_up"))
    with Service(engine, settings, Clock(TUESDAY_MORNING)):
        until(lambda: last_run(engine, "remind"))
        until(lambda: last_run(engine, "prune") == datetime(2026, 11, 17, 3, 40, tzinfo=UTC))
        until(lambda: not is_sqlite(engine) or last_run(engine, "back_up") == datetime(2026, 11, 17, 4, 10, tzinfo=UTC))
    assert inbox.messages() == [], "it is not nine yet"
    with Service(engine, settings, Clock(TUESDAY_NINE)):
        until(lambda: state(engine) == "sent")
    assert len(inbox.messages()) == 25
    with Service(engine, settings, Clock(TUESDAY_NINE + timedelta(hours=1))):
        until(lambda: last_run(engine, "gather") == TUESDAY_NINE + timedelta(hours=1))
    assert len(inbox.messages()) == 25
    done = {"gather", "compose", "remind", "send", "expire", "prune"}
    embedded = {"back_up"} if is_sqlite(engine) else set[str]()
    not_yet = {"ask_again": None}  # its time is later in the morning
    assert {look.job: look.status for look in jobs(engine)} == dict.fromkeys(done | embedded, "done") | not_yet
    if embedded:
        assert sorted(path.name for path in tmp_path.glob("newsletter-backups/*")) == ["2026-11-16.db", "2026-11-17.db"]


def jobs(engine: Engine) -> list[JobLook]:
    with reading(engine) as connection:
        return look_at_jobs(connection, LATER)


def last_run(engine: Engine, job: str) -> datetime | None:
    """The time of the newest run of a job that is done."""
    return next((look.scheduled_for for look in jobs(engine) if look.job == job and look.status == "done"), None)


def test_without_approval_nothing_is_sent_and_the_editors_are_told(
    sqlite_url: str, inbox: Inbox, feeds: FeedServer, tmp_path: Path
) -> None:
    engine = make_engine(sqlite_url)
    settings = _settings(environment(sqlite_url, inbox), tmp_path)
    furnish(engine, feeds.base)
    with Service(engine, settings, Clock(MONDAY + timedelta(minutes=5))):
        until(lambda: len(inbox.messages()) == 1)
    with Service(engine, settings, Clock(TUESDAY_MORNING)):
        until(lambda: len(inbox.messages()) == 2)
    with Service(engine, settings, Clock(TUESDAY_NINE)):
        until(lambda: len(inbox.messages()) == 3)
    assert state(engine) == "draft"
    subjects = [path.read_text().partition("Subject: ")[2].splitlines()[0] for path in inbox.messages()]
    assert subjects[0] == "The draft of 2026-W46 is waiting"
    assert subjects[1] == "2026-W46 is not approved yet"
    assert subjects[2] == "2026-W46 was not sent"
    engine.dispose()


def _settings(variables: dict[str, str], folder: Path) -> Settings:
    return load({key: value for key, value in variables.items() if key.startswith("NEWSLETTER_")}, folder)


def test_letters_go_out_without_the_scheduler_and_sigterm_ends_it_cleanly(
    sqlite_url: str, inbox: Inbox, tmp_path: Path
) -> None:
    engine = make_engine(sqlite_url)
    with serving(environment(sqlite_url, inbox), tmp_path, "--no-scheduler") as process:
        address = process.said.split()[1]  # type: ignore[attr-defined]
        with urllib.request.urlopen(f"{address}/healthz") as answer:
            assert json.load(answer) == {"status": "ok"}
        with transaction(engine) as connection:
            data = {"subject": "Hello", "paragraphs": ["It works."]}
            add_letter(connection, LetterKind.NOTICE, "operator@example.com", data, real_now(), real_now())
        until(lambda: inbox.messages(), 5)
        assert jobs(engine) == []
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    engine.dispose()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGHUP], ids=["Ctrl-C", "a terminal that closes"])
def test_it_works_without_the_web_and_ends_when_it_is_asked_to(
    sqlite_url: str, inbox: Inbox, tmp_path: Path, sign: signal.Signals
) -> None:
    engine = make_engine(sqlite_url)
    with serving(environment(sqlite_url, inbox), tmp_path, "--no-web") as process:
        until(lambda: jobs(engine))
        process.send_signal(sign)
        assert process.wait(20) == 0
    engine.dispose()


def refused(variables: dict[str, str], folder: Path, *options: str) -> str:
    command = [sys.executable, "-m", "newsletter.cli.main", "serve", *options]
    done = subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


def test_it_does_not_start_without_a_secret_key(sqlite_url: str, inbox: Inbox, tmp_path: Path) -> None:
    variables = environment(sqlite_url, inbox)
    del variables["NEWSLETTER_SECRET_KEY"]
    assert "NEWSLETTER_SECRET_KEY is not set" in refused(variables, tmp_path)


def test_it_does_not_start_with_a_key_that_cannot_be_read(sqlite_url: str, inbox: Inbox, tmp_path: Path) -> None:
    variables = environment(sqlite_url, inbox, NEWSLETTER_DKIM="s1:example.com:gone.pem")
    assert "NEWSLETTER_DKIM: gone.pem cannot be read" in refused(variables, tmp_path, "--port", "0")


def test_a_port_that_is_taken_is_said_in_one_line(sqlite_url: str, inbox: Inbox, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(environment(sqlite_url, inbox), tmp_path, "--port", str(port))
    assert f"cannot listen on 127.0.0.1:{port}" in said
    assert "--port" in said


def test_a_database_that_is_missing_names_init(inbox: Inbox, tmp_path: Path) -> None:
    said = refused(environment(f"sqlite:///{tmp_path}/none.db", inbox), tmp_path)
    assert "newsletter init" in said


def test_a_worker_needs_a_database_that_machines_can_share(sqlite_url: str, inbox: Inbox, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "newsletter.cli.main", "worker"]
    variables = environment(sqlite_url, inbox)
    done = subprocess.run(command, env=variables, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "PostgreSQL" in done.stderr


@pytest.mark.postgres
def test_a_worker_sends_what_was_published_elsewhere(
    postgres_url: str, inbox: Inbox, feeds: FeedServer, tmp_path: Path
) -> None:
    engine = make_engine(postgres_url)
    variables = environment(postgres_url, inbox)
    settings = _settings(variables, tmp_path)
    furnish(engine, feeds.base)
    clock = Clock(MONDAY, running=False)
    fetch_feeds(engine, settings, clock)
    collect_releases(engine, settings, clock)
    compose_issue(engine, WEEK, settings, MONDAY)
    approve_issue(engine, WEEK, "an editor", settings, MONDAY)
    publish_issue(engine, WEEK, settings, MONDAY)
    command = [sys.executable, "-m", "newsletter.cli.main", "worker"]
    process = subprocess.Popen(command, env=variables, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: state(engine) == "sent")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()
    assert len(inbox.messages()) == 25
    engine.dispose()
