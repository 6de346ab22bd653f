"""``/metrics`` for Prometheus: what the database holds, and how this process answers.

Counts give away how many readers there are, so only this machine and private networks are answered; a reverse proxy
that passes the public's requests on gives itself away by its forwarding header.
"""

import logging
import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from ipaddress import ip_address
from itertools import groupby

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from db import status
from db.engine import reading
from db.events import list_webhooks
from db.latencies import Latency, so_far
from newsletter.clock import real_now
from newsletter.deliveries.latencies import BOUNDS
from newsletter.errors import first_line
from newsletter.setting_values import Relay
from newsletter.sparing import Sparing
from newsletter.web.client import UNKNOWN, client_address
from newsletter.web.health import connect_seconds
from newsletter.web.site import site

BUCKETS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0)
_ISSUES = 8
_DOMAINS, _LEAST_READERS = 20, 10  # a domain of its own would give its reader away

log = logging.getLogger(__name__)

answers: Counter[tuple[str, str]] = Counter()
"""Answers of this process by method and class of status."""
within: Counter[float] = Counter()
seconds = [0.0]


class Measured:
    """Plain ASGI: counts answers and how long they took, never their paths, which hold tokens."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status_code = time.monotonic(), 500

        async def listening(message: Message) -> None:
            nonlocal status_code
            if message["type"] == "http.response.start":
                status_code = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, listening)
        finally:
            took = time.monotonic() - began
            method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST", "PUT", "DELETE") else "other"
            answers[method, f"{status_code // 100}xx"] += 1
            seconds[0] += took
            within.update(bucket for bucket in BUCKETS if took <= bucket)


def metrics(request: Request) -> Response:
    if not _may_see(request):
        return PlainTextResponse("Metrics are for private networks.\n", 403)
    here = site(request)
    try:
        database = [*_of_database(here.engine, here.clock.now())]
    except SQLAlchemyError as error:
        log.warning("the database cannot be counted: %s", first_line(error))
        database = []
    up = _single("newsletter_database_up", "Whether the database answers.", int(bool(database)))
    found = (*up, *database, *_of_relays(here.settings.smtp), *_of_process())
    text = "\n".join([*found, ""])
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


def _may_see(request: Request) -> bool:
    """From here or a private network, and not on behalf of somebody whom no trusted proxy vouches for."""
    client = client_address(request)
    peer = request.client.host if request.client else ""
    forwarded = "forwarded" in request.headers or "x-forwarded-for" in request.headers
    if client == UNKNOWN:
        return not forwarded
    return ip_address(client.partition("%")[0]).is_private and not (forwarded and client == peer)


def _of_database(engine: Engine, now: datetime) -> Iterator[str]:
    with reading(engine) as connection:
        issues = status.started_issues(connection, _ISSUES)
        deliveries = status.delivery_counts(connection, [issue_id for issue_id, _ in issues])
        feeds = status.feed_counts(connection)
        oldest = status.oldest_waiting(connection)
        subscribers, releases = status.subscriber_counts(connection), status.release_counts(connection)
        returned = _returned(engine, "all", partial(status.returned_since, connection))
        letters = status.letters_waiting(connection)
        domains = _of_domains(engine, connection, issues[0][0]) if issues else []
        jobs, failures = status.last_done(connection, now), status.failed_runs(connection, now - timedelta(days=1))
        webhooks = [(hook.failures > 0, hook.paused_at is not None) for hook in list_webhooks(connection)]
        latencies = so_far(connection)
        pauses = len(status.domain_pauses(connection, real_now()))
        senders = len(status.living_senders(connection, engine))
    yield from _gauge("newsletter_subscribers", "Subscribers by state.", "state", subscribers)
    yield from _gauge("newsletter_releases", "Releases by status.", "status", releases)
    yield from _gauge("newsletter_feeds", "Watched feeds by condition.", "condition", feeds._asdict())
    yield from _gauge("newsletter_returned_mail", "Returned mail and notices by kind.", "kind", returned)
    yield from _head("newsletter_deliveries", "Deliveries of the newest issues by status.", "gauge")
    for issue_id, week in issues:
        for name, number in deliveries[issue_id].items():
            yield f'newsletter_deliveries{{issue="{week}",status="{name}"}} {number}'
    yield from _head("newsletter_domain_deliveries", "Deliveries of the newest issue by status and domain.", "gauge")
    for domain, name, number in domains:
        yield f'newsletter_domain_deliveries{{domain="{domain}",status="{name}"}} {number}'
    done_at = {job: at.timestamp() for job, at in jobs.items()}
    yield from _gauge("newsletter_job_done_timestamp_seconds", "When each job was done last.", "job", done_at)
    yield from _single("newsletter_jobs_failed", "Runs of jobs that failed in the last day.", failures)
    condition = {"failing": sum(failing for failing, _ in webhooks), "paused": sum(paused for _, paused in webhooks)}
    yield from _gauge("newsletter_webhooks", "Webhooks in trouble, by condition.", "condition", condition)
    age = max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
    yield from _single("newsletter_queue_age_seconds", "How long the oldest waiting issue has been under way.", age)
    yield from _single("newsletter_letters_waiting", "Confirmation, sign-in and notice mail that waits.", letters)
    yield from _single("newsletter_domains_paused", "Recipient domains that asked us to wait.", pauses)
    yield from _single("newsletter_senders", "Sending processes that live.", senders)
    yield from _smtp_seconds(latencies)


_domains: Sparing[list[tuple[str, str, int]]] = Sparing()  # it takes the address of every delivery
_returned: Sparing[dict[str, int]] = Sparing()  # what came back in all the years


def _of_domains(engine: Engine, connection: Connection, issue_id: int) -> list[tuple[str, str, int]]:
    return _domains(engine, issue_id, lambda: status.domain_counts(connection, issue_id, _DOMAINS, _LEAST_READERS))


def _smtp_seconds(latencies: Sequence[Latency]) -> Iterator[str]:
    name = "newsletter_smtp_seconds"
    yield from _head(name, "From writing an issue's message to the relay's final reply.", "histogram")
    for relay, rows in groupby(latencies, key=lambda row: row.relay):
        found = list(rows)
        for bound in (*BOUNDS, math.inf):  # senders of another version may know other bounds
            total = sum(row.messages for row in found if row.up_to <= bound)
            yield f'{name}_bucket{{relay="{relay}",le="{bound:.15g}"}} {total}'.replace('"inf"', '"+Inf"')
        yield f'{name}_sum{{relay="{relay}"}} {sum(row.seconds for row in found):.6f}'
        yield f'{name}_count{{relay="{relay}"}} {total}'


def _of_relays(relays: Sequence[Relay]) -> Iterator[str]:
    took = {relay.name: connect_seconds(relay) for relay in relays}
    up = {name: int(seconds is not None) for name, seconds in took.items()}
    yield from _gauge("newsletter_relay_up", "Whether a relay takes connections.", "relay", up)
    there = {name: seconds for name, seconds in took.items() if seconds is not None}
    yield from _gauge("newsletter_relay_connect_seconds", "How long a relay took to answer.", "relay", there)


def _of_process() -> Iterator[str]:
    yield from _head("newsletter_http_requests_total", "Answers of this process.", "counter")
    for (method, code), number in sorted(answers.items()):
        yield f'newsletter_http_requests_total{{method="{method}",code="{code}"}} {number}'
    name, total = "newsletter_http_request_seconds", sum(answers.values())
    yield from _head(name, "How long this process took to answer.", "histogram")
    for bucket in BUCKETS:
        yield f'{name}_bucket{{le="{bucket}"}} {within[bucket]}'
    yield f'{name}_bucket{{le="+Inf"}} {total}'
    yield f"{name}_sum {seconds[0]:.6f}"
    yield f"{name}_count {total}"


def _gauge(name: str, help_: str, label: str, values: Mapping[str, float]) -> Iterable[str]:
    yield from _head(name, help_, "gauge")
    for value, number in values.items():
        yield f'{name}{{{label}="{value}"}} {number:.15g}'


def _single(name: str, help_: str, number: float) -> Iterable[str]:
    yield from _head(name, help_, "gauge")
    yield f"{name} {number:.15g}"


def _head(name: str, help_: str, kind: str) -> Iterable[str]:
    yield f"# HELP {name} {help_}"
    yield f"# TYPE {name} {kind}"


routes = [Route("/metrics", metrics)]
