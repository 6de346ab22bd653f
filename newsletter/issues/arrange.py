"""Edits a draft, or an approved issue, which thereby becomes a draft again.

Every edit names the revision that its editor saw. Where somebody else edited meanwhile, nothing is stored and the
answer tells what they did. What composing brought in meanwhile is no obstacle: it never touches what editors arrange.
"""

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from db import arrangement as rows
from db import audit, issues
from db.arrangement import Change
from db.engine import transaction
from db.issues import IssueRow
from db.states import IssueStatus
from db.tools import merged_tools
from newsletter.clock import Week
from newsletter.errors import RefusedError
from newsletter.issues.arrangement import Arrangement, read, with_merged
from newsletter.named import issue_named

Edit = Callable[[Arrangement], Arrangement]


@dataclass(frozen=True)
class Arranged:
    """``revision`` is the issue's new one; ``voided`` says that an approval ended. Nothing changed: the old one."""

    revision: int
    changed: bool
    voided: bool


class StaleError(RefusedError):
    """Somebody else edited the issue after the editor's page was made."""

    def __init__(self, changes: list[Change], revision: int) -> None:
        self.changes = changes
        self.revision = revision
        said = "; ".join(f"{change.who}: {change.what}" for change in changes)
        super().__init__(f"this issue was changed since you opened it ({said}); look at it again before you go on")


def arrange(
    engine: Engine,
    week: Week,
    edit: Edit,
    what: str,
    *,
    by: str,
    revision: int | None,
    now: datetime,
    tool_ids: Collection[int] = (),
) -> Arranged:
    """Apply an edit, described by ``what`` ("dropped Curly"), and keep what stood before.

    ``revision`` is the one that the editor saw, None at a command line. Raises NotFoundError for an unknown issue,
    RefusedError for one that went out or was cancelled, or where one of ``tool_ids``, to which the edit is done, became
    part of another tool, StaleError for a page that is out of date.
    """
    with transaction(engine) as connection:
        issue = _editable(connection, week)
        if merged_tools(connection, tool_ids):
            raise RefusedError("a tool became part of another at this very moment; look at it again")
        before = arrangement_of(connection, issue)
        after = edit(before)
        if after == before:
            check_fresh(connection, issue, revision, by)  # a button that is pressed twice on a slow line is no conflict
            return Arranged(issue.revision if revision is None else revision, False, False)
        check_fresh(connection, issue, revision)
        return _store(connection, issue, before, after, what, by, now)


def undo(engine: Engine, week: Week, *, by: str, revision: int | None, now: datetime) -> tuple[Change, bool] | None:
    """Take back the latest edit that was not taken back yet, and whether an approval ended; None where there is none.

    ``revision`` is as ``arrange`` takes it: nobody undoes an edit that they have not seen.
    """
    with transaction(engine) as connection:
        issue = _editable(connection, week)
        check_fresh(connection, issue, revision)
        last = rows.last_to_undo(connection, issue.id)
        if last is None:
            return None
        rows.mark_undone(connection, last.id)
        what, before = f"took back: {last.what}", read(last.before)
        before = with_merged(before, merged_tools(connection, [item.tool_id for item in before.items]))
        done = _store(connection, issue, arrangement_of(connection, issue), before, what, by, now, undone=True)
        return last, done.voided


def arrangement_of(connection: Connection, issue: IssueRow) -> Arrangement:
    return read(
        {
            "subject": issue.subject,
            "preheader": issue.preheader,
            "intro": issue.intro,
            "settings": issue.settings,
            "items": rows.items_of(connection, issue.id),
            "pairs": rows.pairs_of(connection, issue.id),
        }
    )


def _editable(connection: Connection, week: Week) -> IssueRow:
    issue = issue_named(connection, week)
    if issue.status not in (IssueStatus.DRAFT, IssueStatus.APPROVED):
        raise RefusedError(f"{week} is {issue.status} and can no longer be edited")
    return issue


def check_fresh(connection: Connection, issue: IssueRow, revision: int | None, by: str | None = None) -> None:
    """Raises StaleError where the issue was edited after this revision; what ``by`` did is no news to them."""
    if revision is None or revision >= issue.revision:
        return
    changes = [change for change in rows.changes_since(connection, issue.id, revision) if change.who != by]
    if changes:
        raise StaleError(changes, issue.revision)


def _store(
    connection: Connection,
    issue: IssueRow,
    before: Arrangement,
    after: Arrangement,
    what: str,
    by: str,
    now: datetime,
    *,
    undone: bool = False,
) -> Arranged:
    if not rows.next_revision(connection, issue.id, issue.revision, now):
        raise RefusedError(f"{issue.week} was changed at this very moment; look at it again")
    voided = issues.void_approval(connection, issue.id, now)
    words = {"subject": after.subject, "preheader": after.preheader, "intro": after.intro}
    rows.store_words(connection, issue.id, words | {"settings": dict(after.settings)})
    gone = {item.tool_id for item in before.items if item.added_by} - {item.tool_id for item in after.items}
    changed = [asdict(item) for item in after.items if item not in before.items]
    rows.store_items(connection, issue.id, changed, sorted(gone), now)
    if after.pairs != before.pairs:
        rows.store_pairs(connection, issue.id, [asdict(pair) for pair in after.pairs])
    revision = issue.revision + 1
    rows.add_change(connection, issue.id, revision, by, what, before.document(), now, undone=undone)
    audit.add_audit(connection, by, what, f"issue {issue.week}", now, {"voided": True} if voided else None)
    return Arranged(revision, True, voided)
