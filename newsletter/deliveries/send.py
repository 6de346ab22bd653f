"""Sending what is due: of one issue or of all that are being sent, to its end."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from db import deliveries, issues, keys, ownership
from db.deliveries import Counts
from db.engine import reading, transaction
from newsletter.clock import Clock, Week, real_now
from newsletter.deliveries.message import Frozen
from newsletter.deliveries.send_issue import Sender, Tally, Work
from newsletter.errors import NotFoundError
from newsletter.settings import Settings, required

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
) -> SendReport:
    """Send until nothing is due any more, or ``stop`` is set. Deferred deliveries wait for a later call.

    May run in several processes at once: they share the ledger. Raises SettingsError before anything is sent.
    """
    required(settings, "title", "from_", "postal_address", "secret_key")
    stop = stop or threading.Event()
    with reading(engine) as connection:
        chosen = [found for found in deliveries.issues_in_sending(connection) if week is None or found[1] == str(week)]
        if week is not None and not chosen and issues.issue_of_week(connection, str(week)) is None:
            raise NotFoundError(f"there is no issue {week}; `newsletter issues list` shows those there are")
    reports = []
    with ownership.owner(engine, clock.now()) as owner:
        for issue_id, name in chosen:
            if not stop.is_set():
                reports.append(_send_issue(engine, settings, clock, owner.name, issue_id, name, stop, progress))
    return SendReport(tuple(reports))


def _send_issue(
    engine: Engine,
    settings: Settings,
    clock: Clock,
    owner: str,
    issue_id: int,
    week: str,
    stop: threading.Event,
    progress: Progress | None,
) -> IssueSent:
    _take_over(engine, issue_id)
    tally = Sender(engine, settings, clock, owner, _work(engine, issue_id, week), stop).run()
    return _settle(engine, clock, issue_id, week, tally)


def _work(engine: Engine, issue_id: int, week: str) -> Work:
    with reading(engine) as connection:
        issue, content = issues.issue_of_week(connection, week), issues.content_of(connection, issue_id)
        assert issue is not None
        assert content is not None
        assert issue.started_at is not None
        frozen = Frozen.load(content.content["message"], content.segments)
        return Work(issue_id, frozen, issue.started_at, keys.link_keys(connection))


def _take_over(engine: Engine, issue_id: int) -> int:
    """Queue again what senders that are gone left in flight."""
    with transaction(engine) as connection:
        owners = deliveries.lease_owners(connection, issue_id)
        certainly, seemingly = ownership.gone_owners(connection, engine, owners)
        if not certainly and not seemingly:
            return 0
        return deliveries.take_over(connection, issue_id, certainly, seemingly, real_now())


def _settle(engine: Engine, clock: Clock, issue_id: int, week: str, tally: Tally) -> IssueSent:
    """Mark the issue sent if its counts reconcile, and say how it stands."""
    with transaction(engine) as connection:
        deliveries.finish_issue(connection, issue_id, clock.now())
        return IssueSent(
            week,
            deliveries.issue_status(connection, issue_id) or "",
            deliveries.counts(connection, issue_id),
            deliveries.next_attempt_at(connection, issue_id),
            tally.trouble,
        )
