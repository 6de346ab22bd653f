"""``/editor``: the week at a glance, every issue by week, and the log of who did what."""

from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from db import audit, desk, editors, issues, runs
from db.engine import reading
from db.issues import IssueRow
from db.states import IssueStatus
from newsletter.clock import Week, last_ended_week
from newsletter.web.row_ids import row_id
from newsletter.web.session import Visitor, editor_page, show
from newsletter.web.site import site

STALE = timedelta(days=14)
ISSUES_A_PAGE = 26


def desk_page(request: Request, visitor: Visitor) -> Response:
    here = site(request)
    now = here.clock.now()
    last = last_ended_week(now, here.settings.timezone)
    weeks = [str(last), str(last.next())]
    before = request.query_params.get("before")
    with reading(here.engine) as connection:
        counts = desk.release_counts(connection, weeks)
        found = issues.list_issues(connection, before, ISSUES_A_PAGE + 1)
        panel = len(editors.panelists(connection))
        draft = issues.issue_of_week(connection, weeks[0])
        sent = next((issue for issue in found if issue.status in _WENT_OUT), None)
        values: dict[str, Any] = {
            "unmatched": desk.count_unmatched(connection),
            "wanting": desk.tools_wanting_takes(connection, weeks, panel),
            "feeds": desk.feeds_in_trouble(connection, now - STALE),
            "jobs": runs.look_at_jobs(connection),
            "receipt": desk.delivery_counts(connection, sent.id) if sent else {},
        }
    return editor_page(
        request, visitor, "desk.html", now=now, weeks=[(week, _came_in(counts, week)) for week in weeks], draft=draft,
        draft_week=weeks[0], issues=found[:ISSUES_A_PAGE], more=len(found) > ISSUES_A_PAGE, sent=sent,
        countdown=_countdown(draft, now), zone=here.settings.timezone, **values,
    )  # fmt: skip


def log_page(request: Request, visitor: Visitor) -> Response:
    """Of everything, or of what ``on`` names alone: ``issue 2026-W47``, ``tool curly``."""
    before, on = request.query_params.get("before", ""), request.query_params.get("on", "")[:200]
    with reading(site(request).engine) as connection:
        lines = audit.audit_log(connection, row_id(before), on or None, limit=51)
    return editor_page(
        request,
        visitor,
        "log.html",
        lines=lines[:50],
        more=len(lines) > 50,
        on=on,
        zone=site(request).settings.timezone,
    )


_WENT_OUT = (IssueStatus.SENDING, IssueStatus.PAUSED, IssueStatus.SENT)


def _came_in(counts: dict[tuple[str, str], int], week: str) -> dict[str, int]:
    return {status: count for (of, status), count in counts.items() if of == week}


def _countdown(draft: IssueRow | None, now: datetime) -> str | None:
    """``2 days, 3 hours`` until an approved issue goes out; None where nothing is scheduled."""
    if draft is None or draft.status != IssueStatus.APPROVED or draft.send_at is None:
        return None
    minutes = max(0, int((draft.send_at - now).total_seconds()) // 60)
    parts = [(minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute")]
    said = [f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count][:2]
    return ", ".join(said) or "a moment"


def week_in_words(week: Week) -> str:
    """``16 – 22 November 2026``, with the months that differ."""
    first = week.monday()
    last = first + timedelta(days=6)
    start = f"{first.day}" if first.month == last.month else f"{first.day} {first:%B}"
    return f"{start} – {last.day} {last:%B} {last.year}"


routes: list[BaseRoute] = [show("/editor", desk_page), show("/editor/log", log_page)]
