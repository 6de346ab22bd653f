"""The receipt of an issue: where every recipient's mail stands, and who could not be reached."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Engine

from db import claims, deliveries, issues, partitions, receipts
from db.deliveries import Counts, Failure
from db.engine import reading
from db.receipts import Deferral, ItemVotes, Pace
from db.states import IssueStatus
from newsletter.clock import Week, iso
from newsletter.deliveries import pacing
from newsletter.named import issue_named
from newsletter.sparing import Sparing


@dataclass(frozen=True, slots=True)
class Receipt:
    """The seven counts add up to the recipients. ``failures`` are all of them, or the first so many that were asked
    for. ``let_go``: it was sent, and its deliveries were taken out of the database since."""

    week: str
    status: str
    counts: Counts
    failures: tuple[Failure, ...]
    waiting_until: datetime | None
    pause_reason: str | None
    trouble: str | None
    let_go: bool

    @property
    def nothing_yet(self) -> str | None:
        """Why it has no recipients; None where it has some."""
        if self.counts.recipients:
            return None
        if self.let_go:
            return "its deliveries were let go, so nobody is counted here"
        match self.status:
            case IssueStatus.DRAFT:
                return "nothing of it went out: it waits for approval"
            case IssueStatus.APPROVED:
                return "nothing of it went out yet; whom it goes to is fixed when its sending starts"
            case IssueStatus.CANCELLED:
                return "nothing of it went out, and nothing will"
            case _:
                return "it has no recipients: there was nobody who may be mailed when its sending started"

    def document(self) -> dict[str, Any]:
        return {
            "issue": self.week,
            "status": self.status,
            "recipients": self.counts.recipients,
            **self.counts._asdict(),
            "waiting_until": iso(self.waiting_until),
            "pause_reason": self.pause_reason,
            "trouble": self.trouble,
            "failures": [
                {"email": row.email, "code": row.code, "reply": row.reply, "at": iso(row.at)} for row in self.failures
            ],
        }


LATELY = timedelta(minutes=1)
_pace: Sparing[Pace] = Sparing()  # no index knows when a message was sent: it would cost each of them


@dataclass(frozen=True, slots=True)
class Progress:
    """Messages a second over the last minute and from the first to the last; the domains where mail waits; and how
    many of those that failed may be tried again."""

    rate: float
    average: float | None
    deferrals: tuple[Deferral, ...]
    missed: int


@dataclass(frozen=True, slots=True)
class Responses:
    """What came back of an issue. Votes are those cast from its start to the next issue's, by tool name."""

    sent: int
    hard: int
    soft: int
    complaints: int
    unsubscribed: int
    votes: tuple[tuple[str, ItemVotes], ...]


def read_receipt(engine: Engine, week: Week, most: int | None = None) -> Receipt:
    """One consistent view, with ``most`` failures or all. Raises NotFoundError."""
    with reading(engine) as connection:
        issue = issue_named(connection, week)
        counts = deliveries.counts(connection, issue.id)
        failed = _pages(lambda after: deliveries.failures(connection, issue.id, after)) if counts.failed else iter(())
        return Receipt(
            issue.week,
            issue.status,
            counts,
            tuple(islice(failed, most)),
            claims.next_attempt_at(connection, issue.id),
            issue.pause_reason,
            issue.trouble,
            issue.started_at is not None and not counts.recipients and partitions.is_let_go(connection, issue.id),
        )


def read_progress(engine: Engine, week: Week, now: datetime) -> Progress:
    """How the sending goes, as of ``now``. Raises NotFoundError."""
    with reading(engine) as connection:
        issue = issue_named(connection, week)
        pace = _pace(engine, (issue.id, issue.status), lambda: receipts.pace(connection, issue.id, now - LATELY))
        waiting = receipts.deferrals(connection, issue.id)
        missed = receipts.count_missed(connection, issue.id, now)
    average = pacing.average(pace.sent, pace.began_at, pace.ended_at)
    return Progress(pace.lately / LATELY.total_seconds(), average, tuple(waiting), missed)


def read_responses(engine: Engine, week: Week) -> Responses | None:
    """None for an issue that did not go out. Raises NotFoundError."""
    from newsletter.issues.values import load_values  # the receipt of a sending has no use for it

    with reading(engine) as connection:
        issue = issue_named(connection, week)
        content = issues.content_of(connection, issue.id)
        if issue.started_at is None or content is None:
            return None
        names = {tool.id: tool.name for tool in load_values(content.content["values"]).items}
        until = receipts.next_start(connection, issue.started_at)
        votes = receipts.votes_between(connection, names, issue.started_at, until)
        kinds = receipts.returned_kinds(connection, issue.id)
        return Responses(
            deliveries.counts(connection, issue.id).sent,
            kinds.get("hard", 0),
            kinds.get("soft", 0),
            kinds.get("complaint", 0),
            receipts.count_unsubscribed(connection, issue.id),
            tuple((names[row.tool_id], row) for row in votes),
        )


def _pages(page: Any) -> Iterator[Failure]:
    after = 0
    while rows := page(after):
        yield from rows
        after = rows[-1].id
