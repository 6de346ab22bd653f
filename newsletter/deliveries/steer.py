"""Pausing, resuming and cancelling an issue that is on its way, and sending it again to whom it did not reach.

Senders look for it several times a second.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from db import deliveries, drafts, issues, receipts
from db.engine import transaction
from db.states import IssueStatus
from newsletter.clock import Week
from newsletter.english import counted
from newsletter.errors import RefusedError
from newsletter.named import issue_named

_PAUSABLE = (IssueStatus.SENDING,)
_RESUMABLE = (IssueStatus.PAUSED,)
_RESENDABLE = (IssueStatus.SENT, IssueStatus.PAUSED)
_CANCELLABLE = (IssueStatus.DRAFT, IssueStatus.APPROVED, IssueStatus.SENDING, IssueStatus.PAUSED)


def pause_issue(engine: Engine, week: Week, now: datetime, reason: str | None = None) -> None:
    """sending → paused: within a second no further message begins."""
    with transaction(engine) as connection:
        _move(connection, week, _PAUSABLE, IssueStatus.PAUSED, now, reason)


def resume_issue(engine: Engine, week: Week, now: datetime) -> None:
    """paused → sending: a sender goes on where it stopped."""
    with transaction(engine) as connection:
        _move(connection, week, _RESUMABLE, IssueStatus.SENDING, now)


@dataclass(frozen=True, slots=True)
class CancelReport:
    """How many will not get the issue, and how many a sender held when it was cancelled: of those, the ones that are
    on their way finish, and the others are skipped when that sender settles. ``releases`` counts those that the next
    issue takes in, for nobody got this one; None where its sending had begun."""

    skipped: int
    held: int
    releases: int | None = None

    @property
    def words(self) -> str:
        if self.releases is not None:
            some = counted(self.releases, "release goes", "releases go")
            return f"nobody gets it, and its {some} into the next issue of the four weeks after it"
        spared = f"{counted(self.skipped, 'recipient')} will not get it"
        if not self.held:
            return spared
        return f"{spared}; of {self.held} more in sending, nobody whose mail has not left yet will get it either"


def cancel_issue(engine: Engine, week: Week, now: datetime) -> CancelReport:
    """draft, approved, sending or paused → cancelled, for good. What was to be in an issue that nobody got is still
    news: its releases come late, in the next one."""
    with transaction(engine) as connection:
        if not _has_begun(connection, week):  # else it is not held, since skipping millions takes minutes
            drafts.hold_composing(connection)
        issue_id = _move(connection, week, _CANCELLABLE, IssueStatus.CANCELLED, now)
        if not _has_begun(connection, week):  # as it is now that nobody else can start it
            drafts.close_ranks(connection, issue_id)
            return CancelReport(0, 0, drafts.hand_on(connection, issue_id))
        skipped = deliveries.skip_cancelled(connection, issue_id, now)
        return CancelReport(skipped, deliveries.counts(connection, issue_id).sending)


def _has_begun(connection: Connection, week: Week) -> bool:
    issue = issues.issue_of_week(connection, str(week))
    return issue is not None and issue.started_at is not None


def send_to_missed(engine: Engine, week: Week, now: datetime) -> int:
    """Queue again what failed for readers who may be mailed; a sent issue is sending again. Returns how many.

    Who left, bounced or is suppressed gets nothing, nor does who was given this issue already. Raises NotFoundError,
    and RefusedError where nobody is left to reach.
    """
    with transaction(engine) as connection:
        issue = issue_named(connection, week)
        if issue.status not in _RESENDABLE:
            raise RefusedError(f"issue {week} is {issue.status}; only one that is sent or paused goes to the missed")
        queued = receipts.queue_missed(connection, issue.id, now)
        if not queued:
            raise RefusedError(f"nobody whom issue {week} failed to reach may be mailed now")
        deliveries.move_issue(connection, issue.id, (IssueStatus.SENT,), IssueStatus.SENDING, now)
        return queued


def _move(
    connection: Connection,
    week: Week,
    allowed: tuple[str, ...],
    status: str,
    now: datetime,
    reason: str | None = None,
) -> int:
    issue = issue_named(connection, week)
    if not deliveries.move_issue(connection, issue.id, allowed, status, now, reason):
        possible = " or ".join(allowed)
        raise RefusedError(f"issue {week} is {issue.status}; only one that is {possible} can become {status}")
    return issue.id
