"""A database that goes away, and a disk that is full, while an issue is being sent: it goes on when they are back."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import OperationalError

from db.engine import make_engine
from newsletter import setting_values
from newsletter.deliveries import hold_leases, record_outcomes
from newsletter.deliveries.hold_leases import Leases
from newsletter.deliveries.pacing import Queue
from newsletter.deliveries.read_receipt import read_receipt
from newsletter.deliveries.send import send_due
from newsletter.deliveries.transport import RelayError, connect
from newsletter.settings import Settings, load
from tests.conftest import complete_environment
from tests.fakes.smtp_sink import Sink
from tests.fakes.waiting import until
from tests.integration.sending import WEEK, published, standing, with_relays

READERS = 1500


def send_while(
    engine: Engine, settings: Settings, disturb: Callable[[], None], options: str = "", readers: int = READERS
) -> Sink:
    """Send an issue, with trouble that begins in the middle of it and is over when ``disturb`` returns."""
    with Sink().delaying(0.01) as sink:
        here = with_relays(settings, sink.url + options)
        published(engine, here, readers)
        sending = threading.Thread(target=send_due, args=(engine, here, standing(), WEEK))
        sending.start()
        until(lambda: len(sink.mails) >= 50, 30)
        disturb()
        sending.join(60)
        assert not sending.is_alive()
    return sink


def cut_everybody_off(url: str, statements: Sequence[str], seconds: float) -> None:
    """After each of these statements, and wait for so long."""
    beside = create_engine(url, isolation_level="AUTOCOMMIT")
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with beside.connect() as connection:
        for statement in statements:
            if statement:
                connection.execute(text(statement))
            connection.execute(text(f"SELECT pg_terminate_backend(pid) {others}"))
            time.sleep(seconds)
    beside.dispose()


@pytest.mark.postgres
def test_a_database_that_cuts_everybody_off_costs_nothing(postgres_url: str, tmp_path: Path) -> None:
    settings = load(complete_environment(postgres_url), tmp_path)
    engine = make_engine(postgres_url)

    sink = send_while(engine, settings, lambda: cut_everybody_off(postgres_url, [""] * 5, 0.2))
    found = read_receipt(engine, WEEK)
    engine.dispose()
    assert (found.status, found.counts.sent) == ("sent", READERS)
    assert set(sink.recipients().values()) == {1}
    assert len(sink.mails) == READERS


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("options", "rates"), [("", ()), ("&rate=25/s", ()), ("", (("example.org", 25.0),))],
    ids=["at full speed", "rate of the relay", "rate of the domain"],
)  # fmt: skip
def test_a_database_that_takes_no_writes_for_a_while_costs_nothing(
    postgres_url: str, tmp_path: Path, options: str, rates: tuple[tuple[str, float], ...]
) -> None:
    """As a standby does, until it takes over."""
    readers = 75 if options or rates else READERS
    settings = replace(load(complete_environment(postgres_url), tmp_path), domain_rates=rates)
    engine = make_engine(postgres_url)
    set_, reset = "SET default_transaction_read_only = on", "RESET default_transaction_read_only"
    changes = [f'ALTER DATABASE "{engine.url.database}" {words}' for words in (set_, reset)]
    sink = send_while(engine, settings, lambda: cut_everybody_off(postgres_url, changes, 2), options, readers)
    found = read_receipt(engine, WEEK)
    engine.dispose()
    assert (found.status, found.counts.sent) == ("sent", readers)
    assert set(sink.recipients().values()) == {1}


def test_what_stayed_away_for_one_connection_is_waited_for_by_no_other(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The places of a paced relay's connections are taken by a few threads: each waited for two minutes, in turn."""
    asked = []

    def gone(engine: Engine) -> Any:
        asked.append(engine)
        raise OperationalError("BEGIN", None, ConnectionRefusedError("nobody is there"))

    monkeypatch.setattr(hold_leases, "transaction", gone)
    monkeypatch.setattr(record_outcomes, "DATABASE_SECONDS", -1.0)
    leases = Leases(make_engine(sqlite_url), standing(), 1, "sender", threading.Event(), 500, 1)
    for _ in range(24):
        with pytest.raises(OperationalError, match="nobody is there"):
            leases.stand_in_line(Queue("a relay", 1.0), 1)
    assert len(asked) == 1


def test_a_full_disk_holds_the_sending_until_there_is_room(sqlite_url: str, tmp_path: Path) -> None:
    settings = load(complete_environment(sqlite_url), tmp_path)
    engine = make_engine(sqlite_url)
    full, refused = threading.Event(), threading.Event()

    @event.listens_for(engine, "before_cursor_execute")
    def no_room(connection: Any, cursor: Any, statement: str, *_: object) -> None:
        if full.is_set() and statement.lstrip().startswith("UPDATE"):
            refused.set()
            cursor.execute("PRAGMA max_page_count = 1")  # as many as there are: not one more
            cursor.execute("INSERT INTO limits_of_the_disk VALUES (zeroblob(1000000))")

    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE limits_of_the_disk (room BLOB)")
        connection.commit()

    def fill_the_disk() -> None:
        full.set()
        assert refused.wait(20)
        time.sleep(1)
        full.clear()
        event.listen(engine, "checkout", lambda driver, *_: driver.execute("PRAGMA max_page_count = 4294967294"))

    sink = send_while(engine, settings, fill_the_disk)
    found = read_receipt(engine, WEEK)
    engine.dispose()
    assert (found.status, found.counts.sent) == ("sent", READERS)
    assert set(sink.recipients().values()) == {1}


def test_a_password_never_travels_in_clear_text() -> None:
    (relay,) = setting_values.relays("smtp://user:word@192.0.2.1:587?tls=off")
    with pytest.raises(RelayError, match="tls=off"):
        asyncio.run(connect(relay))


def test_a_relay_without_starttls_is_not_talked_to_in_clear_text() -> None:
    with Sink() as sink:
        (relay,) = setting_values.relays(f"smtp://127.0.0.1:{sink.port}?tls=starttls")
        with pytest.raises(RelayError, match="TLS"):
            asyncio.run(connect(relay))
    assert not [line for line in sink.commands if line.startswith(("MAIL", "AUTH"))]
