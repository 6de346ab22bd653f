"""Sending what is due: of one issue or of all that are being sent, to its end."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from db import claims, deliveries, domains, issues, keys, outcome_log, ownership
from db.deliveries import Counts
from db.engine import reading, shared_now, transaction
from db.states import IssueStatus
from newsletter.clock import Clock, Week, real_now
from newsletter.deliveries.assembling import Work
from newsletter.deliveries.message import Frozen
from newsletter.deliveries.pacing import Queue, Slowed, spread
from newsletter.deliveries.read_keys import left_out, signers_of
from newsletter.deliveries.send_issue import Sender, Tally
from newsletter.deliveries.senders import WORTH_A_PROCESS, helpers, how_many
from newsletter.logs import redacted
from newsletter.named import issue_named
from newsletter.settings import Settings, required_to_send

if TYPE_CHECKING:
    from newsletter.deliveries.dkim import Signer

SKEW = timedelta(minutes=1)
"""By how much the clocks of machines may differ: a lease of another machine has to be past for so long."""

Progress = Callable[[str, Counts], None]


@dataclass(frozen=True, slots=True)
class IssueSent:
    """How an issue stands when its sending came to rest. ``trouble`` says why it could not go on."""

    week: str
    status: str
    counts: Counts
    waiting_until: datetime | None
    trouble: str | None


@dataclass(frozen=True, slots=True)
class SendReport:
    issues: tuple[IssueSent, ...]


def send_due(
    engine: Engine,
    settings: Settings,
    clock: Clock,
    week: Week | None = None,
    stop: threading.Event | None = None,
    progress: Progress | None = None,
    *,
    apart: bool = False,
) -> SendReport:
    """Send until nothing is due any more, or ``stop`` is set. Deferred deliveries wait for a later call.

    May run in several processes at once: they share the ledger. With ``apart`` processes of their own send what is
    much, so that whoever calls has its interpreter for itself, as the web app needs it. ``progress`` hears the counts
    about every second, in a thread of its own, and at the end. Raises SettingsError before anything is sent.
    """
    check_ready(settings)
    stop = stop or threading.Event()
    with reading(engine) as connection:
        chosen = [found for found in deliveries.issues_in_sending(connection) if week is None or found[1] == str(week)]
        if week is not None and not chosen:
            issue_named(connection, week)  # a week that has none is refused
    _settle_cancelled(engine, clock)
    reports = []
    for issue_id, name in chosen:
        if not stop.is_set():
            tell = _telling(engine, issue_id, name, progress) if progress else None
            tally = _send_issue(engine, settings, clock, issue_id, Week.parse(name), stop, tell, apart=apart)
            reports.append(_settle(engine, clock, issue_id, name, tally))
            if progress is not None:
                progress(name, reports[-1].counts)
    return SendReport(tuple(reports))


def send_share(
    engine: Engine, settings: Settings, clock: Clock, week: Week, stop: threading.Event, processes: int,
    tell: Callable[[], None] | None = None,
) -> Tally:  # fmt: skip
    """One of so many processes that send an issue, until nothing of it is due."""
    signers = signers_of(settings)
    with reading(engine) as connection:
        issue = issues.issue_of_week(connection, str(week))
    if issue is None:
        return Tally()
    with ownership.owner(engine, real_now()) as owner:
        while True:
            _take_over(engine, issue.id)
            work = _work(engine, settings, issue.id, str(week), signers)
            pace = _pace(engine, settings, clock, work)
            slowed = _slowed(engine, clock)
            tally = Sender(engine, settings, clock, owner.name, work, stop, processes, tell, pace, slowed).run()
            if tally.trouble or stop.is_set() or not _goes_on(engine, clock, issue.id):
                return tally


def _telling(engine: Engine, issue_id: int, week: str, progress: Progress) -> Callable[[], None]:
    def tell() -> None:
        with reading(engine) as connection:
            counted = deliveries.counts(connection, issue_id)
        progress(week, counted)

    return tell


def check_ready(settings: Settings) -> None:
    """Raises SettingsError naming what an issue cannot be sent without."""
    required_to_send(settings)
    signers_of(settings)


def _send_issue(
    engine: Engine, settings: Settings, clock: Clock, issue_id: int, week: Week, stop: threading.Event,
    tell: Callable[[], None] | None, *, apart: bool,
) -> Tally:  # fmt: skip
    """With helpers where signing keeps more than one core busy, and by helpers alone where this process has to answer.

    What helpers could not do is tried here too, for this process tells why.
    """
    with reading(engine) as connection:
        left = claims.lease_owners(connection, issue_id)
        if not left and not claims.has_work(connection, issue_id, clock.now()):
            return Tally()
        connections = sum(relay.connections for relay in settings.smtp)
        waiting = deliveries.count_queued(connection, issue_id, limit=connections * WORTH_A_PROCESS)
    processes = how_many(settings, waiting, apart=apart)
    if apart and waiting >= WORTH_A_PROCESS:
        with helpers(send_share, processes, processes, engine, settings, clock, week, stop):
            pass
        return send_share(engine, settings, clock, week, stop, processes, tell)
    with helpers(send_share, processes - 1, processes, engine, settings, clock, week, stop):
        return send_share(engine, settings, clock, week, stop, processes, tell)


def _work(engine: Engine, settings: Settings, issue_id: int, week: str, signers: "tuple[Signer, ...]") -> Work:
    with reading(engine) as connection:
        issue, content = issues.issue_of_week(connection, week), issues.content_of(connection, issue_id)
        assert issue is not None
        assert content is not None
        assert issue.started_at is not None
        frozen = Frozen.load(content.content["message"], content.segments)
        unsigned = left_out(settings) if signers else ()
        return Work(issue_id, frozen, issue.started_at, keys.link_keys(connection), signers, unsigned)


def _pace(engine: Engine, settings: Settings, clock: Clock, work: Work) -> Queue | None:
    """The line that an issue's messages stand in where NEWSLETTER_FINISH_WITHIN spreads them."""
    if settings.finish_within is None:
        return None
    with reading(engine) as connection:
        counted = deliveries.counts(connection, work.issue_id)
    rate = spread(counted.queued + counted.sending, clock.now() - work.date, settings.finish_within)
    return Queue(f"issue {work.issue_id}", rate) if rate else None


def _slowed(engine: Engine, clock: Clock) -> dict[str, Slowed]:
    """The receivers that said within a day that it was too much."""
    with reading(engine) as connection:
        found = domains.slowed_domains(connection, clock.now() - timedelta(days=1))
    return {line: Slowed(rate, since) for line, rate, since in found}


def _settle_cancelled(engine: Engine, clock: Clock) -> None:
    """What a sender held of a cancelled issue when it died, or gave back just before, is skipped, for nobody sends that
    issue again."""
    with reading(engine) as connection:
        cancelled = deliveries.cancelled_and_open(connection)
    for issue_id in cancelled:
        _take_over(engine, issue_id)
        with transaction(engine) as connection:
            deliveries.skip_cancelled(connection, issue_id, clock.now())


def _goes_on(engine: Engine, clock: Clock, issue_id: int) -> bool:
    """Whether there is more to send: a machine that stood still past its leases stops and begins anew; and a sender
    that is certainly gone still holds some."""
    with transaction(engine) as connection:
        if deliveries.issue_status(connection, issue_id) != IssueStatus.SENDING:
            return False
        owners = claims.lease_owners(connection, issue_id)
        gone = ownership.gone_owners(connection, engine, owners)[0]
        return bool(gone) or claims.has_work(connection, issue_id, clock.now())


def _take_over(engine: Engine, issue_id: int) -> None:
    """Queue again what senders that are gone left in flight."""
    with transaction(engine) as connection:
        owners = claims.lease_owners(connection, issue_id)
        certainly, seemingly = ownership.gone_owners(connection, engine, owners)
        if not certainly and not seemingly:
            return
        outcome_log.tell_of_gone(connection, engine, certainly)
        claims.take_over(connection, issue_id, certainly, seemingly, shared_now(connection) - SKEW)
    outcome_log.drop(engine, certainly)


def _settle(engine: Engine, clock: Clock, issue_id: int, week: str, tally: Tally) -> IssueSent:
    """Mark the issue sent if its counts reconcile, and say how it stands.

    Counted first, and marked by what was counted: another sender may commit the last of it in between, and marks it
    then. Nobody hears of an issue that is being sent with nothing left to send.
    """
    with transaction(engine) as connection:
        deliveries.skip_cancelled(connection, issue_id, clock.now())
        counted = deliveries.counts(connection, issue_id)
        if not counted.queued and not counted.sending:
            deliveries.finish_issue(connection, issue_id, clock.now())
        deliveries.note_trouble(connection, issue_id, redacted(tally.trouble) if tally.trouble else None)
        return IssueSent(
            week,
            deliveries.issue_status(connection, issue_id) or "",
            counted,
            claims.next_attempt_at(connection, issue_id),
            tally.trouble,
        )
