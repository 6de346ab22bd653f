"""Makes the draft of a week, or lets what is new flow into one that nobody approved yet.

What editors arranged stays: composing adds releases and tools. A tool that no release of the issue is matched with any
more is not in it, and finds its place and its note again when it comes back. A week with nothing to carry gets no
issue.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from db import drafts, issues
from db.engine import transaction
from db.material import issue_material
from db.states import IssueStatus
from newsletter.clock import Week
from newsletter.releases.weeks import ROLLED_WEEKS
from newsletter.settings import Settings


@dataclass(frozen=True)
class ComposeReport:
    """``status`` is None where the week has nothing and no issue was made. ``tools`` counts what the issue carries;
    ``changed`` says that the draft is new, or that tools, takes, votes or releases differ from when it was composed."""

    week: str
    status: str | None
    created: bool
    new_releases: int
    tools: int
    changed: bool = False


def compose_issue(engine: Engine, week: Week, settings: Settings, now: datetime) -> ComposeReport:
    """Compose one week's issue. One that is approved, on its way or closed stays as it is."""
    with transaction(engine) as connection:
        drafts.hold_composing(connection)
        issue = issues.issue_of_week(connection, str(week), lock=True)
        if issue is not None and issue.status != IssueStatus.DRAFT:
            return _report(connection, week, issue.id, issue.status, created=False, new=0)
        starts_at, ends_at = week.starts_at(settings.timezone), week.ends_at(settings.timezone)
        earlier = _earlier(week, settings.timezone)
        found = drafts.candidate_releases(connection, str(week), starts_at, ends_at, earlier)
        if issue is None and not found:
            if ends_at <= now:
                drafts.remember_empty(connection, str(week), now)
            return ComposeReport(str(week), None, False, 0, 0)
        issue_id = issue.id if issue else drafts.insert_issue(connection, str(week), starts_at, ends_at, now)
        _take_in(connection, issue_id, week, found)
        drafts.add_items(connection, issue_id, drafts.tools_of_releases(connection, issue_id), now)
        changed = _note_what_is_there(connection, issue_id, week, now, created=issue is None)
        report = _report(connection, week, issue_id, IssueStatus.DRAFT, created=issue is None, new=len(found))
        return replace(report, changed=changed)


def _note_what_is_there(connection: Connection, issue_id: int, week: Week, now: datetime, *, created: bool) -> bool:
    """Keeps a digest of what the draft is made of, whatever editors arranged of it; is it another than before?"""
    issue = issues.issue_of_week(connection, str(week))
    assert issue is not None
    material = issue_material(connection, issue)
    rows = [sorted(map(repr, part)) for part in (material.tools, material.takes, material.releases)]
    digest = hashlib.sha256(repr(rows).encode()).hexdigest()
    if digest == issue.composed_of:
        return False
    drafts.set_composed_of(connection, issue_id, digest)
    if not created:
        drafts.touch_issue(connection, issue_id, now)
    return True


def _take_in(connection: Connection, issue_id: int, week: Week, found: list[drafts.Candidate]) -> None:
    """Releases of earlier weeks come late; those put off from this very week are in time after all."""
    name = str(week)
    in_time = {release.id for release in found if (release.of_it if release.late else release.week == name)}
    drafts.take_in(connection, issue_id, name, [one.id for one in found if one.id not in in_time], late=True)
    drafts.take_in(connection, issue_id, name, in_time, late=False)


def _earlier(week: Week, zone: ZoneInfo) -> list[tuple[str, datetime]]:
    """The weeks before it, each with its end."""
    found = []
    for _ in range(ROLLED_WEEKS):
        week = week.previous()
        found.append((str(week), week.ends_at(zone)))
    return found


def _report(
    connection: Connection, week: Week, issue_id: int, status: str, *, created: bool, new: int
) -> ComposeReport:
    return ComposeReport(str(week), status, created, new, drafts.count_carried(connection, issue_id))
