"""Domains that asked to wait: until when, how fast they go on, and when what waits for one is given up."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, case, delete, exists, or_, select, update

from db.deliveries import is_missed, is_waiting, status_is
from db.models import Delivery, DomainPause, Issue
from db.states import DeliveryStatus
from db.upsert import insert_or

STOOD_STILL = timedelta(hours=12)  # what was due for so long waited for us, and not for its domain


def pause_domain(connection: Connection, domain: str, until: datetime, reason: str, now: datetime) -> bool:
    """Deliveries to this domain wait; they are put off when they are claimed. A longer pause is not cut short.

    True when it did not pause until now.
    """
    before = connection.scalar(select(DomainPause.until).where(DomainPause.domain == domain))
    if before is None or before < until:
        values = {"until": until, "reason": reason}
        connection.execute(
            insert_or(connection, DomainPause)
            .values(domain=domain, **values)
            .on_conflict_do_update(index_elements=[DomainPause.domain], set_=values)
        )
    return before is None or before <= now


def slow_domain(connection: Connection, line: str, rate: float, until: datetime) -> None:
    """From ``until`` on, or from the end of its pause, a domain or receiver gets so many messages a second."""
    later = case((DomainPause.until > until, DomainPause.until), else_=until)
    connection.execute(
        insert_or(connection, DomainPause)
        .values(domain=line, until=until, reason="", rate=rate)
        .on_conflict_do_update(index_elements=[DomainPause.domain], set_={"rate": rate, "until": later})
    )


def slowed_domains(connection: Connection, since: datetime) -> list[tuple[str, float, datetime]]:
    """(line, rate, from when on) of those that asked for less since then."""
    wanted = select(DomainPause.domain, DomainPause.rate, DomainPause.until)
    rows = connection.execute(wanted.where(DomainPause.rate.is_not(None), DomainPause.until > since))
    return [(row.domain, row.rate, row.until) for row in rows]


def forget_pauses(connection: Connection, before: datetime) -> int:
    """Drop the pauses of domains that were over before an instant, with the rates that they left."""
    return connection.execute(delete(DomainPause).where(DomainPause.until < before)).rowcount


def paused_domains(connection: Connection, now: datetime) -> dict[str, datetime]:
    """The domains that pause, and until when."""
    rows = connection.execute(select(DomainPause.domain, DomainPause.until).where(DomainPause.until > now))
    return {row.domain: row.until for row in rows}


def paused_since(connection: Connection, domain: str, since: datetime) -> bool:
    """Whether a pause of a domain ended after an instant, or lasts."""
    return bool(connection.scalar(select(exists().where(DomainPause.domain == domain, DomainPause.until > since))))


def took_any(connection: Connection, issue_id: int, domain: str, since: datetime) -> bool:
    """Whether a domain took a message of an issue after an instant."""
    taken = exists().where(_of_domain(issue_id, domain), status_is("sent"), Delivery.finished_at > since)
    return bool(connection.scalar(select(taken)))


def give_up_domain(
    connection: Connection, issue_id: int, domain: str, since: datetime, reply: str, now: datetime
) -> None:
    """What waits for a domain from before an instant fails, though no reply was to it, and so does what was tried
    since: another 72 hours would hold the issue open. What may have arrived stays uncertain, untried."""
    long = or_(Delivery.first_attempt_at <= since, Delivery.attempts > 0)
    here = and_(_of_domain(issue_id, domain), is_waiting(), long, Delivery.next_attempt_at > now - STOOD_STILL)
    connection.execute(update(Delivery).where(here, status_is("uncertain")).values(next_attempt_at=None))
    ended = {"status": DeliveryStatus.FAILED, "next_attempt_at": None, "finished_at": now, "code": None, "reply": reply}
    connection.execute(update(Delivery).where(here, status_is("deferred")).values(ended))


def gave_up_domain(connection: Connection, issue_id: int, domain: str, since: datetime) -> bool:
    """Whether those who had waited for a domain from before an instant failed with it after that. What was on its way
    then did not."""
    old_enough = Issue.id == Delivery.issue_id, Issue.started_at <= since  # else none of its rows is looked at
    unasked = Delivery.code.is_(None), Delivery.first_attempt_at <= since, Delivery.finished_at > since
    failed = exists().where(*old_enough, _of_domain(issue_id, domain), is_missed(), status_is("failed"), *unasked)
    return bool(connection.scalar(select(failed)))


def _of_domain(issue_id: int, domain: str) -> ColumnElement[bool]:
    return and_(Delivery.issue_id == issue_id, Delivery.email.endswith(f"@{domain}", autoescape=True))
