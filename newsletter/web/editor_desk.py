"""``/editor``: the week at a glance, every issue by week, and the log of who did what."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from db import audit, deliveries, desk, issues, releases, runs, tools
from db.engine import reading
from db.issues import IssueRow
from db.states import IssueStatus
from newsletter.clock import last_ended_week
from newsletter.english import counted
from newsletter.issues.render import values_of
from newsletter.web.forms import asked
from newsletter.web.published import subjects
from newsletter.web.row_ids import row_id
from newsletter.web.session import Visitor, editor_page, show
from newsletter.web.site import site

STALE = timedelta(days=14)
ISSUES_A_PAGE = 26

_OPEN = (IssueStatus.DRAFT, IssueStatus.APPROVED, IssueStatus.SENDING, IssueStatus.PAUSED)
_WENT_OUT = (IssueStatus.SENDING, IssueStatus.PAUSED, IssueStatus.SENT)


def desk_page(request: Request, visitor: Visitor) -> Response:
    here = site(request)
    now = here.clock.now()
    last = last_ended_week(now, here.settings.timezone)
    weeks = [str(last), str(last.next())]
    before = asked(request, "before")
    with reading(here.engine) as connection:
        came_in = desk.came_in(connection, weeks)
        newest = issues.list_issues(connection, None, ISSUES_A_PAGE + 1)
        found = issues.list_issues(connection, before, ISSUES_A_PAGE + 1) if before else newest
        panel = len(tools.panel(connection))
        at_work = _at_work(newest, weeks[0])
        jobs = runs.look_at_jobs(connection, now)
        sent = next((issue for issue in newest if issue.status in _WENT_OUT and issue != at_work), None)
        values: dict[str, Any] = {
            "unmatched": releases.count_unmatched(connection),
            "wanting": desk.tools_wanting_takes(connection, weeks, panel),
            "feeds": desk.feeds_in_trouble(connection, now - STALE),
            "receipt": deliveries.counts(connection, sent.id)._asdict() if sent else {},
            "subjects": subjects(connection, found),
            "says": values_of(connection, at_work, here.settings) if at_work else None,
        }
    return editor_page(
        request, visitor, "desk.html", now=now, weeks=list(came_in.items()), at_work=at_work,
        last_week=weeks[0], left=_left_behind(newest, weeks[0]),
        issues=found[:ISSUES_A_PAGE], more=len(found) > ISSUES_A_PAGE, sent=sent,
        sends_at=(sends_at := sending_time(at_work, jobs, now)), countdown=_countdown(sends_at, now), jobs=jobs,
        zone=here.settings.timezone, **values,
    )  # fmt: skip


def log_page(request: Request, visitor: Visitor) -> Response:
    """Of everything, or of what ``on`` names alone: ``issue 2026-W47``, ``tool curly``."""
    before, on = asked(request, "before"), asked(request, "on")
    with reading(site(request).engine) as connection:
        lines = audit.audit_log(connection, row_id(before), on or None, limit=51)
    return editor_page(
        request, visitor, "log.html", lines=lines[:50], more=len(lines) > 50, on=on,
        zone=site(request).settings.timezone,
    )  # fmt: skip


def _at_work(newest: list[IssueRow], last_week: str) -> IssueRow | None:
    """The issue that editors have on their hands: that of the week that ended last while it is open, else the newest
    open one."""
    of_week = next((issue for issue in newest if issue.week == last_week), None)
    if of_week is not None and of_week.status in _OPEN:
        return of_week
    return next((issue for issue in newest if issue.status in _OPEN and issue.week > last_week), None)


def _left_behind(newest: list[IssueRow], last_week: str) -> list[IssueRow]:
    """Of weeks whose time to go out is over: drafts, and what cannot be sent; the newest first."""
    return [issue for issue in newest if issue.week < last_week and _waits(issue)]


def _waits(issue: IssueRow) -> bool:
    return issue.status == IssueStatus.DRAFT or (issue.status == IssueStatus.APPROVED and bool(issue.trouble))


def sending_time(issue: IssueRow | None, jobs: Sequence[runs.JobLook], now: datetime) -> datetime | None:
    """When an approved issue goes out, or would if it were approved: its own time, else the timetable's next."""
    if issue is None or issue.status not in (IssueStatus.DRAFT, IssueStatus.APPROVED):
        return None
    return issue.send_at or next(
        (job.next_at for job in jobs if job.job == "send" and _is_ahead(job.next_at, now)), None
    )


def _is_ahead(at: datetime | None, now: datetime) -> bool:
    """False for a plan that nobody keeps any more."""
    return at is not None and at > now


def _countdown(at: datetime | None, now: datetime) -> str | None:
    """``2 days, 3 hours``."""
    if at is None:
        return None
    minutes = max(0, int((at - now).total_seconds()) // 60)
    parts = [(minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute")]
    said = [counted(count, unit) for count, unit in parts if count][:2]
    return ", ".join(said) or "a moment"


routes: list[BaseRoute] = [show("/editor", desk_page), show("/editor/log", log_page)]
