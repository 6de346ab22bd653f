"""Claims runs of the timetable's jobs, each once, whoever asks first.

What is due is computed from ``job_runs``, at the start and at every tick, so nothing is lost with a process. Two
services ask the same database, and its constraint lets one of them begin. A run whose process is gone is begun again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from db import runs as rows
from db.engine import transaction
from db.ownership import gone_owners
from db.runs import Run
from db.states import RunStatus
from scheduler.timetable import Job, due, next_time

FOUND_TOO_LATE = "found too late to go on"
LEASE = timedelta(minutes=2)
"""On real time; a service extends the leases of its runs every few seconds."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that is ours to do now. ``attempt`` is 1 for the first."""

    run_id: int
    job: Job
    scheduled_for: datetime
    attempt: int = 1


@dataclass(slots=True)
class Claims:
    """What one look at the timetable found. ``given_up`` were begun by others, and why they are not begun again."""

    begun: list[Claim] = field(default_factory=list)
    missed: list[tuple[Job, datetime]] = field(default_factory=list)
    given_up: list[tuple[Claim, str]] = field(default_factory=list)


def claim_due(
    engine: Engine, jobs: Sequence[Job], owner: str, now: datetime, real_now: datetime,
    hand_out: Callable[[Connection, Claim], bool] = lambda connection, claim: False,
) -> Claims:  # fmt: skip
    """Begin what has come due, and what others left unfinished.

    What ``hand_out`` says that it has passed on, in the same transaction, is left out: another process will begin it.
    """
    claims = Claims()
    with transaction(engine) as connection:
        _claim_new(connection, jobs, owner, now, real_now, claims)
        _claim_left(connection, engine, {job.name: job for job in jobs}, owner, now, real_now, claims)
        plans = [(job.name, str(job.rule), next_time(job, now)) for job in jobs]
        rows.write_plans(connection, plans)
        claims.begun = [claim for claim in claims.begun if not hand_out(connection, claim)]
    return claims


def take(engine: Engine, run_id: int, giver: str, owner: str, jobs: Sequence[Job], real_now: datetime) -> Claim | None:
    """Begin a run that was handed out; None when somebody else has it by now."""
    with transaction(engine) as connection:
        run = rows.hand_over_run(connection, run_id, giver, owner, real_now + LEASE)
    if run is None:
        return None
    return Claim(run.id, next(job for job in jobs if job.name == run.job), run.scheduled_for, run.attempts)


def keep(engine: Engine, owner: str, claims: Sequence[Claim], real_now: datetime) -> None:
    """Extend the leases of runs under way."""
    if claims:
        with transaction(engine) as connection:
            rows.extend_leases(connection, owner, [claim.run_id for claim in claims], real_now + LEASE)


def _claim_new(
    connection: Connection, jobs: Sequence[Job], owner: str, now: datetime, real_now: datetime, claims: Claims
) -> None:
    last = rows.last_times(connection, now)
    for job in jobs:
        found = due(job, last.get(job.name), now)
        for scheduled_for in found.missed:
            if rows.record_missed(connection, job.name, scheduled_for, owner, now):
                claims.missed.append((job, scheduled_for))
        for scheduled_for in found.run:
            run_id = rows.claim_run(connection, job.name, scheduled_for, owner, now, real_now + LEASE)
            if run_id is not None:
                claims.begun.append(Claim(run_id, job, scheduled_for))


def _claim_left(
    connection: Connection,
    engine: Engine,
    jobs: dict[str, Job],
    owner: str,
    now: datetime,
    real_now: datetime,
    claims: Claims,
) -> None:
    left = [run for run in rows.unfinished_runs(connection, real_now) if run.job in jobs]
    others = {run.owner for run in left if run.status == RunStatus.RUNNING and run.owner != owner}
    certainly, seemingly = gone_owners(connection, engine, others) if others else (set[str](), set[str]())
    for run in left:
        abandoned = run.owner in certainly or (run.owner in seemingly and run.lease_until < real_now)
        if run.status == RunStatus.FAILED or abandoned:
            _begin_again(connection, run, jobs[run.job], owner, now, real_now, claims)


def _begin_again(
    connection: Connection, run: Run, job: Job, owner: str, now: datetime, real_now: datetime, claims: Claims
) -> None:
    if not rows.take_over_run(connection, run, owner, now, real_now + LEASE):
        return
    claim = Claim(run.id, job, run.scheduled_for, run.attempts + 1)
    late = now - run.scheduled_for > job.late
    if run.attempts < job.attempts and not late:
        claims.begun.append(claim)
    elif late and not job.each:  # nothing is lost: the next run looks at everything
        rows.finish_run(connection, run.id, owner, RunStatus.MISSED, now, error=FOUND_TOO_LATE)
    else:
        why = FOUND_TOO_LATE if late else "its process ended in the middle, every time"
        rows.finish_run(connection, run.id, owner, RunStatus.FAILED, now, error=why)
        claims.given_up.append((claim, why))
