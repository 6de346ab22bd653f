"""More than one machine on one PostgreSQL: they share the work, and what one of them leaves the others take up."""

import signal
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from db.engine import reading
from newsletter.deliveries.read_receipt import read_receipt
from newsletter.settings import Settings
from tests.conftest import complete_environment
from tests.fakes.machines import Cable, Machine
from tests.fakes.smtp_sink import Sink
from tests.fakes.waiting import until
from tests.integration.sending import WEEK, published

pytestmark = pytest.mark.postgres

CONNECTIONS = 4


@pytest.fixture
def database_url(postgres_url: str) -> str:
    return postgres_url


def environment(database_url: str, sink: Sink, **more: str) -> dict[str, str]:
    relay = f"smtp://127.0.0.1:{sink.port}?tls=off&connections={CONNECTIONS}"
    return complete_environment(database_url) | {"NEWSLETTER_SMTP": relay} | more


def workers(engine: Engine) -> int:
    """How many lines there are that take jobs: two for each machine."""
    with reading(engine) as connection:
        return connection.scalar(text("SELECT count(*) FROM procrastinate_workers")) or 0


def senders(engine: Engine) -> int:
    with reading(engine) as connection:
        wanted = "SELECT count(DISTINCT lease_owner) FROM deliveries WHERE status = 'sending'"
        return connection.scalar(text(wanted)) or 0


def test_two_workers_share_an_issue_and_double_nothing(
    database_url: str, engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    with Sink().delaying(0.01) as sink:
        environ = environment(database_url, sink)
        with Machine(environ, tmp_path / "one") as one, Machine(environ, tmp_path / "two") as two:
            until(lambda: workers(engine) == 4)
            published(engine, settings, 3000)
            until(lambda: read_receipt(engine, WEEK).status == "sent")
            for machine in (one, two):
                machine.signal(signal.SIGTERM)
                assert machine.end()[0] == 0
    assert len(sink.mails) == 3000
    assert set(sink.recipients().values()) == {1}
    assert CONNECTIONS < sink.most_connections <= 2 * CONNECTIONS


@pytest.mark.long
def test_a_rate_holds_for_all_machines_together(
    database_url: str, engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    with Sink() as sink:
        environ = environment(database_url, sink)
        environ["NEWSLETTER_SMTP"] += "&rate=50/s"
        published(engine, settings, 400)
        with Machine(environ, tmp_path / "one"), Machine(environ, tmp_path / "two"):
            until(lambda: len(sink.mails) > 20)
            began, before = time.monotonic(), len(sink.mails)
            until(lambda: senders(engine) == 2 or len(sink.mails) > 300)
            until(lambda: len(sink.mails) >= 300)
            took, sent = time.monotonic() - began, len(sink.mails) - before
            until(lambda: read_receipt(engine, WEEK).status == "sent")
    assert set(sink.recipients().values()) == {1}
    assert sent / took < 60


@pytest.mark.long
def test_what_a_killed_machine_held_is_taken_over_when_its_leases_are_past(
    database_url: str, engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    with Sink().delaying(0.01) as sink:
        environ = environment(database_url, sink)
        published(engine, settings, 3000)
        with Machine(environ, tmp_path / "one", short_leases=True) as one:
            until(lambda: len(sink.mails) > 50)
            with Machine(environ, tmp_path / "two", short_leases=True):
                until(lambda: senders(engine) == 2)
                one.signal(signal.SIGKILL)
                until(lambda: read_receipt(engine, WEEK).status == "sent")
    arrived = sink.recipients()
    assert len(arrived) == 3000
    assert sum(arrived.values()) - 3000 <= 2 * CONNECTIONS
    for email in (email for email, times in arrived.items() if times > 1):
        assert len({mail.header("Message-ID") for mail in sink.mails if mail.recipient == email}) == 1


@pytest.mark.long
def test_a_machine_that_stood_still_past_its_leases_doubles_nothing(
    database_url: str, engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    with Sink().delaying(0.01) as sink:
        environ = environment(database_url, sink)
        published(engine, settings, 3000)
        with Machine(environ, tmp_path / "one", short_leases=True) as one:
            until(lambda: len(sink.mails) > 50)
            one.signal(signal.SIGSTOP)
            with Machine(environ, tmp_path / "two", short_leases=True):
                time.sleep(5)
                one.signal(signal.SIGCONT)
                until(lambda: read_receipt(engine, WEEK).status == "sent")
    assert len(sink.mails) == len(sink.recipients()) == 3000


@pytest.mark.long
def test_a_sending_in_the_foreground_that_stood_still_goes_on_to_its_end(
    database_url: str, engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    with Sink().delaying(0.01) as sink:
        environ = environment(database_url, sink)
        published(engine, settings, 2000)
        with Machine(environ, tmp_path / "one", "issues", "send", str(WEEK), short_leases=True) as one:
            until(lambda: len(sink.mails) > 50)
            one.signal(signal.SIGSTOP)
            time.sleep(4)
            one.signal(signal.SIGCONT)
            assert one.end() == (0, "")
    assert read_receipt(engine, WEEK).status == "sent"
    assert len(sink.mails) == len(sink.recipients()) == 2000


def test_a_machine_that_is_cut_off_past_its_leases_repeats_no_more_than_it_held_in_its_hands(
    database_url: str, engine: Engine, settings: Settings, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Sink().delaying(0.01) as sink, Cable(database_url, tmp_path_factory.mktemp("pg")) as cable:
        far, near = environment(cable.url, sink), environment(database_url, sink)
        with Machine(far, tmp_path / "one", short_leases=True) as one:
            with Machine(near, tmp_path / "two", short_leases=True):
                until(lambda: workers(engine) == 4)
                published(engine, settings, 2500)
                until(lambda: senders(engine) == 2)
                cable.cut()
                time.sleep(6)
                cable.mend()
                until(lambda: read_receipt(engine, WEEK).status == "sent")
            one.signal(signal.SIGTERM)
            assert one.end()[0] == 0
    arrived = sink.recipients()
    assert len(arrived) == 2500
    assert sum(arrived.values()) - 2500 <= 2 * CONNECTIONS
