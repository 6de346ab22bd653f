"""Approves an issue: what it says is frozen, with a hash, until it is sent or an edit voids the approval."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from db import arrangement, issues
from db.engine import reading, transaction
from db.issues import IssueRow
from db.keys import newest_link_key
from db.states import IssueStatus
from newsletter.clock import Week
from newsletter.errors import RefusedError
from newsletter.issues import budget
from newsletter.issues.arrange import check_fresh
from newsletter.issues.freezing import Edition, content_mark
from newsletter.issues.render import composed_issue, draft_edition, values_of
from newsletter.issues.values import IssueValues, ToolValue
from newsletter.named import issue_named
from newsletter.settings import Settings, required


@dataclass(frozen=True)
class ApproveReport:
    """``content_hash`` names what was frozen."""

    week: str
    status: str
    approved_by: str
    send_at: datetime | None
    content_hash: str


def approve_issue(
    engine: Engine,
    week: Week,
    by: str,
    settings: Settings,
    now: datetime,
    send_at: datetime | None = None,
    seen: str | None = None,
    mark: str | None = None,
    revision: int | None = None,
) -> ApproveReport:
    """Freeze a draft and approve it, to be sent at ``send_at`` or by the timetable.

    Three arguments say what the editor was looking at, and nothing is approved where that has changed: ``seen`` is the
    content hash, ``mark`` is the content_mark, which leaves words and votes aside, or its beginning, and ``revision``
    is that of the page (where somebody else edited since, StaleError tells what they did). An issue that is approved
    already is not frozen again: it gets the time that is given, or keeps its own. Raises NotFoundError, RefusedError
    for an issue that is on its way or closed, and SettingsError where sending could not start.
    """
    required(settings, "title", "from_", "postal_address")
    made = _made(engine, week, settings)
    with transaction(engine) as connection:
        issue = composed_issue(connection, week, lock=True)
        if issue.status not in (IssueStatus.DRAFT, IssueStatus.APPROVED):
            raise RefusedError(f"issue {week} is {issue.status}; only a draft can be approved")
        check_fresh(connection, issue, revision, by)
        content = issues.content_of(connection, issue.id)
        content_hash = content.content_hash if content else _freeze(connection, issue, settings, by, now, made)
        changed = seen is not None and seen != content_hash
        if changed or (mark and not content_mark(values_of(connection, issue, settings)).startswith(mark)):
            raise RefusedError(f"issue {week} changed since you looked at it; look again before you approve it")
        send_at = send_at or issue.send_at  # of a draft it is None: an edit clears it
        if not issues.approve(connection, issue.id, issue.revision, by, send_at, now):
            raise RefusedError(f"issue {week} was changed at this very moment; look at it again")
    return ApproveReport(str(week), IssueStatus.APPROVED, by, send_at, content_hash)


def take_back_approval(engine: Engine, week: Week, now: datetime, seen: tuple[str, str] | None = None) -> bool:
    """The issue is a draft again, with every word and tool as it was; who approved it and its time are gone.

    ``seen`` is the content hash of the approval that an editor looked at, and who made it: where the issue is a draft
    by now, their button was pressed twice, or a colleague was quicker, and nothing is left to do (False). Raises
    NotFoundError, and RefusedError for an issue that is not approved, or any more, or anew.
    """
    with transaction(engine) as connection:
        issue = issue_named(connection, week, lock=True)
        content = issues.content_of(connection, issue.id)
        if content and seen not in (None, (content.content_hash, issue.approved_by)):
            raise RefusedError(f"{issue.approved_by} approved {week} anew since you looked at it; look at it again")
        if seen and issue.status == IssueStatus.DRAFT:
            return False
        if not issues.void_approval(connection, issue.id, now):
            raise RefusedError(f"issue {week} is {issue.status}; there is no approval to take back")
    return True


def _made(engine: Engine, week: Week, settings: Settings) -> Edition | None:
    """A draft as of now, made before anything is locked: with sixty tools it takes a while, in which others may
    write."""
    with reading(engine) as connection:
        issue = issues.issue_of_week(connection, str(week))
        if issue is None or issue.status != IssueStatus.DRAFT:
            return None
        return draft_edition(connection, issue, settings)


def _freeze(
    connection: Connection, issue: IssueRow, settings: Settings, by: str, now: datetime, made: Edition | None
) -> str:
    """Store what the draft says now and return its hash; where the approval is refused later on, the transaction takes
    it back. ``made`` is the draft as it was rendered before the lock, and used if neither the draft nor the link key
    has changed since."""
    now_said = values_of(connection, issue, settings), newest_link_key(connection)[0]
    if made is None or (made.values, made.key_id) != now_said:
        made = draft_edition(connection, issue, settings)
    values = made.values
    if not values.items and not values.also:
        raise RefusedError(f"issue {issue.week} has nothing left to say; match or add a release and compose it again")
    if made.size >= budget.LIMIT:  # what the budget cannot cut: words, or hundreds of tools
        raise RefusedError(
            f"the HTML of {issue.week} has {made.size:,} bytes, more than {budget.LIMIT:,}, and Gmail would clip it; "
            "shorten the intro and the notes, or drop some items"
        )
    stored, segments = made.document(), made.frozen.segments
    issues.store_content(connection, issue.id, made.content_hash, stored, segments, announced(values), now)
    arrangement.add_approval(connection, issue.id, by, made.content_hash, stored["values"], now)
    return made.content_hash


def announced(values: IssueValues) -> list[dict[str, Any]]:
    """What this issue says of each tool, so that a later one can say what changed."""
    return [_announced(tool) for tool in (*values.items, *values.changed)]


def _announced(tool: ToolValue) -> dict[str, Any]:
    return {
        "tool_id": tool.id,
        "call": tool.verdict.call,
        "ship_percent": tool.verdict.ship_percent,
        "pricing": tool.pricing,
        "calls": {line.panelist: line.call for line in tool.takes},
    }
