"""What load balancers ask: is this process alive, and is what it needs there?"""

import socket
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import Engine, make_url, text

from db.engine import make_engine, transaction
from newsletter.clock import Clock
from newsletter.operations.doctor import examine
from newsletter.setting_values import Relay
from newsletter.settings import Settings, load
from newsletter.web.app import create_app
from tests.conftest import complete_environment
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
    gone = browser(engine, settings, Relay("127.0.0.1", 9, tls="off"))
    assert (gone.get("/readyz").status_code, gone.get("/readyz").json()["relay"]) == (503, False)
    with transaction(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    assert gone.get("/readyz").json() == {"status": "not ready", "database": True, "schema": False, "relay": False}
    assert gone.get("/healthz").status_code == 200


def test_while_the_database_is_gone_pages_say_so_and_the_log_has_no_traceback(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    gone = browser(make_engine("postgresql+psycopg://nobody@127.0.0.1:9/none"), settings, Relay("127.0.0.1", 9))
    for answer in (gone.get("/"), gone.get("/tools"), gone.post("/unsubscribe/abc"), gone.get("/feed.atom")):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
        assert "Back in a minute" in answer.text
    assert gone.get("/api/v1/issues", headers={"Authorization": "Bearer x"}).status_code == 503
    assert gone.get("/healthz").status_code == 200
    assert gone.get("/readyz").json()["database"] is False
    assert [line.message for line in caplog.records if line.name == "newsletter.web.app" and line.exc_info] == []


def test_metrics_of_the_process_are_told_while_the_database_is_gone(engine: Engine, settings: Settings) -> None:
    relay = Relay("127.0.0.1", 9)
    gone = browser(make_engine("postgresql+psycopg://nobody@127.0.0.1:9/none"), settings, relay).get("/metrics")
    assert (gone.status_code, "newsletter_database_up 0" in gone.text) == (200, True)
    assert "newsletter_http_requests_total" in gone.text
    assert "newsletter_subscribers" not in gone.text, "what the alert for a dead service listens to"
    there = browser(engine, settings, relay).get("/metrics").text
    assert "newsletter_database_up 1" in there
    assert "newsletter_subscribers" in there


@pytest.mark.postgres
def test_a_database_that_takes_no_writes_is_not_ready(postgres_url: str, tmp_path: Path) -> None:
    settings = load(complete_environment(postgres_url), tmp_path)
    read_only = make_url(postgres_url).update_query_dict({"options": "-c default_transaction_read_only=on"})
    url = read_only.render_as_string(hide_password=False)
    engine = make_engine(url)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        answer = browser(engine, settings, relay_at(listening)).get("/readyz")
    engine.dispose()
    assert (answer.status_code, answer.json()["database"], answer.json()["schema"]) == (503, False, True)
    found = {check.name: check for check in examine(replace(settings, database_url=url), NoDns(), now=MONDAY)}
    assert found["database"].what == "it can be read and not be written"


def test_a_database_on_a_full_disk_is_not_ready(
    sqlite_url: str, sqlite_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load(complete_environment(sqlite_url), tmp_path)
    monkeypatch.setattr("db.status.shutil.disk_usage", lambda path: SimpleNamespace(free=4096))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        answer = browser(sqlite_engine, settings, relay_at(listening)).get("/readyz")
    assert (answer.status_code, answer.json()["database"], answer.json()["schema"]) == (503, False, True)


class NoDns:
    """A DNS that knows no name."""

    def txt(self, name: str) -> list[str]:
        return []

    mx = addresses = ptr = txt
