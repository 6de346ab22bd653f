"""``/editor/issues/{week}/receipt``: where every recipient's mail stands, live while it is being sent, and what came
back of it: bounces, complaints, unsubscriptions, votes."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from db.states import IssueStatus
from newsletter.deliveries.read_receipt import Receipt, read_progress, read_receipt, read_responses
from newsletter.deliveries.steer import send_to_missed
from newsletter.web.editor_issue import ISSUE, issue_path, week_of
from newsletter.web.editor_links import ask_once, back_saying
from newsletter.web.session import Typed, Visitor, act, editor_page, note, show
from newsletter.web.site import site

SHOWN = 500  # failures
_LIVE = (IssueStatus.APPROVED, IssueStatus.SENDING, IssueStatus.PAUSED)


def receipt_page(request: Request, visitor: Visitor) -> Response:
    here, week = site(request), week_of(request)
    receipt, responses = read_receipt(here.engine, week, SHOWN), read_responses(here.engine, week)
    return _receipt(request, visitor, "receipt.html", receipt, responses=responses)


def receipt_now(request: Request, visitor: Visitor) -> Response:
    """The changing part alone, asked for every other second while it changes by itself; then the page anew."""
    receipt = read_receipt(site(request).engine, week_of(request), SHOWN)
    answer = _receipt(request, visitor, "receipt_now.html", receipt)
    if not _changes(receipt):
        answer.headers["HX-Refresh"] = "true"
    return answer


def _changes(receipt: Receipt) -> bool:
    """What a sender holds of a cancelled issue still settles."""
    return receipt.status in _LIVE or (receipt.status == IssueStatus.CANCELLED and receipt.counts.open > 0)


def _receipt(request: Request, visitor: Visitor, template: str, receipt: Receipt, **more: Any) -> Response:
    here, week = site(request), week_of(request)
    progress = read_progress(here.engine, week, here.clock.now())
    done = receipt.counts.recipients - receipt.counts.open
    return editor_page(
        request, visitor, template, week=str(week), receipt=receipt, counts=receipt.counts._asdict(), done=done,
        live=_changes(receipt), zone=here.settings.timezone, progress=progress, **more,
    )  # fmt: skip


def resend(request: Request, visitor: Visitor, typed: Typed) -> Response:
    """Once more to those whose delivery failed. Asks once, since what is sent is sent."""
    here, week = site(request), week_of(request)
    back = f"{issue_path(week)}/receipt"
    if typed.line("sure") != "yes":
        missed = read_progress(here.engine, week, here.clock.now()).missed
        words = f"{week} goes to {missed} of those it did not reach. Who left or bounced gets nothing."
        return ask_once(request, visitor, "Send to the missed?", words, "Send it", back)
    queued = send_to_missed(here.engine, week, here.clock.now())
    note(request, visitor, "sent to the missed", f"issue {week}", recipients=queued)
    return back_saying(back, f"Trying again: {queued} of those who were missed")


routes: list[BaseRoute] = [
    show(ISSUE + "/receipt", receipt_page),
    show(ISSUE + "/receipt/now", receipt_now),
    act(ISSUE + "/resend", resend),
]
