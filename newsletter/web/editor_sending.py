"""An issue's way from draft to mail: compose, test, approve, schedule, send, pause, resume, stop.

Approving stores what is typed first, and approves only what the editor could see: where a take, a release or a
colleague changed the issue since the page was made, the page comes back to be looked at again.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from db import issues
from db.engine import reading
from db.states import IssueStatus
from newsletter.clock import in_utc, is_past, iso
from newsletter.deliveries.steer import cancel_issue, pause_issue, resume_issue
from newsletter.english import counted
from newsletter.errors import BadInputError, RefusedError
from newsletter.issues.approve import approve_issue, take_back_approval
from newsletter.issues.compose import ComposeReport, compose_issue
from newsletter.issues.publish import publish_issue
from newsletter.issues.try_out import MOST_TESTS, queue_test
from newsletter.releases.rematch import rematch_releases
from newsletter.subscribers.addresses import parse_address
from newsletter.web.editor_arranging import if_void, store_typed
from newsletter.web.editor_issue import act_on_issue, back_with, issue_path, proposed_time, week_of
from newsletter.web.editor_links import ask_once, back_saying
from newsletter.web.editor_typed import changed
from newsletter.web.session import Typed, Visitor, back_to, note
from newsletter.web.site import site


def compose(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """Make the week's draft, or let in what is new; what is typed beside the button is stored first."""
    here, week = site(request), week_of(request)
    _, voided = store_typed(request, visitor, typed)
    rematch_releases(here.engine, here.clock.now())
    report = compose_issue(here.engine, week, here.settings, here.clock.now())
    if report.status is None:
        raise RefusedError(f"nothing came out in {week} that an issue could carry, so there is none")
    return back_with(request, typed, _came_in(report) + if_void(voided))


def _came_in(report: ComposeReport) -> str:
    if report.status == IssueStatus.APPROVED:
        return "Nothing was let in: the issue is approved and stays as it is until it is edited"
    if report.status != IssueStatus.DRAFT:
        return f"Nothing was let in: the issue is {report.status} and stays as it is"
    if not report.changed:
        return "Nothing is new"
    if not report.new_releases:
        return "Tools, takes or votes changed"
    return f"{counted(report.new_releases, 'new release')} came in"


def approve(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """By the timetable, or at the time that it is scheduled for already."""
    _check_no_other_time(request, typed)
    return _approve(request, visitor, typed, None)


def _check_no_other_time(request: Request, typed: Typed) -> None:
    here, time = site(request), typed.line("send_at", 40)
    if not time:
        return
    with reading(here.engine) as connection:
        issue = issues.issue_of_week(connection, str(week_of(request)))
    if issue and issue.send_at and time == proposed_time(issue, here.settings.timezone) and not changed(typed):
        return
    raise RefusedError(
        "Send at holds a time, and Approve would not keep it; press Schedule to keep that time, or clear the field"
    )


def schedule(request: Request, visitor: Visitor, typed: Typed) -> Response:
    here = site(request)
    send_at = read_time(typed.line("send_at"), here.settings.timezone, here.clock.now())
    return _approve(request, visitor, typed, send_at)


def _approve(request: Request, visitor: Visitor, typed: Typed, send_at: datetime | None) -> Response:
    here, week = site(request), week_of(request)
    mark = typed.line("seen", 100)
    if changed(typed).pair:  # which is stored now, over a page that nobody else has edited since
        mark = mark.partition(".")[0]
    revision, _ = store_typed(request, visitor, typed)
    report = approve_issue(
        here.engine, week, visitor.email, here.settings, here.clock.now(), send_at, mark=mark or None, revision=revision
    )
    when = {"send_at": iso(send_at)} if send_at else {}
    note(request, visitor, "scheduled" if send_at else "approved", f"issue {week}", content=report.content_hash, **when)
    said = f"Approved{' and scheduled' if send_at else ''}: content {report.content_hash[:12]}"
    return back_with(request, typed, said)


def unapprove(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """What was approved by mistake waits again, without an edit that would have to be undone."""
    here, week = site(request), week_of(request)
    content_hash, _, by = typed.line("approved", 400).partition(" ")
    _, voided = store_typed(request, visitor, typed)
    seen = (content_hash, by) if by else None
    if not voided and take_back_approval(here.engine, week, here.clock.now(), seen):
        note(request, visitor, "took back the approval", f"issue {week}")
    then = "nothing goes out until it is approved again"
    if here.settings.approval == "automatic":
        then = "the timetable approves it again before it sends, if the checks pass"
    return back_with(request, typed, f"The approval is taken back: {then}")


def read_time(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """What the field Send at says, in the publication's zone. Raises BadInputError for what is no time to come."""
    if not text:
        raise BadInputError("choose a day and a time in Send at; Approve leaves it to the timetable")
    try:
        found = in_utc(datetime.fromisoformat(text), zone)
    except ValueError:
        raise BadInputError(f"Send at needs a day and a time such as 2026-11-24T09:00, not {text!r}") from None
    if is_past(found, now):
        raise BadInputError(f"{text} is past in {zone.key}; choose a time to come, or use Send now")
    return found


def send(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """Start an approved issue now: recipients are fixed, and the service's sender finds them. Asks once."""
    here, week, seen = site(request), week_of(request), typed.line("approved", 100)
    unsaved = changed(typed)
    if unsaved.words or unsaved.notes or unsaved.pair:
        raise RefusedError("what you typed is not in what was approved: save it and approve again, or undo it")
    if typed.line("sure") != "yes":
        words = f"{week} goes to every active subscriber now, whatever Send at says."
        return ask_once(request, visitor, "Send this issue now?", words, "Send it", issue_path(week), approved=seen)
    report = publish_issue(here.engine, week, here.settings, here.clock.now(), seen or None)
    note(request, visitor, "started the sending", f"issue {week}", recipients=report.recipients)
    return back_to(f"{issue_path(week)}/receipt")


def pause(request: Request, visitor: Visitor, typed: Typed) -> Response:
    here, week = site(request), week_of(request)
    pause_issue(here.engine, week, here.clock.now(), f"by {visitor.email}")
    note(request, visitor, "paused the sending", f"issue {week}")
    return _back(request, typed, "Paused: no further message begins")


def resume(request: Request, visitor: Visitor, typed: Typed) -> Response:
    here, week = site(request), week_of(request)
    resume_issue(here.engine, week, here.clock.now())
    note(request, visitor, "resumed the sending", f"issue {week}")
    return _back(request, typed, "The sending goes on")


def stop(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """Cancel for good. Asks once, since nothing brings a cancelled issue back."""
    here, week = site(request), week_of(request)
    if typed.line("sure") != "yes":
        with reading(here.engine) as connection:
            issue = issues.issue_of_week(connection, str(week))
        words = f"{week} is cancelled for good: who has not got it will not get it."
        if issue is not None and issue.started_at is None:
            words = (
                f"{week} is skipped for good: nobody gets it, and its releases go into the next issue of the four "
                "weeks after it."
            )
        return ask_once(request, visitor, "Stop this issue?", words, "Stop", issue_path(week), at=typed.line("at", 20))
    report = cancel_issue(here.engine, week, here.clock.now())
    note(request, visitor, "stopped the issue", f"issue {week}", spared=report.skipped)
    return _back(request, typed, f"Stopped; {report.words}")


def test(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """Mail the issue as it stands to some addresses, separated by spaces or commas."""
    here, week = site(request), week_of(request)
    addresses = list(dict.fromkeys(_addresses(typed.line("to"))))
    if not 0 < len(addresses) <= MOST_TESTS:
        raise BadInputError(f"say to whom the test goes: one to {MOST_TESTS} addresses")
    _, voided = store_typed(request, visitor, typed)
    queue_test(here.engine, week, here.settings, here.clock, addresses)
    note(request, visitor, "sent a test", f"issue {week}", addresses=len(addresses))
    return back_with(request, typed, f"A test is on its way to {', '.join(addresses)}{if_void(voided)}")


def _back(request: Request, typed: Typed, said: str) -> Response:
    """To where the button stood: the issue's page, or its receipt."""
    if typed.line("at") == "receipt":
        return back_saying(f"{issue_path(week_of(request))}/receipt", said)
    return back_with(request, typed, said)


def _addresses(text: str) -> list[str]:
    try:
        return [parse_address(part) for part in text.replace(",", " ").replace(";", " ").split()]
    except ValueError as error:
        raise BadInputError(f"the test cannot be sent: {str(error).rstrip('.')}") from None


routes: list[BaseRoute] = [
    act_on_issue("/compose", compose),
    act_on_issue("/approve", approve),
    act_on_issue("/unapprove", unapprove),
    act_on_issue("/schedule", schedule),
    act_on_issue("/send", send),
    act_on_issue("/pause", pause),
    act_on_issue("/resume", resume),
    act_on_issue("/stop", stop),
    act_on_issue("/test", test),
]
