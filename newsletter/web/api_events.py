"""The API's events: what happened, in its order. Webhooks are told the same (`newsletter webhooks`)."""

from typing import Any

from db.engine import reading, transaction
from db.events import Event, events_after, has_unnumbered, number_events
from newsletter.clock import iso
from newsletter.operations.webhooks import EVENTS
from newsletter.web.api_routing import Asked, Operation, page_of
from newsletter.web.api_schemas import EMAIL, ID, INSTANT, PAGE, WEEK, listed, or_null, shape

_TYPE = {"type": "string", "enum": list(EVENTS)}
_EVENT = shape("id type at email issue", id=ID, type=_TYPE, at=INSTANT, email=or_null(EMAIL), issue=or_null(WEEK))


def list_events(asked: Asked) -> Any:
    kind = asked.get("type")
    with reading(asked.site.engine) as connection:
        waits = has_unnumbered(connection)
    if waits:  # else who asks every second would stand in line with those who write
        with transaction(asked.site.engine) as connection:
            number_events(connection)
    with reading(asked.site.engine) as connection:
        page = events_after(connection, asked.after, asked.limit, None if kind is None else (kind,))
    return page_of(asked, "events", page, _shown, lambda event: event.number)


def _shown(event: Event) -> dict[str, Any]:
    return {"id": event.number, "type": event.what, "at": iso(event.at), "email": event.email, "issue": event.week}


OPERATIONS = (
    Operation(
        "GET", "/api/v1/events", "events:read",
        "What happened, in its order. `email` is null where nobody is meant or who was meant has been erased. To hear "
        "of what comes, keep the `id` of the last one and give it as `after`.",
        list_events, listed("events", _EVENT), query={**PAGE, "type": _TYPE},
    ),
)  # fmt: skip
