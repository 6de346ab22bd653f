"""The API's way of an issue from approval to its end. The service does the sending."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from newsletter.clock import Week
from newsletter.deliveries import steer
from newsletter.deliveries.read_receipt import read_receipt
from newsletter.deliveries.send import check_ready
from newsletter.errors import BadInputError
from newsletter.issues.publish import publish_issue
from newsletter.issues.try_out import MOST_TESTS, queue_test
from newsletter.subscribers.addresses import parse_address
from newsletter.web.api_routing import Asked, Operation, note
from newsletter.web.api_schemas import COUNT, EMAIL, WEEK, Schema, closed, shape

_SEVEN = ("queued", "sending", "sent", "deferred", "failed", "uncertain", "skipped")
RECEIPT = shape("issue status recipients failures", recipients=COUNT, **dict.fromkeys(_SEVEN, COUNT))


def receipt(asked: Asked) -> Any:
    return read_receipt(asked.site.engine, asked.week).document()


def start_sending(asked: Asked) -> Any:
    here = asked.site
    check_ready(here.settings)
    publish_issue(here.engine, asked.week, here.settings, here.clock.now())
    return _noted(asked, "started the sending")


def pause_sending(asked: Asked) -> Any:
    return _steer(asked, steer.pause_issue, "paused the sending")


def resume_sending(asked: Asked) -> Any:
    return _steer(asked, steer.resume_issue, "resumed the sending")


def send_to_missed(asked: Asked) -> Any:
    return _steer(asked, steer.send_to_missed, "sent to the missed")


def stop_issue(asked: Asked) -> Any:
    return _steer(asked, steer.cancel_issue, "stopped the issue")


def send_test(asked: Asked) -> Any:
    here, week = asked.site, asked.week
    try:
        addresses = [parse_address(address) for address in asked.body["addresses"]]
    except ValueError as error:
        raise BadInputError(f"body.addresses: {error}") from None
    queued = queue_test(here.engine, week, here.settings, here.clock, list(dict.fromkeys(addresses)))
    note(asked, "sent a test", f"issue {week}", addresses=len(addresses))
    return {"issue": str(week), "queued": len(queued)}


def _steer(asked: Asked, turn: Callable[[Engine, Week, datetime], object], what: str) -> Any:
    turn(asked.site.engine, asked.week, asked.site.clock.now())
    return _noted(asked, what)


def _noted(asked: Asked, what: str) -> Any:
    note(asked, what, f"issue {asked.values['issue']}")
    return receipt(asked)


def _operation(verb: str, act: Callable[[Asked], Any], summary: str) -> Operation:
    path = f"/api/v1/issues/{{issue}}/{verb}"
    return Operation("POST", path, "issues:write", summary, act, RECEIPT, place={"issue": WEEK})


_ADDRESSES: Schema = {"type": "array", "items": EMAIL, "minItems": 1, "maxItems": MOST_TESTS}
OPERATIONS = (
    Operation(
        "GET", "/api/v1/issues/{issue}/receipt", "issues:read", "Reconciled counts, and every address that failed.",
        receipt, RECEIPT, place={"issue": WEEK},
    ),
    _operation("send", start_sending, "Start sending an approved issue now, whatever its `send_at` says."),
    _operation("pause", pause_sending, "Hold a sending; within a second no further message begins."),
    _operation("resume", resume_sending, "Let a paused sending go on."),
    _operation("resend", send_to_missed, "Send an issue again to whom it did not reach."),
    _operation("cancel", stop_issue, "Stop an issue for good. If nobody got it, its releases go into the next one."),
    Operation(
        "POST", "/api/v1/issues/{issue}/test", "issues:write",
        "Mail the issue as it stands to a few addresses, within seconds.", send_test,
        shape("issue queued", queued=COUNT),
        takes=closed(shape("addresses", addresses=_ADDRESSES)), place={"issue": WEEK},
    ),
)  # fmt: skip
