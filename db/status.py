"""How the installation is doing: counts for `newsletter status`, /metrics and doctor."""

import os
import shutil
from collections import Counter
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine, exists, func, or_, select, text

from db import deliveries, letters
from db.engine import is_sqlite
from db.models import (
    AuditEntry,
    Delivery,
    DomainPause,
    Feed,
    Issue,
    JobPlan,
    JobRun,
    Release,
    ReturnedMail,
    Sender,
    Subscriber,
)
from db.ownership import gone_owners
from db.rows import columns_of
from db.states import (
    BounceKind,
    FeedStatus,
    IssueStatus,
    ReleaseStatus,
    RunStatus,
    SubscriberState,
)

_ROOM = 1 << 20  # bytes; with less, what is written fails sooner or later


class OpenIssue(NamedTuple):
    """An issue that is not over."""

    id: int
    week: str
    status: str
    send_at: datetime | None
    pause_reason: str | None
    trouble: str | None


class FeedCounts(NamedTuple):
    active: int
    paused: int
    failing: int


class SenderRow(NamedTuple):
    name: str
    started_at: datetime
    seen_at: datetime


class Pause(NamedTuple):
    domain: str
    until: datetime
    reason: str


def open_issues(connection: Connection) -> list[OpenIssue]:
    """Drafts, approved, sending and paused issues, the newest first; at most 20."""
    wanted = select(*columns_of(Issue, OpenIssue)).where(Issue.status.not_in((IssueStatus.SENT, IssueStatus.CANCELLED)))
    return [OpenIssue(*row) for row in connection.execute(wanted.order_by(Issue.week.desc()).limit(20))]


def delivery_counts(connection: Connection, issue_ids: list[int]) -> dict[int, dict[str, int]]:
    """Deliveries of these issues by status; every status is there."""
    return {issue_id: deliveries.counts(connection, issue_id)._asdict() for issue_id in issue_ids}


def domain_counts(connection: Connection, issue_id: int, most: int, least: int) -> list[tuple[str, str, int]]:
    """(domain, status, deliveries) of the ``most`` domains with the most readers, each with at least ``least``."""
    domain = deliveries.recipient_domain(connection)
    wanted = select(domain, Delivery.status, func.count()).where(Delivery.issue_id == issue_id, Delivery.email != "")
    found = [
        (str(row[0]), str(row[1]), int(row[2])) for row in connection.execute(wanted.group_by(domain, Delivery.status))
    ]
    readers: Counter[str] = Counter()
    for name, _, number in found:
        readers[name] += number
    shown = {name for name, number in readers.most_common(most) if number >= least}
    return [row for row in found if row[0] in shown]


def last_done(connection: Connection, now: datetime) -> dict[str, datetime]:
    """When the last run of each job was done, up to ``now``; of those that the timetable still has: after a move to
    PostgreSQL no copy is made any more, and none is late."""
    done = (JobRun.status == RunStatus.DONE, JobRun.finished_at <= now, JobRun.job.in_(select(JobPlan.job)))
    wanted = select(JobRun.job, func.max(JobRun.finished_at)).where(*done)
    return {str(job): at for job, at in connection.execute(wanted.group_by(JobRun.job)) if at is not None}


def takes_writes(connection: Connection) -> bool:
    """False for a PostgreSQL that stands by or is set read-only, and for an SQLite file that may not be written, or
    whose disk is full."""
    if is_sqlite(connection):
        path = connection.engine.url.database
        return path is None or (os.access(path, os.W_OK) and shutil.disk_usage(path).free >= _ROOM)
    return bool(connection.scalar(text("SELECT current_setting('transaction_read_only') = 'off'")))


def started_issues(connection: Connection, limit: int) -> list[tuple[int, str]]:
    """(id, week) of the issues that began to be sent last."""
    wanted = select(Issue.id, Issue.week).where(Issue.started_at.is_not(None)).order_by(Issue.week.desc()).limit(limit)
    return [(row.id, row.week) for row in connection.execute(wanted)]


def subscriber_counts(connection: Connection) -> dict[str, int]:
    counts = dict.fromkeys(map(str, SubscriberState), 0)
    found = connection.execute(select(Subscriber.state, func.count()).group_by(Subscriber.state))
    return counts | {str(state): int(number) for state, number in found}


def feed_counts(connection: Connection) -> FeedCounts:
    """``failing`` are the active ones whose last fetches failed."""
    active = Feed.status == FeedStatus.ACTIVE
    row = connection.execute(
        select(
            func.count().filter(active),
            func.count().filter(Feed.status == FeedStatus.PAUSED),
            func.count().filter(active, Feed.failures > 0),
        ).select_from(Feed)
    ).one()
    return FeedCounts(*row)


def release_counts(connection: Connection) -> dict[str, int]:
    counts = dict.fromkeys(map(str, ReleaseStatus), 0)
    found = connection.execute(select(Release.status, func.count()).group_by(Release.status))
    return counts | {str(status): int(number) for status, number in found}


def letters_waiting(connection: Connection) -> int:
    return sum(connection.scalar(select(func.count()).where(one)) or 0 for one in letters.waiting())


def oldest_waiting(connection: Connection) -> datetime | None:
    """When the issue began whose deliveries have been waiting longest; None where nothing waits."""
    waiting = (deliveries.status_is("queued"), deliveries.status_is("sending"), deliveries.is_waiting())
    wanted = (
        select(func.min(Issue.started_at))
        .where(Issue.status.in_((IssueStatus.SENDING, IssueStatus.PAUSED)))
        .where(or_(*[exists().where(Delivery.issue_id == Issue.id, some) for some in waiting]))
    )
    return connection.execute(wanted).scalar()


def returned_since(connection: Connection, since: datetime | None = None) -> dict[str, int]:
    """Returned mail by kind; of ``ignored`` the mail that was not understood is counted apart, under that name."""
    counts = dict.fromkeys(map(str, BounceKind), 0) | {"not understood": 0}
    wanted = select(ReturnedMail.kind, ReturnedMail.raw.is_not(None), func.count())
    if since is not None:
        wanted = wanted.where(ReturnedMail.at >= since)
    for kind, kept, number in connection.execute(wanted.group_by(ReturnedMail.kind, ReturnedMail.raw.is_not(None))):
        counts["not understood" if kept else str(kind)] += int(number)
    return counts


def senders(connection: Connection) -> list[SenderRow]:
    wanted = select(*columns_of(Sender, SenderRow)).order_by(Sender.name)
    return [SenderRow(*row) for row in connection.execute(wanted)]


def living_senders(connection: Connection, engine: Engine) -> list[SenderRow]:
    """Without those that were killed, which are forgotten every night. Where this user may not look, all of them."""
    known = senders(connection)
    gone: set[str] = set()
    with suppress(OSError):
        gone.update(*gone_owners(connection, engine, {one.name for one in known}))
    return [one for one in known if one.name not in gone]


def domain_pauses(connection: Connection, now: datetime) -> list[Pause]:
    wanted = select(*columns_of(DomainPause, Pause)).where(DomainPause.until > now)
    return [Pause(*row) for row in connection.execute(wanted.order_by(DomainPause.domain).limit(100))]


def failed_runs(connection: Connection, since: datetime) -> int:
    wanted = select(func.count()).where(JobRun.status == RunStatus.FAILED, JobRun.started_at >= since)
    return int(connection.execute(wanted).scalar_one())


def last_audited(connection: Connection, what: str) -> datetime | None:
    """When an act was last noted in the audit log."""
    return connection.execute(select(func.max(AuditEntry.at)).where(AuditEntry.what == what)).scalar()


def newest_run_at(connection: Connection) -> datetime | None:
    """The latest start of any job: a machine whose clock shows an earlier time has been set back."""
    return connection.execute(select(func.max(JobRun.started_at))).scalar()


def database_time(connection: Connection) -> datetime:
    """What the database server's clock shows; on SQLite that is this machine's."""
    found: datetime = connection.execute(select(func.now())).scalar_one()
    return found
