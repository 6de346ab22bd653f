"""The machine's clock is put forward or back: what is being sent goes on, and nobody gets it twice."""

import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from db.engine import make_engine, transaction
from db.letters import add_letter
from db.models import Sender
from db.states import LetterKind
from newsletter.clock import real_now
from newsletter.deliveries import send, send_letters
from newsletter.deliveries.hold_leases import Leases
from newsletter.deliveries.pacing import Queue
from newsletter.deliveries.read_receipt import read_receipt
from newsletter.deliveries.send import send_due
from newsletter.settings import Settings, load
from scheduler import service
from tests.conftest import complete_environment, one_database
from tests.fakes.smtp_sink import Sink
from tests.fakes.waiting import until
from tests.integration.sending import WEEK, held, published, standing, statuses, with_relays

READERS = 200


@one_database
@pytest.mark.parametrize("hours", [-48, 48])
def test_a_clock_that_jumps_neither_holds_a_sending_nor_repeats_it(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    ahead, real = [0.0], time.time
    monkeypatch.setattr(time, "time", lambda: real() + ahead[0])
    with Sink() as sink:
        here = with_relays(settings, f"{sink.url}&rate=100/s")
        published(engine, here, READERS)
        senders = [threading.Thread(target=send_due, args=(engine, here, standing(), WEEK)) for _ in range(2)]
        for sender in senders:
            sender.start()
        until(lambda: len(sink.mails) >= 50, 30)
        ahead[0] = hours * 3600.0
        for sender in senders:
            sender.join(60)
        assert not [sender for sender in senders if sender.is_alive()]
    found = read_receipt(engine, WEEK)
    assert (found.status, found.counts.sent) == ("sent", READERS)
    assert len(sink.mails) == len(sink.recipients()) == READERS


def test_a_service_goes_on_when_the_clock_of_its_machine_is_put_back(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As at a start before the time servers answer, by a hardware clock that runs in local time."""
    engine = make_engine(sqlite_url)
    with Sink() as sink:
        here = with_relays(load(complete_environment(sqlite_url), tmp_path), sink.url)
        monkeypatch.setattr(service, "real_now", lambda: real_now() + timedelta(hours=2))
        with service.Service(engine, here, standing(), keeps_timetable=False):
            monkeypatch.undo()
            with transaction(engine) as connection:
                words = {"subject": "Still here", "paragraphs": []}
                add_letter(connection, LetterKind.NOTICE, "ada@example.org", words, real_now(), real_now())
            until(lambda: sink.mails, 10)
    engine.dispose()
    assert sink.recipients() == {"ada@example.org": 1}


@pytest.mark.postgres
def test_machines_whose_clocks_differ_stand_in_one_line(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, real = make_engine(postgres_url), time.time
    leases = Leases(engine, standing(), 1, "a sender", threading.Event(), 500, 1)
    waits = []
    for seconds in (0, 60, -60, 0):
        monkeypatch.setattr(time, "time", lambda ahead=seconds: real() + ahead)
        waits.append(leases.stand_in_line(Queue("a relay", 1.0), 10) - time.monotonic())
    engine.dispose()
    assert [round(wait / 10) for wait in waits] == [0, 1, 2, 3]


@pytest.mark.postgres
def test_a_machine_whose_clock_is_ahead_takes_nothing_that_another_is_sending(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine(postgres_url)
    published(engine, load(complete_environment(postgres_url), tmp_path), 3)
    held(engine, 3)
    with transaction(engine) as connection:
        connection.execute(update(Sender).values(lock="another-machine/its.sender"))
        words = {"subject": "Once", "paragraphs": []}
        letter = add_letter(connection, LetterKind.NOTICE, "ada@example.org", words, real_now(), real_now())
    assert send_letters._claim(engine, "another") == [letter]
    for module in (send, send_letters):
        monkeypatch.setattr(module, "real_now", lambda: real_now() + timedelta(hours=1))
    send._take_over(engine, 1)
    assert {status for status, _ in statuses(engine).values()} == {"sending"}
    assert send_letters._claim(engine, "ahead") == []
    engine.dispose()
