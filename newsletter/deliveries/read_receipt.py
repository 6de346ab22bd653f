"""The receipt of an issue: where every recipient's mail stands, and who could not be reached."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from db import deliveries, issues
from db.deliveries import Counts, Failure
from db.engine import reading
from newsletter.clock import Week, iso
from newsletter.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class Receipt:
    """The seven counts add up to the recipients."""

    week: str
    status: str
    counts: Counts
    failures: tuple[Failure, ...]
    waiting_until: datetime | None
    pause_reason: str | None

    def document(self) -> dict[str, Any]:
        return {
            "issue": self.week,
            "status": self.status,
            "recipients": self.counts.recipients,
            **self.counts._asdict(),
            "waiting_until": iso(self.waiting_until),
            "pause_reason": self.pause_reason,
            "failures": [
                {"email": row.email, "code": row.code, "reply": row.reply, "at": iso(row.at)} for row in self.failures
            ],
        }


def read_receipt(engine: Engine, week: Week) -> Receipt:
    """One consistent view. Raises NotFoundError."""
    with reading(engine) as connection:
        issue = issues.issue_of_week(connection, str(week))
        if issue is None:
            raise NotFoundError(f"there is no issue {week}; `newsletter issues list` shows those there are")
        pages = _pages(lambda after: deliveries.failures(connection, issue.id, after))
        return Receipt(
            issue.week,
            issue.status,
            deliveries.counts(connection, issue.id),
            tuple(pages),
            deliveries.next_attempt_at(connection, issue.id),
            issue.pause_reason,
        )


def _pages(page: Any) -> Iterator[Failure]:
    after = 0
    while rows := page(after):
        yield from rows
        after = rows[-1].id
