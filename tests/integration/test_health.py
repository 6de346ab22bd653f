"""What load balancers ask: is this process alive, and is what it needs there?"""

import socket
from dataclasses import replace

from sqlalchemy import Engine, text

from db.engine import transaction
from newsletter.clock import Clock
from newsletter.setting_values import Relay
from newsletter.settings import Settings
from newsletter.web.app import create_app
from tests.fakes.browser import Browser
from tests.fakes.times import MONDAY


def browser(engine: Engine, settings: Settings, relay: Relay) -> Browser:
    return Browser(create_app(replace(settings, smtp=(relay,)), engine, Clock(MONDAY, running=False)))


def relay_at(listening: socket.socket) -> Relay:
    return Relay("127.0.0.1", listening.getsockname()[1], tls="off")


def test_it_is_ready_when_database_schema_and_relay_are_there(engine: Engine, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        answer = browser(engine, settings, relay_at(listening)).get("/readyz")
    assert (answer.status_code, answer.json()) == (
        200, {"status": "ok", "database": True, "schema": True, "relay": True},
    )  # fmt: skip


def test_without_a_relay_or_with_an_old_schema_it_is_alive_and_not_ready(engine: Engine, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        relay = relay_at(listening)
    gone = browser(engine, settings, relay)
    assert (gone.get("/readyz").status_code, gone.get("/readyz").json()["relay"]) == (503, False)
    with transaction(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    assert gone.get("/readyz").json() == {"status": "not ready", "database": True, "schema": False, "relay": False}
    assert gone.get("/healthz").status_code == 200
