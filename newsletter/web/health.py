"""``/healthz``: this process answers. ``/readyz``: its database, its schema and a relay are there."""

import socket
import time
from collections.abc import Sequence
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from db.migrate import current_revision, newest_revision
from newsletter.setting_values import Relay
from newsletter.web.site import site

_PATIENCE = 2.0
_KEPT = 5.0
"""Seconds that an answer about the relays stands: asking this page often must not keep a relay busy."""

_last_look: dict[tuple[str, ...], tuple[float, bool]] = {}


async def healthz(request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


def readyz(request: Request) -> JSONResponse:
    here = site(request)
    try:
        found: str | None = current_revision(here.engine)
        database = True
    except Exception:
        found, database = None, False
    there = {"database": database, "schema": found == newest_revision(), "relay": a_relay_is_there(here.settings.smtp)}
    ready = all(there.values())
    return JSONResponse({"status": "ok" if ready else "not ready", **there}, 200 if ready else 503)


def a_relay_is_there(relays: Sequence[Relay]) -> bool:
    """Whether any of them takes a connection; `newsletter doctor` looks at TLS and login too."""
    names = tuple(relay.name for relay in relays)
    looked_at, answer = _last_look.get(names, (float("-inf"), False))
    if time.monotonic() - looked_at > _KEPT:
        answer = any(_takes_connections(relay) for relay in relays)
        _last_look[names] = time.monotonic(), answer
    return answer


def _takes_connections(relay: Relay) -> bool:
    with suppress(OSError), socket.create_connection((relay.host, relay.port), _PATIENCE):
        return True
    return False


routes = [Route("/healthz", healthz), Route("/readyz", readyz)]
