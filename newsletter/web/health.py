"""``/healthz``: this process answers. ``/readyz``: its database takes writes, its schema and a relay are there."""

import socket
import time
from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from db.engine import reading
from db.migrate import current_revision, newest_revision
from db.status import takes_writes
from newsletter.setting_values import Relay
from newsletter.web.site import site

_PATIENCE = 2.0
_KEPT = 5.0
"""Seconds that an answer about the relays stands: asking this page often must not keep a relay busy."""

_last_look: dict[str, tuple[float, float | None]] = {}


async def healthz(request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


def readyz(request: Request) -> JSONResponse:
    here = site(request)
    try:
        found: str | None = current_revision(here.engine)
        database = found is None or _takes_writes(here.engine)
    except Exception:
        found, database = None, False
    there = {"database": database, "schema": found == newest_revision(), "relay": a_relay_is_there(here.settings.smtp)}
    ready = all(there.values())
    return JSONResponse({"status": "ok" if ready else "not ready", **there}, 200 if ready else 503)


def _takes_writes(engine: Engine) -> bool:
    with reading(engine) as connection:
        return takes_writes(connection)


def a_relay_is_there(relays: Sequence[Relay]) -> bool:
    """Whether any of them takes a connection; `newsletter doctor` looks at TLS and login too."""
    return any(connect_seconds(relay) is not None for relay in relays)


def connect_seconds(relay: Relay) -> float | None:
    """How long a relay took to take a connection; None where it takes none."""
    looked_at, took = _last_look.get(relay.name, (float("-inf"), None))
    began = time.monotonic()
    if began - looked_at > _KEPT:
        took = None
        with suppress(OSError), socket.create_connection((relay.host, relay.port), _PATIENCE):
            took = time.monotonic() - began
        _last_look[relay.name] = time.monotonic(), took
    return took


routes = [Route("/healthz", healthz), Route("/readyz", readyz)]
