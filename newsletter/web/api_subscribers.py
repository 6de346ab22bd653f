"""The API's subscribers and suppressions. Whoever is added here consented before, and the evidence comes along."""

import csv
import io
from typing import Any

from db.engine import reading
from db.states import SubscriberState, SuppressionReason
from db.subscribers import SubscriberRow, subscribers_page
from db.suppressions import SuppressionRow, suppressions_page
from newsletter.clock import iso, real_now
from newsletter.errors import BadInputError, NotFoundError
from newsletter.subscribers.addresses import address_named
from newsletter.subscribers.erase import erase_address
from newsletter.subscribers.formulas import as_text
from newsletter.subscribers.import_subscribers import import_subscribers
from newsletter.subscribers.records import COLUMNS
from newsletter.subscribers.selections import as_field
from newsletter.subscribers.suppress import lift, suppress_address
from newsletter.subscribers.unsubscribe import unsubscribe
from newsletter.subscribers.update_preferences import find_subscriber
from newsletter.web.api_routing import Asked, Operation, page_of
from newsletter.web.api_schemas import COUNT, EMAIL, INSTANT, PAGE, Schema, closed, listed, or_null, shape

_STATE: Schema = {"type": "string", "enum": [str(state) for state in SubscriberState]}
_REASON: Schema = {"type": "string", "enum": [str(reason) for reason in SuppressionReason]}
_NOBODY = "nobody subscribes with this address"
_SHORT: Schema = {"type": "string", "maxLength": 500}
_SUBSCRIBER = shape("email state", email=EMAIL, state=_STATE)
_SUPPRESSION = shape("email reason at", email=or_null(EMAIL), reason=_REASON, at=INSTANT)


def list_subscribers(asked: Asked) -> Any:
    state = asked.get("state")
    with reading(asked.site.engine) as connection:
        page = subscribers_page(connection, asked.after, asked.limit, SubscriberState(state) if state else None)
    return page_of(asked, "subscribers", page, _line, lambda row: row.id)


def _line(row: SubscriberRow) -> dict[str, Any]:
    return {"email": row.email, "name": row.name, "state": row.state}


def show_subscriber(asked: Asked) -> Any:
    return {name: value for name, value in _found(asked).items() if name != "id"}


def add_subscribers(asked: Asked) -> Any:
    """The same path as a file takes, so that the same rules hold; ``line`` of a bad one counts from 1 in the list."""
    now, file = asked.site.clock.now(), io.StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for one in asked.body["subscribers"]:
        values = {**one, "categories": as_field(one.get("categories", ()))}
        writer.writerow([as_text(" ".join((values.get(name) or "").split())) for name in COLUMNS])
    report = import_subscribers(asked.site.engine, io.StringIO(file.getvalue()), now=now, latest=max(now, real_now()))
    rejected = [{"line": row.line - 1, "email": row.email, "reason": row.reason} for row in report.rejected]
    return {"imported": report.imported, "unchanged": report.unchanged, "rejected": rejected}


def unsubscribe_subscriber(asked: Asked) -> Any:
    report = unsubscribe(asked.site.engine, _found(asked)["id"], now=asked.site.clock.now())
    return {**show_subscriber(asked), "changed": report.changed}


def erase_subscriber(asked: Asked) -> Any:
    if not erase_address(asked.site.engine, _named(asked), now=asked.site.clock.now()).known:
        raise NotFoundError(_NOBODY)
    return {"erased": True}


def list_suppressions(asked: Asked) -> Any:
    with reading(asked.site.engine) as connection:
        page = suppressions_page(connection, asked.after, asked.limit)
    return page_of(asked, "suppressions", page, _suppression, lambda row: row.id)


def _suppression(row: SuppressionRow) -> dict[str, Any]:
    return {"email": row.email, "reason": row.reason, "at": iso(row.at), "note": row.note}


def add_suppression(asked: Asked) -> Any:
    report = suppress_address(
        asked.site.engine, asked.body["email"], now=asked.site.clock.now(), note=asked.body.get("note")
    )
    return {"email": report.email, "changed": report.changed}


def remove_suppression(asked: Asked) -> Any:
    report = lift(asked.site.engine, _named(asked), now=asked.site.clock.now())
    return {"email": report.email, "changed": True}


def _named(asked: Asked) -> str:
    """The address in the path; what cannot be one is nobody's."""
    try:
        return address_named(asked.values["email"])
    except BadInputError as error:
        raise NotFoundError(str(error)) from None


def _found(asked: Asked) -> dict[str, Any]:
    found = find_subscriber(asked.site.engine, _named(asked))
    if found is None:
        raise NotFoundError(_NOBODY)
    return found


_CHANGED = shape("email changed", email=EMAIL, changed={"type": "boolean"})
_NEW = closed(
    shape(
        "email consent_at consent_source", email=_SHORT, name=_SHORT, consent_at=_SHORT, consent_source=_SHORT,
        categories={"type": "array", "maxItems": 100, "items": {"type": "string", "maxLength": 80}},
    )
)  # fmt: skip
_PLACE = {"email": EMAIL}
OPERATIONS = (
    Operation(
        "GET", "/api/v1/subscribers", "subscribers:read", "List subscribers in the order in which they joined.",
        list_subscribers, listed("subscribers", _SUBSCRIBER), query={**PAGE, "state": _STATE},
    ),
    Operation(
        "POST", "/api/v1/subscribers", "subscribers:write",
        "Take in people who consented before, with the evidence; bad ones are reported, the rest come in.",
        add_subscribers, shape("imported unchanged rejected", imported=COUNT, unchanged=COUNT),
        takes=closed(shape("subscribers", subscribers={"type": "array", "maxItems": 5000, "items": _NEW})),
    ),
    Operation(
        "GET", "/api/v1/subscribers/{email}", "subscribers:read", "One subscriber, with the evidence of consent.",
        show_subscriber, _SUBSCRIBER, place=_PLACE,
    ),
    Operation(
        "DELETE", "/api/v1/subscribers/{email}", "subscribers:write",
        "Erase an address, whether it subscribes or is merely suppressed; a keyed hash stays.",
        erase_subscriber, shape("erased", erased={"type": "boolean"}), place=_PLACE,
    ),
    Operation(
        "POST", "/api/v1/subscribers/{email}/unsubscribe", "subscribers:write", "Unsubscribe on the reader's wish.",
        unsubscribe_subscriber, _CHANGED, place=_PLACE,
    ),
    Operation(
        "GET", "/api/v1/suppressions", "suppressions:read", "List who must never be mailed.", list_suppressions,
        listed("suppressions", _SUPPRESSION), query=PAGE,
    ),
    Operation(
        "POST", "/api/v1/suppressions", "suppressions:write", "Never mail this address again.", add_suppression,
        _CHANGED, takes=closed(shape("email", email=EMAIL, note=or_null(_SHORT))),
    ),
    Operation(
        "DELETE", "/api/v1/suppressions/{email}", "suppressions:write", "Let this address be mailed again.",
        remove_suppression, _CHANGED, place=_PLACE,
    ),
)  # fmt: skip
