"""A year in which everything goes wrong: real services on one database, killed with ``kill -9``, counted in mailboxes.

Two schedulers run at a time. Each week they are started before its end, at the time of composing and just before the
time of sending, and one is killed in the middle of each; the feeds are away while the issue is composed. ``--full``
lives the whole year, in which 20 of the killed come back at once, and relay, database and feeds fail five times each.
The short form lives the week that ends the year and the one in which the clock is put back.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, make_url, or_, select, text
from sqlalchemy.exc import DBAPIError

from db.engine import PATIENCE, make_engine, reading
from db.issues import issue_of_week
from db.models import Delivery, Issue, JobRun, Release, Sender
from newsletter.clock import Week
from newsletter.deliveries.read_receipt import read_receipt
from newsletter.demo.material import SampleFeed, tools_document
from newsletter.demo.serve_feeds import FeedServer
from newsletter.feeds.watch import Watch, watch_feed
from newsletter.tools.import_tools import import_tools
from tests.conftest import complete_environment
from tests.databases import PostgresServer
from tests.fakes.smtp_sink import Sink
from tests.integration.sending import subscribe

ZONE = ZoneInfo("Europe/Berlin")
FIRST, LAST = Week(2026, 53), Week(2027, 52)
TURNS = (FIRST, Week(2027, 43))  # the year ends; the clock is put back
FEED = SampleFeed("patchbay.json", "Patchbay", "releases", "patchbay")
READERS = 60
CONNECTIONS = 4
RESTARTS, OUTAGES = 20, 5
COMMAND = [sys.executable, "-m", "newsletter.cli.main", "serve", "--no-web"]


def weeks(full: bool) -> list[Week]:
    if not full:
        return list(TURNS)
    found = [FIRST]
    while found[-1] != LAST:
        found.append(found[-1].next())
    return found


@dataclass(frozen=True)
class Troubles:
    """The weeks in which something beyond the weekly killing goes wrong."""

    restarts: frozenset[Week] = field(default_factory=frozenset)
    relay: frozenset[Week] = field(default_factory=frozenset)
    database: frozenset[Week] = field(default_factory=frozenset)
    feeds: frozenset[Week] = field(default_factory=frozenset)

    @classmethod
    def drawn(cls, lived: list[Week], chance: random.Random) -> "Troubles":
        out = chance.sample(lived, 3 * OUTAGES)
        thirds = (frozenset(out[start::3]) for start in range(3))
        return cls(frozenset(chance.sample(lived, RESTARTS)), *thirds)

    def number(self) -> int:
        return len(self.restarts) + len(self.relay) + len(self.database)


def local(week: Week, days: int, clock: str) -> datetime:
    """So many days after the Monday of a week, at this time on the wall."""
    day = week.monday() + timedelta(days=days)
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZONE).astimezone(UTC)


class Year:
    """The world of one installation: its feed, its relay, and the processes under way."""

    def __init__(
        self,
        engine: Engine,
        environ: dict[str, str],
        folder: Path,
        feeds: FeedServer,
        sink: Sink,
        relay: ExitStack,
        database_away: Callable[[], AbstractContextManager[None]],
        chance: random.Random,
    ) -> None:
        self.engine, self.feeds, self.sink, self.chance = engine, feeds, sink, chance
        self._environ, self._folder, self._relay, self._database_away = environ, folder, relay, database_away
        self._items: list[dict[str, str]] = []

    def announce(self, week: Week) -> None:
        version, at = len(self._items) + 1, local(week, 2, "10:00:00")
        self._items.append(
            {
                "id": str(week), "url": f"https://patchbay.example/v{version}", "title": f"Patchbay {version}.0",
                "date_published": at.isoformat(), "content_text": "Better in every way.",
            }
        )  # fmt: skip

    def feed_is(self, *, there: bool) -> None:
        document = {"version": "https://jsonfeed.org/version/1.1", "title": "Patchbay", "items": self._items}
        self.feeds.show(*((FEED,), {FEED.file: json.dumps(document).encode()}) if there else ((), {}))

    @contextmanager
    def two_services(self, now: datetime) -> Iterator[list["subprocess.Popen[str]"]]:
        """Both begin at ``now`` and end by ``kill -9``."""
        running = [self._start(now), self._start(now)]
        try:
            yield running
        finally:
            for process in running:
                if process.stderr and not process.stderr.closed:
                    print(self.kill(process), end="")  # shown where the test fails

    def _start(self, now: datetime) -> "subprocess.Popen[str]":
        environ = {**self._environ, "NEWSLETTER_NOW": now.isoformat()}
        return subprocess.Popen(COMMAND, env=environ, cwd=self._folder, stderr=subprocess.PIPE, text=True)

    def kill(self, process: "subprocess.Popen[str]") -> str:
        """Returns what it had said."""
        process.send_signal(signal.SIGKILL)
        _, said = process.communicate()
        assert process.returncode == -signal.SIGKILL, said
        return said

    def kill_one(self, running: list["subprocess.Popen[str]"], now: datetime, *, comes_back: bool) -> None:
        self.kill(running[0])
        if comes_back:
            running.append(self._start(now))

    @contextmanager
    def relay_away(self) -> Iterator[None]:
        """Nobody listens, and every open line is cut; the mailboxes stay."""
        self._relay.close()
        yield
        following = Sink()
        following.port, following.mails = self.sink.port, self.sink.mails
        self.sink = self._relay.enter_context(following)

    def until(self, what: Callable[[], object], seconds: float = 180) -> None:
        end = time.monotonic() + seconds
        while not self._holds(what):
            assert time.monotonic() < end, f"this did not happen in time; {self.unfinished()}; {self.open()}"
            time.sleep(0.05)

    def _holds(self, what: Callable[[], object]) -> bool:
        try:
            return bool(what())
        except DBAPIError:  # the database is away
            return False

    def status(self, week: Week) -> str | None:
        with reading(self.engine) as connection:
            found = issue_of_week(connection, str(week))
        return found.status if found else None

    def gathered(self, week: Week) -> bool:
        with reading(self.engine) as connection:
            return connection.execute(select(Release.id).where(Release.week == str(week))).first() is not None

    def done(self, job: str, at: datetime) -> bool:
        return self.run_of(job, at) == "done"

    def run_of(self, job: str, at: datetime) -> str | None:
        with reading(self.engine) as connection:
            wanted = select(JobRun.status).where(JobRun.job == job, JobRun.scheduled_for == at)
            found: str | None = connection.execute(wanted).scalar()
        return found

    def unfinished(self) -> list[tuple[str, datetime, str | None]]:
        """Runs under way or to be tried again."""
        with reading(self.engine) as connection:
            wanted = select(JobRun.job, JobRun.scheduled_for, JobRun.error)
            open_ = or_(JobRun.status == "running", JobRun.retry_at.is_not(None))
            return [(row.job, row.scheduled_for, row.error) for row in connection.execute(wanted.where(open_))]

    def open(self) -> list[Any]:
        """Deliveries that are not over, and the senders that the database knows."""
        with reading(self.engine) as connection:
            columns = (Delivery.status, Delivery.lease_owner, Delivery.lease_until, Delivery.next_attempt_at)
            open_ = Delivery.status.in_(("queued", "sending", "deferred", "uncertain"))
            senders = connection.execute(select(Sender.name, Sender.lock)).all()
            return [*connection.execute(select(*columns).where(open_).limit(20)), *senders]

    def live(self, week: Week, troubles: Troubles, *, dies_sending: bool) -> None:
        """From the evening before the week is over to its issue in every mailbox.

        What a dead sender held is looked for every 30 seconds of real time.
        """
        self.announce(week)
        comes_back, out = week in troubles.restarts, week in troubles.feeds
        self.feed_is(there=not out)
        evening, morning, sending = local(week, 6, "20:00:00"), local(week, 7, "06:00:00"), local(week, 8, "08:59:55")
        with self.two_services(evening) as running:
            time.sleep(self.chance.uniform(0, 2))
            self.kill_one(running, evening, comes_back=comes_back)
            self.until(lambda: self.done("gather", evening) if out else self.gathered(week))
        self.feed_is(there=out)  # away while the issue is composed, unless it was away all the time before
        with self.two_services(morning) as running:
            time.sleep(self.chance.uniform(0, 3))
            self.kill_one(running, morning, comes_back=comes_back)
            self.until(lambda: self.status(week) == "approved" and self.done("compose", morning))
        before = len(self.sink.mails)
        with self.two_services(sending) as running:
            if week in troubles.relay:
                with self.relay_away():
                    self.until(lambda: self.status(week) == "sending")
                    time.sleep(self.chance.uniform(1, 10))
            self.until(lambda: len(self.sink.mails) > before)
            if week in troubles.database:
                with self._database_away():
                    time.sleep(self.chance.uniform(1, 5))
            elif week in troubles.relay:
                with self.relay_away():
                    time.sleep(self.chance.uniform(1, 5))
            if dies_sending:
                time.sleep(self.chance.uniform(0, 0.2))
                self.kill_one(running, sending, comes_back=comes_back)
            self.until(lambda: self.nothing_is_due(week))
            self.until(lambda: self.run_of("remind", local(week, 8, "05:00:00")) and not self.unfinished(), 1200)
        self.send_the_rest(week)

    def nothing_is_due(self, week: Week) -> bool:
        """All of it is out, or waits for another hour: a line that was cut leaves deliveries uncertain."""
        counts = read_receipt(self.engine, week).counts
        waits = counts.deferred + counts.uncertain and not counts.queued + counts.sending
        return self.status(week) == "sent" or bool(waits)

    def send_the_rest(self, week: Week) -> None:
        """What waits goes out on the following days: it is tried again after at most 24 hours each time."""
        for days in (9, 10, 11, 12):
            if self.status(week) == "sent":
                return
            with self.two_services(local(week, days, "12:00:00")), suppress(AssertionError):
                self.until(lambda: self.status(week) == "sent", 60)
        assert self.status(week) == "sent"


@pytest.fixture
def database_away(database_url: str, request: pytest.FixtureRequest) -> Callable[[], AbstractContextManager[None]]:
    """PostgreSQL is killed and started again; SQLite's file is held by somebody for longer than anyone waits for it."""
    if not database_url.startswith("sqlite"):
        server: PostgresServer = request.getfixturevalue("postgres_server")
        return server.away

    @contextmanager
    def held() -> Iterator[None]:
        engine = make_engine(database_url)
        with engine.connect() as connection:
            connection.execution_options(write_patience=PATIENCE).execute(text("SELECT 1"))
            time.sleep(PATIENCE + 2)
            yield
        engine.dispose()

    return held


def test_every_issue_is_composed_once_and_sent_once_whatever_happens(
    database_url: str,
    database_away: Callable[[], AbstractContextManager[None]],
    tmp_path: Path,
    full: bool,
) -> None:
    lived = weeks(full)
    chance = random.Random(len(make_url(database_url).drivername))
    troubles = Troubles.drawn(lived, chance) if full else Troubles()
    with FeedServer() as feeds, ExitStack() as relay:
        sink = relay.enter_context(Sink())
        environ = {key: value for key, value in os.environ.items() if not key.startswith("NEWSLETTER_")}
        environ |= complete_environment(database_url) | {
            "NEWSLETTER_SMTP": f"smtp://127.0.0.1:{sink.port}?tls=off&connections={CONNECTIONS}",
            "NEWSLETTER_TIMEZONE": ZONE.key,
            "NEWSLETTER_APPROVAL": "automatic",
        }
        engine = make_engine(database_url)
        before = local(lived[0], 0, "00:00:00")
        import_tools(engine, tools_document(), before)
        subscribe(engine, READERS)
        watch_feed(engine, Watch(f"{feeds.base}/{FEED.file}", FEED.name, FEED.kind, FEED.tool), before)
        year = Year(engine, environ, tmp_path, feeds, sink, relay, database_away, chance)
        for week in lived:
            year.live(week, troubles, dies_sending=full or week == lived[-1])
        check_mailboxes(year, lived, troubles)
        check_jobs(year, lived)
        engine.dispose()


def check_mailboxes(year: Year, lived: list[Week], troubles: Troubles) -> None:
    """Counted in what arrived, never in our own ledger; the ledger must then say the same."""
    by_issue: dict[str, list[str]] = {}
    for mail in year.sink.mails:
        by_issue.setdefault(mail.header("Feedback-ID").partition(":")[0], []).append(mail.recipient)
    assert len(by_issue) == len(lived), "an issue of a week without news went out, or one with news did not"
    everybody = {f"reader{number}@example.org" for number in range(READERS)}
    for issue, recipients in by_issue.items():
        assert set(recipients) == everybody, f"{issue}: a reader got nothing"
    copies = {(mail.recipient, mail.header("Message-ID")) for mail in year.sink.mails}
    assert len(copies) == READERS * len(lived), "one issue to one reader has one Message-ID"
    repeated, breaks = len(year.sink.mails) - len(copies), len(lived) + troubles.number()
    print(f"{len(lived)} issues, {len(copies)} mails, {repeated} of them twice; {troubles.number()} troubles beside")
    assert repeated <= 2 * CONNECTIONS * breaks, "only what was in the air is repeated"
    for week in lived:
        counts = read_receipt(year.engine, week).counts
        assert counts.sent == counts.recipients == READERS
    with reading(year.engine) as connection:
        assert sorted(connection.scalars(select(Issue.week))) == [str(week) for week in lived]


def check_jobs(year: Year, lived: list[Week]) -> None:
    """Every Monday and Tuesday is accounted for: done in the weeks that were lived, missed in the others."""
    assert year.unfinished() == []
    with reading(year.engine) as connection:
        rows = connection.execute(select(JobRun.job, JobRun.scheduled_for, JobRun.status, JobRun.error)).all()
    # Days pass between the evening and the morning, so a small job that was killed may be found too late to go on.
    over = {(row.status, row.error) for row in rows if row.status != "done"}
    assert over <= {("missed", "found too late to be made good"), ("missed", "found too late to go on")}
    for job, days, clock in (("compose", 7, "06:00:00"), ("remind", 8, "05:00:00"), ("send", 8, "09:00:00")):
        found = {row.scheduled_for: row.status for row in rows if row.job == job}
        done = [local(week, days, clock) for week in lived]
        week, expected = lived[0], dict[datetime, str]()
        while week <= lived[-1]:
            at = local(week, days, clock)
            expected[at] = "done" if at in done else "missed"
            week = week.next()
        if job == "remind":  # its time is over at nine: a service that takes five seconds to start is too late for it
            found = {at: "done" if at in done else status for at, status in found.items()}
        assert {at: status for at, status in found.items() if at >= done[0]} == expected, job
