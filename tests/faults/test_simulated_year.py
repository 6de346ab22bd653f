"""A year in which everything goes wrong: real services on one database, killed with ``kill -9``, counted in mailboxes.

Two schedulers run at a time. Each week they are started before its end, at the time of composing and just before the
time of sending, and killed in the middle of each; feeds are away once a week. The short form lives the weeks in which
the clock changes and the one that ends the year; ``--full`` lives all of them.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, make_url, or_, select

from db.engine import make_engine, reading
from db.issues import issue_of_week
from db.models import Issue, JobRun, Release
from newsletter.clock import Week
from newsletter.deliveries.read_receipt import read_receipt
from newsletter.demo.material import SampleFeed, tools_document
from newsletter.demo.serve_feeds import FeedServer
from newsletter.feeds.watch import Watch, watch_feed
from newsletter.tools.import_tools import import_tools
from tests.conftest import complete_environment
from tests.fakes.smtp_sink import Sink
from tests.integration.sending import subscribe

ZONE = ZoneInfo("Europe/Berlin")
FIRST, LAST = Week(2026, 53), Week(2027, 52)
TURNS = (FIRST, Week(2027, 12), Week(2027, 43))  # the year ends; the clock is put forward, and back
FEED = SampleFeed("patchbay.json", "Patchbay", "releases", "patchbay")
READERS = 60
CONNECTIONS = 4
COMMAND = [sys.executable, "-m", "newsletter.cli.main", "serve", "--no-web"]


def weeks(full: bool) -> list[Week]:
    if not full:
        return list(TURNS)
    found = [FIRST]
    while found[-1] != LAST:
        found.append(found[-1].next())
    return found


def local(week: Week, days: int, clock: str) -> datetime:
    """So many days after the Monday of a week, at this time on the wall."""
    day = week.monday() + timedelta(days=days)
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZONE).astimezone(UTC)


class Year:
    """The world of one installation: its feed, its relay, and the processes under way."""

    def __init__(self, engine: Engine, environ: dict[str, str], folder: Path, feeds: FeedServer, sink: Sink) -> None:
        self.engine, self.feeds, self.sink = engine, feeds, sink
        self._environ, self._folder = environ, folder
        self._items: list[dict[str, str]] = []
        self.chance = random.Random(len(make_url(environ["NEWSLETTER_DATABASE_URL"]).drivername))

    def announce(self, week: Week) -> None:
        version, at = len(self._items) + 1, local(week, 2, "10:00:00")
        self._items.append(
            {
                "id": str(week), "url": f"https://patchbay.example/v{version}", "title": f"Patchbay {version}.0",
                "date_published": at.isoformat(), "content_text": "Better in every way.",
            }
        )  # fmt: skip
        document = {"version": "https://jsonfeed.org/version/1.1", "title": "Patchbay", "items": self._items}
        self.feeds.show((FEED,), {FEED.file: json.dumps(document).encode()})

    @contextmanager
    def two_services(self, now: datetime) -> Iterator[list["subprocess.Popen[str]"]]:
        """Both begin at ``now`` and end by ``kill -9``."""
        environ = {**self._environ, "NEWSLETTER_NOW": now.isoformat()}
        running = [
            subprocess.Popen(COMMAND, env=environ, cwd=self._folder, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        try:
            yield running
        finally:
            for process in running:
                if process.stderr and not process.stderr.closed:
                    self.kill(process)

    def kill(self, process: "subprocess.Popen[str]") -> None:
        process.send_signal(signal.SIGKILL)
        _, said = process.communicate()
        assert process.returncode == -signal.SIGKILL, said

    def until(self, what: Callable[[], object]) -> None:
        end = time.monotonic() + 120
        while not what():
            assert time.monotonic() < end, f"this did not happen in time; {self.unfinished()}"
            time.sleep(0.05)

    def status(self, week: Week) -> str | None:
        with reading(self.engine) as connection:
            found = issue_of_week(connection, str(week))
        return found.status if found else None

    def gathered(self, week: Week) -> bool:
        with reading(self.engine) as connection:
            return connection.execute(select(Release.id).where(Release.week == str(week))).first() is not None

    def done(self, job: str, at: datetime) -> bool:
        with reading(self.engine) as connection:
            wanted = select(JobRun.status).where(JobRun.job == job, JobRun.scheduled_for == at)
            return connection.execute(wanted).scalar() == "done"

    def unfinished(self) -> list[tuple[str, datetime, str | None]]:
        """Runs under way or to be tried again."""
        with reading(self.engine) as connection:
            wanted = select(JobRun.job, JobRun.scheduled_for, JobRun.error)
            open_ = or_(JobRun.status == "running", JobRun.retry_at.is_not(None))
            return [(row.job, row.scheduled_for, row.error) for row in connection.execute(wanted.where(open_))]

    def live(self, week: Week, *, dies_sending: bool) -> None:
        """From the evening before the week is over to its issue in every mailbox.

        What a dead sender held is looked for every 30 seconds of real time.
        """
        self.announce(week)
        with self.two_services(local(week, 6, "20:00:00")) as (one, _):
            time.sleep(self.chance.uniform(0, 2))
            self.kill(one)
            self.until(lambda: self.gathered(week))
        self.feeds.show((), {})  # away while the issue is composed
        with self.two_services(local(week, 7, "06:00:00")) as (one, _):
            time.sleep(self.chance.uniform(0, 3))
            self.kill(one)
            self.until(lambda: self.status(week) == "approved" and self.done("compose", local(week, 7, "06:00:00")))
        before = len(self.sink.mails)
        with self.two_services(local(week, 8, "08:59:55")) as (one, _):
            self.until(lambda: len(self.sink.mails) > before)
            if dies_sending:
                time.sleep(self.chance.uniform(0, 0.2))
                self.kill(one)
            self.until(lambda: self.status(week) == "sent")
            self.until(lambda: self.done("remind", local(week, 8, "05:00:00")) and not self.unfinished())


def test_every_issue_is_composed_once_and_sent_once_whatever_happens(
    database_url: str, tmp_path: Path, full: bool
) -> None:
    lived = weeks(full)
    with FeedServer() as feeds, Sink() as sink:
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
        year = Year(engine, environ, tmp_path, feeds, sink)
        for week in lived:
            year.live(week, dies_sending=full or week == lived[-1])
        check_mailboxes(year, lived)
        check_jobs(year, lived)
        engine.dispose()


def check_mailboxes(year: Year, lived: list[Week]) -> None:
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
    assert len(year.sink.mails) - len(copies) <= 2 * CONNECTIONS * len(lived), "only what was in the air is repeated"
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
    assert over <= {("missed", "found too late to be made good"), ("failed", "found too late to go on")}
    for job, days, clock in (("compose", 7, "06:00:00"), ("remind", 8, "05:00:00"), ("send", 8, "09:00:00")):
        found = {row.scheduled_for: row.status for row in rows if row.job == job}
        done = [local(week, days, clock) for week in lived]
        week, expected = lived[0], dict[datetime, str]()
        while week <= lived[-1]:
            at = local(week, days, clock)
            expected[at] = "done" if at in done else "missed"
            week = week.next()
        assert {at: status for at, status in found.items() if at >= done[0]} == expected, job
