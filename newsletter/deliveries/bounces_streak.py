"""When soft bounces have lasted long enough to give an address up: three issues in a row, over at least 15 days.

A row ends at the newest issue: one that arrived in between, or since, resets it. The ledger is the memory, so reports
may come late and out of order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

IN_A_ROW = 3
OVER = timedelta(days=15)


@dataclass(frozen=True, slots=True)
class Sent:
    """An issue that was sent to somebody: when, and when it came back soft, if it did."""

    at: datetime
    bounced_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Streak:
    length: int
    since: datetime | None
    over: timedelta

    @property
    def given_up(self) -> bool:
        return self.length >= IN_A_ROW and self.over >= OVER


def streak(newest_first: Sequence[Sent]) -> Streak:
    """The row of soft bounces that the newest issue stands at the end of.

    Its length in time is that of the issues or that of the reports, whichever is longer: a mailbox read once a month
    still knows when the issues went out.
    """
    row = [(sent.at, sent.bounced_at) for sent in takewhile(lambda sent: sent.bounced_at, newest_first)]
    if not row:
        return Streak(0, None, timedelta(0))
    sent = [at for at, _ in row]
    bounced = [at for _, at in row if at is not None]
    return Streak(len(row), min(bounced), max(max(sent) - min(sent), max(bounced) - min(bounced)))
