"""What a restored backup is told of the database that it replaces, so that nobody who left since is mailed again."""

import sqlite3
from collections.abc import Callable, Collection
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from db.backups import SAME_KEY, attach_its_own, read_only
from db.deliveries import move_issue, status_is
from db.engine import reading, transaction
from db.issues import void_approval
from db.models import AuditEntry, Delivery, Issue, JobRun, Subscriber, SubscriberEvent
from db.outcome_log import drop, tell_of_gone
from db.ownership import gone_owners
from db.restoring_choices import carry_choices
from db.restoring_issues import carry_issues, forget_strangers
from db.states import IssueStatus

_T = TypeVar("_T")


class Carried(NamedTuple):
    """``left`` counts those who read in the backup and had left, bounced or complained since, ``chose_less`` those who
    had fewer categories or a longer pause. ``erased`` are addresses that the backup still holds of people who were
    erased since, ``outcomes`` counts deliveries of which more is known now, ``sent`` are the weeks that went out since
    and could not be brought over, and ``untouched`` those of approved and sending issues to which nothing happened
    since. Not ``whole``: pages of the old file were damaged, and these are of people alone, or of who left alone."""

    left: int
    chose_less: int
    suppressed: int
    erased: list[str]
    outcomes: int
    sent: list[str]
    untouched: list[str]
    whole: bool


# Of these columns every schema since the first has all. Times are text, the same in both.
_HOLDS = "SELECT " + " OR ".join(f"EXISTS (SELECT 1 FROM old.{name})" for name in ("subscribers", "issues", "tools"))  # noqa: S608
# Whoever was erased and signed up anew has another id since.
_ERASED = """
    SELECT here.email FROM main.subscribers AS here JOIN old.subscribers AS there USING (email_hash)
    WHERE here.id < there.id
    UNION SELECT held.email FROM old.suppressions AS gone
    JOIN (SELECT email, email_hash FROM main.subscribers UNION SELECT email, email_hash FROM main.suppressions) AS held
        ON held.email_hash = gone.email_hash
    WHERE gone.email IS NULL AND held.email IS NOT NULL
"""
_SENT = """
    SELECT week FROM old.issues WHERE started_at IS NOT NULL
        AND (week, started_at) NOT IN (SELECT week, started_at FROM main.issues WHERE started_at IS NOT NULL)
    ORDER BY week
"""
_UNTOUCHED = """
    SELECT week FROM main.issues AS here JOIN old.issues AS there USING (week)
    WHERE here.status IN ('approved', 'sending') AND here.status = there.status AND here.revision = there.revision
        AND here.updated_at IS there.updated_at AND here.approved_at IS there.approved_at
        AND here.send_at IS there.send_at AND here.started_at IS there.started_at
        AND (SELECT count(*) FROM main.deliveries WHERE issue_id = here.id AND status = 'queued')
            = (SELECT count(*) FROM old.deliveries WHERE issue_id = there.id AND status = 'queued')
        AND (SELECT count(*) FROM main.deliveries WHERE issue_id = here.id AND status = 'sent')
            = (SELECT count(*) FROM old.deliveries WHERE issue_id = there.id AND status = 'sent')
"""
# An operator may have lifted a complaint or an entry of their own since; that is theirs to do again.
_SUPPRESS = """
    INSERT INTO main.suppressions (email_hash, email, reason, at, note)
    SELECT email_hash, email, reason, at, note FROM old.suppressions AS known
    WHERE NOT EXISTS (
        SELECT 1 FROM main.subscribers AS back WHERE back.email_hash = known.email_hash AND back.state = 'active'
            AND back.state_since > known.at
    )
    ON CONFLICT (email_hash) DO UPDATE SET email = excluded.email, at = excluded.at, note = excluded.note,
        reason = CASE WHEN reason IN ('complained', 'manual') AND excluded.reason NOT IN ('complained', 'manual')
            THEN reason ELSE excluded.reason END
"""
_LEFT = """
    FROM old.subscribers AS gone WHERE gone.email_hash = subscribers.email_hash
        AND gone.state IN ('unsubscribed', 'bounced', 'complained')
        AND subscribers.state NOT IN (gone.state, 'complained') AND gone.state_since >= subscribers.state_since
"""
_FORGET_LETTERS = f"""
    DELETE FROM main.letters WHERE status = 'queued' AND kind IN ('confirm', 'welcome')
        AND subscriber_id IN (SELECT id FROM main.subscribers WHERE EXISTS (SELECT 1 {_LEFT}))
"""  # noqa: S608
# What waited then and went out since does not go out twice.
_LETTERS = """
    UPDATE main.letters AS here SET status = since.status, attempts = since.attempts, lease_owner = NULL,
        lease_until = NULL, finished_at = since.finished_at, reply = since.reply
    FROM old.letters AS since
    WHERE since.id = here.id AND since.email = here.email AND since.created_at = here.created_at
        AND here.status IN ('queued', 'sending') AND since.status IN ('sent', 'failed')
"""
_LEAVE = f"UPDATE main.subscribers SET state = gone.state, state_since = gone.state_since {_LEFT}"  # noqa: S608
# Whoever came and left since is a stranger to the backup, and must not come in by an older list.
_CAME_AND_LEFT = """
    INSERT INTO main.suppressions (email_hash, email, reason, at, note)
    SELECT email_hash, email, 'unsubscribed', state_since, 'left before a backup was restored' FROM old.subscribers
    WHERE state = 'unsubscribed' AND email_hash NOT IN (SELECT email_hash FROM main.subscribers)
    ON CONFLICT DO NOTHING
"""
# Whoever signed up anew after an erasure is who they are since: nothing of before, and their new consent.
_CAME_BACK = """
    FROM old.subscribers AS back WHERE back.state = 'active'
        AND back.email_hash IN (SELECT email_hash FROM main.suppressions WHERE reason = 'erased')
        AND back.email_hash NOT IN (SELECT email_hash FROM old.suppressions)
"""
_CONSENT_ANEW = f"""
    INSERT INTO main.consents (subscriber_id, at, source, address, form, words, asked_at, confirmed_from)
    SELECT subscriber_id, at, source, address, form, words, asked_at, confirmed_from FROM old.consents
    WHERE subscriber_id IN (SELECT back.id {_CAME_BACK}) ORDER BY id
"""  # noqa: S608
_SUBSCRIBE_ANEW = f"""
    INSERT INTO main.subscribers (id, email, email_hash, name, state, format, selection, paused_until, soft_bounces,
        soft_bounced_since, created_at, state_since)
    SELECT id, email, email_hash, name, state, format, selection, paused_until, soft_bounces,
        soft_bounced_since, created_at, state_since {_CAME_BACK}
"""
_LIFT = """
    DELETE FROM main.suppressions WHERE reason = 'erased' AND email_hash IN (SELECT email_hash FROM main.subscribers)
"""
# Links in mail hold these ids: none is ever given to somebody else.
_IDS = """
    UPDATE main.sqlite_sequence
    SET seq = max(seq, (SELECT gone.seq FROM old.sqlite_sequence AS gone WHERE gone.name = sqlite_sequence.name))
    WHERE name IN (SELECT name FROM old.sqlite_sequence)
"""
_NEW_IDS = """
    INSERT INTO main.sqlite_sequence (name, seq) SELECT name, seq FROM old.sqlite_sequence
    WHERE name IN ('subscribers', 'deliveries') AND name NOT IN (SELECT name FROM main.sqlite_sequence)
"""
# The timetable does not do again what it did since, or was at when it ended.
_RUNS = """
    INSERT INTO main.job_runs (job, scheduled_for, status, attempts, owner, lease_until, started_at, finished_at)
    SELECT job, scheduled_for, CASE status WHEN 'running' THEN 'missed' ELSE status END, attempts, owner, lease_until,
        started_at, coalesce(finished_at, started_at)
    FROM old.job_runs WHERE job = 'send'
        OR (job IN ('compose', 'remind') AND scheduled_for <= (SELECT max(started_at) FROM old.issues))
    ON CONFLICT (job, scheduled_for) DO UPDATE SET status = excluded.status, finished_at = excluded.finished_at
"""
# Who follows the events remembers the number of the last one, and numbers are given once.
_EVENTS = (
    """UPDATE main.subscriber_events AS here SET number = since.number FROM old.subscriber_events AS since
       WHERE since.id = here.id AND since.at = here.at AND since.what = here.what AND here.number IS NULL""",
    """INSERT INTO main.subscriber_events (id, number, at, what, subscriber_id, issue_id)
       SELECT id, number, at, what, subscriber_id, issue_id FROM old.subscriber_events
       WHERE id > (SELECT coalesce(max(id), 0) FROM main.subscriber_events)""",
    """UPDATE main.webhooks AS here SET after = max(here.after, since.after) FROM old.webhooks AS since
       WHERE since.id = here.id AND since.name = here.name""",
)
_ALIKE = "SELECT (SELECT version_num FROM main.alembic_version) = (SELECT version_num FROM old.alembic_version)"


def is_strangers(backup: Path, database: Path) -> bool:
    """Whether the database is not the one that this is a backup of, and holds what somebody would miss. No, where it
    cannot be read."""
    with closing(sqlite3.connect(f"{read_only(backup)}&immutable=1", uri=True)) as connection:
        if attach_its_own(connection, database):
            return False
        with suppress(sqlite3.Error):
            tables = {row[0] for row in connection.execute("SELECT name FROM old.sqlite_master WHERE type = 'table'")}
            if "keys" not in tables:
                return bool(tables - {"alembic_version"})
            connection.execute(SAME_KEY).fetchone()  # where its keys are damaged, whose it is cannot be read
            return bool(connection.execute(_HOLDS).fetchone()[0])
        return False


def carry_over(old: Path, restored: Path) -> Carried | None:
    """None where the old file cannot be read, or is another installation's. ``restored`` is at the newest schema."""
    ways = (_carry, _carry_people, _carry_who_left)  # the fewer pages one reads, the fewer can be damaged
    return next((found for carry in ways if (found := _with_both(old, restored, carry)) is not None), None)


def bring_back(old: Path, restored: Path) -> None:
    """Once all who were erased since are erased from ``restored``: those of them who signed up anew come back, and the
    addresses of those who are strangers to it go."""
    _with_both(old, restored, _come_back)


def _with_both(old: Path, restored: Path, carry: Callable[[sqlite3.Connection], _T]) -> _T | None:
    with closing(sqlite3.connect(restored, isolation_level=None, uri=True)) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        if not attach_its_own(connection, old):
            return None
        try:
            connection.execute("BEGIN IMMEDIATE")
            carried = carry(connection)
            connection.execute("COMMIT")
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:  # its pages are damaged
            return None
        return carried


def _carry(connection: sqlite3.Connection) -> Carried:
    people = _carry_people(connection)
    untouched = [row[0] for row in connection.execute(_UNTOUCHED)]
    alike = bool(connection.execute(_ALIKE).fetchone()[0])
    outcomes = carry_issues(connection, alike=alike)
    sent = [row[0] for row in connection.execute(_SENT)]
    for statement in (_LETTERS, _RUNS, *(_EVENTS if alike else ())):
        connection.execute(statement)
    return people._replace(outcomes=outcomes, sent=sent, untouched=untouched, whole=True)


def _carry_people(connection: sqlite3.Connection) -> Carried:
    people = _carry_who_left(connection)
    chose_less = carry_choices(connection)
    connection.execute(_IDS)
    connection.execute(_NEW_IDS)
    return people._replace(chose_less=chose_less)


def _carry_who_left(connection: sqlite3.Connection) -> Carried:
    erased = [row[0] for row in connection.execute(_ERASED)]
    known = connection.execute("SELECT count(*) FROM main.suppressions").fetchone()[0]
    connection.execute(_SUPPRESS)
    connection.execute(_FORGET_LETTERS)
    left = connection.execute(_LEAVE).rowcount
    connection.execute(_CAME_AND_LEFT)
    suppressed = connection.execute("SELECT count(*) FROM main.suppressions").fetchone()[0] - known
    return Carried(left, 0, suppressed, sorted(set(erased)), 0, [], [], whole=False)


def _come_back(connection: sqlite3.Connection) -> None:
    for statement in (_CONSENT_ANEW, _SUBSCRIBE_ANEW, _LIFT):
        connection.execute(statement)
    forget_strangers(connection)


def hold_issues(connection: Connection, reason: str, now: datetime, but: Collection[str]) -> list[str]:
    """Nothing but these weeks goes out before a person has looked: what was being sent pauses, and approvals are void.
    Returns the weeks."""
    going = (IssueStatus.SENDING, IssueStatus.APPROVED)
    wanted = select(Issue.id, Issue.week).where(Issue.status.in_(going), Issue.week.not_in(but))
    held = connection.execute(wanted.order_by(Issue.week)).all()
    for issue_id, _ in held:
        if not move_issue(connection, issue_id, (IssueStatus.SENDING,), IssueStatus.PAUSED, now, reason):
            void_approval(connection, issue_id, now)
    return [week for _, week in held]


def is_being_sent(engine: Engine) -> bool:
    """Whether somebody who lives is sending an issue of this database; no, where it cannot be read."""
    try:
        with reading(engine) as connection:
            owners = _holders(connection)
            certainly, seemingly = gone_owners(connection, engine, owners)
    except (SQLAlchemyError, OSError):
        return False
    return bool(owners - certainly - seemingly)


def hear_of_killed(engine: Engine) -> None:
    """The database that is replaced learns what killed senders had not told it yet, where it can be written to."""
    with suppress(SQLAlchemyError, OSError):
        with transaction(engine) as connection:
            gone, _ = gone_owners(connection, engine, _holders(connection))
            tell_of_gone(connection, engine, gone)
        drop(engine, gone)


def _holders(connection: Connection) -> set[str]:
    held = select(Delivery.lease_owner).where(status_is("sending")).distinct()
    return {name for name in connection.scalars(held) if name}


def newest_entry(connection: Connection) -> datetime | None:
    """When something was last noted; a backup is about as old."""
    columns = (AuditEntry.at, JobRun.started_at, SubscriberEvent.at, Subscriber.created_at, Issue.updated_at)
    found = [connection.scalar(select(func.max(column))) for column in columns]
    return max((at for at in found if at is not None), default=None)
