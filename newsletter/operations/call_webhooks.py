"""Tell webhooks what happened: each event in its order, until the receiver answers with 2xx.

Webhooks are told side by side, so that a slow one holds up no other.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from threading import Event as Stop

from sqlalchemy import Engine

from db import events
from db.deliveries import counts
from db.engine import reading, shared_now, transaction
from db.events import Event, WebhookRow
from db.letters import add_notices
from db.states import Role
from newsletter.clock import iso, real_now
from newsletter.feeds.download import Downloader, DownloadError, Limits, open_downloader, user_agent
from newsletter.operations import webhooks
from newsletter.settings import Settings

_LEASE = timedelta(minutes=5)
_LIMITS = Limits(connect=5.0, read=10.0, whole=15.0)
_ROUND = 5.0
"""Seconds after which nobody is told another event before all are looked at anew: a slow receiver of many events must
not keep from the others what happens meanwhile."""
_GONE = "the receiver answered 410"


def webhooks_are_due(engine: Engine) -> bool:
    """Whether anybody is to be told anything. Cheap enough to ask every second."""
    with reading(engine) as connection:
        return events.has_unnumbered(connection) or bool(events.webhooks_due(connection, real_now()))


def call_webhooks(engine: Engine, settings: Settings, *, stop: Stop) -> int:
    """Tell every webhook that is due what it does not know yet; returns the number of events told. What a slow one is
    not told in some seconds is left to the next call.

    A webhook is told by one process at a time. One that goes on failing is paused after three days, and operators
    hear of it; `newsletter webhooks resume` goes on where it stopped.
    """
    with transaction(engine) as connection:
        events.number_events(connection)
        due = events.webhooks_due(connection, real_now())
    return asyncio.run(_tell_all(engine, settings, due, stop)) if due and not stop.is_set() else 0


def try_webhook(settings: Settings, hook: WebhookRow) -> str | None:
    """Send a signed event of the type ``test``; None when it was taken, else what came instead."""
    now = real_now()
    body = webhooks.message(0, "test", str(iso(now)), {})

    async def post() -> str | None:
        async with _client(settings) as client:
            return await _post(client, hook, f"test-{int(now.timestamp())}", body)

    return asyncio.run(post())


async def _tell_all(engine: Engine, settings: Settings, due: Sequence[WebhookRow], stop: Stop) -> int:
    """Each has a line of its own: what fails in one is raised when all are done."""
    until = time.monotonic() + _ROUND
    calls = (_tell(engine, settings, hook, stop, until) for hook in due)
    found = await asyncio.gather(*calls, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return sum(one for one in found if isinstance(one, int))


async def _tell(engine: Engine, settings: Settings, due: WebhookRow, stop: Stop, until: float) -> int:
    with transaction(engine) as connection:
        hook = events.hold_webhook(connection, due.id, real_now(), _LEASE)
    if hook is None:
        return 0
    told, after = 0, hook.after
    async with _client(settings) as client:
        while not stop.is_set() and time.monotonic() < until:
            with reading(engine) as connection:
                newest = events.newest_number(connection)
                event = next(iter(events.events_after(connection, after, 1, hook.events)), None)
            if event is None:
                after = newest
                break
            if not await _take(engine, client, hook, event):
                break
            told, after = told + 1, event.number
    with transaction(engine) as connection:
        events.note_webhook(connection, hook.id, after=after, lease_until=None)
    return told


async def _take(engine: Engine, client: Downloader, hook: WebhookRow, event: Event) -> bool:
    """Tell one event; False when it was not taken."""
    began = real_now()
    trouble = await _post(client, hook, f"event-{event.number}", _body(engine, event))
    if trouble is not None:
        _note_failure(engine, hook, trouble, began)
        return False
    done = {"failures": 0, "failing_since": None, "answer": None}
    with transaction(engine) as connection:
        lease_until = shared_now(connection) + _LEASE
        events.note_webhook(connection, hook.id, after=event.number, lease_until=lease_until, **done)
    return True


async def _post(client: Downloader, hook: WebhookRow, message_id: str, body: bytes) -> str | None:
    """None when it was taken; else what came instead. Redirects are not followed."""
    try:
        status = await client.post(hook.url, body, webhooks.headers(hook.secret, message_id, body, real_now()))
    except DownloadError as error:
        return str(error)
    return None if 200 <= status < 300 else f"the receiver answered {status}"


def _body(engine: Engine, event: Event) -> bytes:
    facts: dict[str, object] = {"email": event.email, "issue": event.week}
    if event.what == "issue_sent" and event.issue_id is not None:
        with reading(engine) as connection:
            found = counts(connection, event.issue_id)
        facts = {"issue": event.week, **found._asdict()}
    return webhooks.message(event.number, event.what, str(iso(event.at)), facts)


def _note_failure(engine: Engine, hook: WebhookRow, trouble: str, began: datetime) -> None:
    since = hook.failing_since or began
    failures, now = hook.failures + 1, real_now()
    pauses = now - since >= webhooks.PAUSED_AFTER or trouble == _GONE
    values = {"failures": failures, "failing_since": since, "answer": trouble, "next_at": now + webhooks.wait(failures)}
    with transaction(engine) as connection:
        events.note_webhook(connection, hook.id, **values, paused_at=now if pauses else None)
        if pauses:
            said = [
                f"It is not told of events any more: {trouble}.",
                f"Nothing is lost: `newsletter webhooks resume {hook.name}` goes on where it stopped.",
            ]
            add_notices(connection, (Role.OPERATOR,), f"The webhook {hook.name} is paused", said, None, now, now)


def _client(settings: Settings) -> AbstractAsyncContextManager[Downloader]:
    agent = user_agent(settings.public_url)
    return open_downloader(agent=agent, allow_private=settings.fetch_private, limits=_LIMITS, connections=2)
