"""Publishing: who gets an approved issue is fixed, in one statement, and its sending begins."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from db import deliveries, issues
from db.engine import transaction
from db.partitions import learn, make_partition
from db.states import IssueStatus
from newsletter.clock import Week
from newsletter.deliveries.message import Frozen
from newsletter.errors import RefusedError
from newsletter.issues.choosing import carries_tools
from newsletter.named import issue_named
from newsletter.settings import Settings, required_to_send
from newsletter.subscribers.selections import Selection


@dataclass(frozen=True, slots=True)
class PublishReport:
    """``recipients`` counts the skipped too: those who chose nothing that this issue has."""

    week: str
    recipients: int
    skipped: int


def publish_issue(
    engine: Engine, week: Week, settings: Settings, now: datetime, seen: str | None = None
) -> PublishReport:
    """approved → sending, with one delivery for everyone who may be mailed now. Publishing again is refused, and so is
    other content than that whose hash is ``seen``, where an editor looked at one."""
    required_to_send(settings)
    with transaction(engine) as connection:
        make_partition(connection, issue_named(connection, week).id)
    with transaction(engine) as connection:
        issue = issue_named(connection, week, lock=True)
        content = issues.content_of(connection, issue.id)
        if content is not None and seen not in (None, content.content_hash):
            raise RefusedError(f"issue {week} was approved anew since you looked at it; look again before you send it")
        if content is None or not deliveries.start_issue(connection, issue.id, now):
            raise RefusedError(_why_not(str(week), issue.status))
        frozen = Frozen.load(content.content["message"], content.segments)
        empty = [
            key
            for key in deliveries.chosen_selections(connection)
            if not carries_tools(frozen.blocks, Selection.parse(key))
        ]
        # The key of the approval: the tools' names in its bytes are signed with it.
        key_id: int = content.content["link_key_id"]
        recipients = deliveries.freeze_recipients(connection, issue.id, key_id, now)
        skipped = deliveries.skip_selections(connection, issue.id, empty, now)
        learn(connection, issue.id)
    return PublishReport(str(week), recipients, skipped)


def _why_not(week: str, status: str) -> str:
    match status:
        case IssueStatus.DRAFT:
            return f"issue {week} is a draft; approve it first: `newsletter issues approve {week}`"
        case IssueStatus.SENT:
            return f"issue {week} was sent already"
        case IssueStatus.CANCELLED:
            return f"issue {week} was cancelled"
        case _:
            return f"issue {week} is {status}, not approved"
