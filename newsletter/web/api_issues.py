"""The API's issues until they are approved; api_sending.py has the rest of their life."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from db.engine import reading
from db.issues import IssueRow, list_issues
from newsletter.clock import in_utc, is_past, iso
from newsletter.errors import BadInputError, RefusedError
from newsletter.issues.approve import approve_issue
from newsletter.issues.check import check_issue
from newsletter.issues.compose import compose_issue
from newsletter.issues.render import read_issue, render_issue
from newsletter.issues.showing import document
from newsletter.releases.rematch import rematch_releases
from newsletter.web.api_routing import Asked, Operation, note, page_of
from newsletter.web.api_schemas import INSTANT, PAGE, TEXT, WEEK, closed, or_null, shape
from newsletter.web.published import subjects

_STATUS = {"type": "string", "enum": ["draft", "approved", "sending", "paused", "sent", "cancelled"]}
_LINE = shape("issue status", issue=WEEK, status=_STATUS, subject=or_null(TEXT))
_LIST = {"type": "array", "items": {"type": "object"}}
_ISSUE = shape("issue status items also_released", issue=WEEK, status=_STATUS, items=_LIST)


def list_all(asked: Asked) -> Any:
    with reading(asked.site.engine) as connection:
        page = list_issues(connection, asked.get("before"), asked.limit)
        frozen = subjects(connection, page)

    def shown(row: IssueRow) -> dict[str, Any]:
        return {
            "issue": row.week, "number": row.number_said, "status": row.status,
            "subject": frozen.get(row.id, row.subject),
            "approved_by": row.approved_by, "send_at": iso(row.send_at), "finished_at": iso(row.finished_at),
        }  # fmt: skip

    return page_of(asked, "issues", page, shown, lambda row: row.week)


def show_issue(asked: Asked) -> Any:
    row, values = read_issue(asked.site.engine, asked.week, asked.site.settings)
    return document(row, values)


def show_mail(asked: Asked) -> Any:
    here, week = asked.site, asked.week
    mail = render_issue(here.engine, week, here.settings)
    return {"issue": str(week), "subject": mail.subject, "text": mail.text, "html": mail.html}


def compose(asked: Asked) -> Any:
    here, week = asked.site, asked.week
    rematch_releases(here.engine, here.clock.now())
    report = compose_issue(here.engine, week, here.settings, here.clock.now())
    return {
        "issue": report.week if report.status else None, "status": report.status, "created": report.created,
        "changed": report.changed, "new_releases": report.new_releases, "tools": report.tools,
    }  # fmt: skip


def check(asked: Asked) -> Any:
    here = asked.site
    report = check_issue(here.engine, asked.week, here.settings, here.clock.now())
    return {"sound": report.passed, "findings": [asdict(one) for one in report.findings]}


def approve(asked: Asked) -> Any:
    """Only a sound issue is approved this way: nobody is looking at it."""
    if not check(asked)["sound"]:
        raise RefusedError("its checks find errors; GET …/check lists them")
    here, week = asked.site, asked.week
    now, send_at = here.clock.now(), _instant(asked.body.get("send_at"))
    if send_at is not None and is_past(send_at, now):
        raise BadInputError("body.send_at is past; leave it out, and POST …/send sends at once")
    report = approve_issue(here.engine, week, asked.caller, here.settings, now, send_at=send_at)
    when = {"send_at": iso(send_at)} if send_at else {}
    note(asked, "scheduled" if send_at else "approved", f"issue {week}", content=report.content_hash, **when)
    return show_issue(asked)


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return in_utc(datetime.fromisoformat(text))
    except ValueError:
        raise BadInputError(f"body.send_at is no ISO 8601 instant: {text!r}") from None


_PLACE = {"issue": WEEK}
OPERATIONS = (
    Operation(
        "GET", "/api/v1/issues", "issues:read", "List the issues, the newest first.", list_all,
        shape("issues next", issues={"type": "array", "items": _LINE}, next=or_null(WEEK)),
        query={"before": WEEK, "limit": PAGE["limit"]},
    ),
    Operation("GET", "/api/v1/issues/{issue}", "issues:read", "What an issue says.", show_issue, _ISSUE, place=_PLACE),
    Operation(
        "POST", "/api/v1/issues/{issue}/compose", "issues:write",
        "Make the draft of a week, or bring it up to date. `issue` is null where the week has nothing to carry.",
        compose, shape("issue created changed", issue=or_null(WEEK)), place=_PLACE,
    ),
    Operation(
        "GET", "/api/v1/issues/{issue}/check", "issues:read", "What would embarrass.", check,
        shape("sound findings", sound={"type": "boolean"}, findings=_LIST), place=_PLACE,
    ),
    Operation(
        "POST", "/api/v1/issues/{issue}/approve", "issues:write",
        "Approve a draft whose checks find no error, to be sent at `send_at` or by the timetable.", approve, _ISSUE,
        takes=closed(shape("", send_at=or_null(INSTANT))), place=_PLACE,
    ),
    Operation(
        "GET", "/api/v1/issues/{issue}/mail", "issues:read",
        "The issue as mail, as a reader who chose everything and has no name would get it.", show_mail,
        shape("issue subject text html", issue=WEEK, subject=TEXT), place=_PLACE,
    ),
)  # fmt: skip
