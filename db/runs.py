"""Runs of the timetable's jobs: claimed once each, taken over when their process is gone, looked at by people."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, delete, func, or_, select, update

from db.models import JobPlan, JobRun
from db.rows import columns_of, one_row
from db.states import RunStatus
from db.upsert import insert_or


class Run(NamedTuple):
    """A claimed or stranded run. ``attempts`` counts the one under way."""

    id: int
    job: str
    scheduled_for: datetime
    owner: str
    attempts: int
    status: str
    lease_until: datetime


class JobLook(NamedTuple):
    """The last and the next run of a job, as `newsletter status` and the editors' room show them."""

    job: str
    rule: str
    next_at: datetime | None
    scheduled_for: datetime | None
    status: str | None
    attempts: int | None
    finished_at: datetime | None
    error: str | None
    result: dict[str, Any] | None


_OVERDUE = timedelta(minutes=10)
_RUN = columns_of(JobRun, Run)


def last_times(connection: Connection, now: datetime) -> dict[str, datetime]:
    """The last time of each job, up to ``now``, that is accounted for; of a job that never ran, the last instant before
    the first run that was planned."""
    planned = select(JobPlan.job, JobPlan.next_at).where(JobPlan.next_at <= now)
    before = {row.job: row.next_at - timedelta(seconds=1) for row in connection.execute(planned)}
    statement = select(JobRun.job, func.max(JobRun.scheduled_for).label("last")).where(JobRun.scheduled_for <= now)
    return before | {row.job: row.last for row in connection.execute(statement.group_by(JobRun.job))}


def claim_run(
    connection: Connection, job: str, scheduled_for: datetime, owner: str, now: datetime, lease_until: datetime
) -> int | None:
    """Begin a run and return its id; None when somebody else has begun it."""
    return _add_run(
        connection, job=job, scheduled_for=scheduled_for, status=RunStatus.RUNNING, attempts=1, owner=owner,
        lease_until=lease_until, started_at=now,
    )  # fmt: skip


def record_missed(connection: Connection, job: str, scheduled_for: datetime, owner: str, now: datetime) -> bool:
    """Note a run that was found too late; False when it is accounted for already."""
    run_id = _add_run(
        connection, job=job, scheduled_for=scheduled_for, status=RunStatus.MISSED, attempts=0, owner=owner,
        lease_until=now, started_at=now, finished_at=now, error="found too late to be made good",
    )  # fmt: skip
    return run_id is not None


def _add_run(connection: Connection, **values: Any) -> int | None:
    """None where the job has a run of this time already."""
    statement = insert_or(connection, JobRun).values(**values)
    once = statement.on_conflict_do_nothing(index_elements=["job", "scheduled_for"])
    found: int | None = connection.execute(once.returning(JobRun.id)).scalar()
    return found


def unfinished_runs(connection: Connection, now: datetime) -> list[Run]:
    """Runs under way, whoever owns them, and failed ones whose time to be tried again has come."""
    again = and_(JobRun.status == RunStatus.FAILED, JobRun.retry_at <= now)
    statement = select(*_RUN).where(or_(JobRun.status == RunStatus.RUNNING, again)).order_by(JobRun.id)
    return [Run(*row) for row in connection.execute(statement)]


def take_over_run(connection: Connection, run: Run, owner: str, now: datetime, lease_until: datetime) -> bool:
    """Begin the next attempt of a run; False when somebody else did so first."""
    unchanged = (JobRun.id == run.id, JobRun.attempts == run.attempts, JobRun.status == run.status)
    statement = update(JobRun).where(*unchanged, JobRun.owner == run.owner)
    statement = statement.values(
        status=RunStatus.RUNNING, owner=owner, attempts=run.attempts + 1, started_at=now, lease_until=lease_until,
        retry_at=None, finished_at=None,
    )  # fmt: skip
    return connection.execute(statement).rowcount == 1


def hand_over_run(connection: Connection, run_id: int, giver: str, taker: str, lease_until: datetime) -> Run | None:
    """A run under way goes from one process to another; None when it is not the giver's any more."""
    statement = update(JobRun).where(JobRun.id == run_id, JobRun.owner == giver, JobRun.status == RunStatus.RUNNING)
    return one_row(connection, statement.values(owner=taker, lease_until=lease_until).returning(*_RUN), Run)


def extend_leases(connection: Connection, owner: str, run_ids: Collection[int], lease_until: datetime) -> None:
    statement = update(JobRun).where(JobRun.id.in_(run_ids), JobRun.owner == owner)
    connection.execute(statement.values(lease_until=lease_until))


def finish_run(
    connection: Connection,
    run_id: int,
    owner: str,
    status: RunStatus,
    now: datetime,
    *,
    error: str | None = None,
    result: Mapping[str, Any] | None = None,
    retry_at: datetime | None = None,
) -> None:
    """Record the end of an attempt, unless the run was taken over by somebody else."""
    held = (JobRun.id == run_id, JobRun.owner == owner, JobRun.status == RunStatus.RUNNING)
    values = {"status": status, "finished_at": now, "error": error, "retry_at": retry_at}
    statement = update(JobRun).where(*held).values(**values, result=dict(result) if result is not None else None)
    connection.execute(statement)


def has_failed(connection: Connection, job: str, since: datetime, before: datetime) -> bool:
    """Whether a run of a job that was due in this time failed for good."""
    due = (JobRun.job == job, JobRun.scheduled_for >= since, JobRun.scheduled_for < before)
    failed = (JobRun.status == RunStatus.FAILED, JobRun.retry_at.is_(None))
    return connection.execute(select(JobRun.id).where(*due, *failed).limit(1)).first() is not None


def write_plans(connection: Connection, plans: Sequence[tuple[str, str, datetime | None]]) -> None:
    """Keep (job, rule, next time) of every job of the timetable, and of no other. It is asked every second, so what
    stands there already is not written again."""
    known = {row.job: row[1:] for row in connection.execute(select(JobPlan.job, JobPlan.rule, JobPlan.next_at))}
    for job, rule, next_at in plans:
        if known.pop(job, None) != (rule, next_at):
            values = {"rule": rule, "next_at": next_at}
            statement = insert_or(connection, JobPlan).values(job=job, **values)
            connection.execute(statement.on_conflict_do_update(index_elements=["job"], set_=values))
    if known:
        connection.execute(delete(JobPlan).where(JobPlan.job.in_(known)))


def look_at_jobs(connection: Connection, now: datetime) -> list[JobLook]:
    """Every planned job with its last run, in the order of their names. Runs of times to come are those of a clock that
    was wrong; they would stand for the last ones until then."""
    last = select(JobRun.job, func.max(JobRun.scheduled_for).label("last")).where(JobRun.scheduled_for <= now)
    newest = last.group_by(JobRun.job).subquery()
    statement = (
        select(
            JobPlan.job, JobPlan.rule, JobPlan.next_at, JobRun.scheduled_for, JobRun.status, JobRun.attempts,
            JobRun.finished_at, JobRun.error, JobRun.result,
        )
        .outerjoin(newest, newest.c.job == JobPlan.job)
        .outerjoin(JobRun, and_(JobRun.job == newest.c.job, JobRun.scheduled_for == newest.c.last))
        .order_by(JobPlan.job)
    )  # fmt: skip
    return [JobLook(*row) for row in connection.execute(statement)]


def overdue_since(connection: Connection, now: datetime) -> datetime | None:
    """The first time that a job should have run at and that no scheduler has looked at since; None while one runs,
    and where none ever did. A scheduler plans anew every second, whatever its jobs are at."""
    earliest: datetime | None = connection.execute(select(func.min(JobPlan.next_at))).scalar()
    return earliest if earliest is not None and earliest < now - _OVERDUE else None


def forget_runs(connection: Connection, jobs: Collection[str], before: datetime) -> int:
    """Prune the ended runs of these jobs that were due before an instant: a mailbox that nobody mends fails every five
    minutes, for years."""
    over = JobRun.status != RunStatus.RUNNING
    statement = delete(JobRun).where(JobRun.job.in_(jobs), JobRun.scheduled_for < before, over)
    return connection.execute(statement).rowcount
