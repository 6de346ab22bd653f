"""How long relays take to answer for a message reaches /metrics, whichever process sends."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, ExceptionContext, event, text

from db.engine import reading, transaction
from db.latencies import Latency, add, so_far
from newsletter.clock import Clock
from newsletter.deliveries.latencies import Latencies
from newsletter.deliveries.send import send_due
from newsletter.settings import Settings, load
from newsletter.web.app import create_app
from tests.conftest import complete_environment, one_database
from tests.fakes.browser import Browser
from tests.fakes.smtp_sink import Mail, Sink
from tests.integration.sending import WEEK, published, standing, with_relays

SLOW = 0.3
EACH_WAY = pytest.mark.parametrize("offers", [("CHUNKING", "PIPELINING"), ("PIPELINING",), ()])


def shown(engine: Engine, settings: Settings) -> list[str]:
    text = Browser(create_app(settings, engine, Clock())).get("/metrics").text
    return [line for line in text.splitlines() if line.startswith("newsletter_smtp_seconds")]


@one_database
@EACH_WAY
def test_a_slow_relay_is_seen_as_slow_as_it_is(engine: Engine, settings: Settings, offers: tuple[str, ...]) -> None:
    published(engine, settings, 8)
    with Sink().offering(*offers).delaying(SLOW) as sink:
        relay = f"127.0.0.1:{sink.port}"
        send_due(engine, with_relays(settings, sink.url), standing())
    lines = shown(engine, settings)
    assert f'newsletter_smtp_seconds_bucket{{relay="{relay}",le="0.25"}} 0' in lines
    assert f'newsletter_smtp_seconds_bucket{{relay="{relay}",le="5"}} 8' in lines
    assert f'newsletter_smtp_seconds_bucket{{relay="{relay}",le="+Inf"}} 8' in lines
    assert f'newsletter_smtp_seconds_count{{relay="{relay}"}} 8' in lines
    (total,) = (line for line in lines if line.startswith("newsletter_smtp_seconds_sum"))
    assert 8 * SLOW <= float(total.rpartition(" ")[2]) < 8 * 5


@EACH_WAY
def test_a_refused_recipient_and_a_lost_message_have_no_answer_to_wait_for(
    engine: Engine, settings: Settings, offers: tuple[str, ...]
) -> None:
    published(engine, settings, 3)
    sink = Sink().offering(*offers).refusing("reader0@example.org", "550 5.1.1 nobody")
    with sink.ending(lambda mail, _: None if mail.recipient == "reader1@example.org" else "250 2.0.0 taken"):
        send_due(engine, with_relays(settings, sink.url), standing())
    with reading(engine) as connection:
        assert sum(row.messages for row in so_far(connection)) == 1


def test_what_processes_found_that_are_gone_adds_up(engine: Engine, database_url: str, tmp_path: Path) -> None:
    with Sink().delaying(0.02) as sink:
        relay, wide = f"127.0.0.1:{sink.port}", sink.url.replace("connections=4", "connections=40")
        environ = complete_environment(database_url) | {"NEWSLETTER_SMTP": wide, "NEWSLETTER_SENDERS": "2"}
        settings = load(environ, tmp_path)
        published(engine, settings, 4000)  # as many as are worth a second process
        command = [sys.executable, "-m", "newsletter.cli.main", "issues", "send", str(WEEK)]
        subprocess.run(command, env={**os.environ, **environ}, check=True, capture_output=True, timeout=120)
    assert f'newsletter_smtp_seconds_count{{relay="{relay}"}} 4000' in shown(engine, settings)


def test_a_database_that_does_not_take_them_stops_no_sending_and_gets_them_later(
    engine: Engine, settings: Settings
) -> None:
    refused: list[object] = []

    def note(context: ExceptionContext) -> None:
        refused.append(context.original_exception)

    event.listen(engine, "handle_error", note)
    rename(engine, "relay_latencies", "elsewhere")

    def back_in_the_middle(mail: Mail, number: int) -> str:
        if number == 80:
            rename(engine, "elsewhere", "relay_latencies")
        return "250 2.0.0 taken"

    with Sink().delaying(0.05).ending(back_in_the_middle) as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, 120)
        assert send_due(engine, here, standing()).issues[0].counts.sent == 120
    event.remove(engine, "handle_error", note)
    with reading(engine) as connection:
        assert sum(row.messages for row in so_far(connection)) == 120
    assert refused


def test_a_database_that_never_takes_them_loses_nothing_else(engine: Engine, settings: Settings) -> None:
    rename(engine, "relay_latencies", "elsewhere")
    with Sink() as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, 10)
        (sent,) = send_due(engine, here, standing()).issues
    assert (sent.status, sent.counts.sent, sent.trouble) == ("sent", 10, None)
    assert len(sink.mails) == 10


def rename(engine: Engine, table: str, name: str) -> None:
    with transaction(engine) as connection:
        connection.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))


def test_what_several_processes_found_adds_up(engine: Engine) -> None:
    for number in (1, 2):
        with transaction(engine) as connection:
            add(connection, [Latency("relay", 0.5, number, 0.3 * number), Latency("relay", float("inf"), 1, 400.0)])
    with reading(engine) as connection:
        one, beyond = so_far(connection)
    assert (one.up_to, one.messages, round(one.seconds, 6)) == (0.5, 3, 0.9)
    assert (beyond.up_to, beyond.messages, beyond.seconds) == (float("inf"), 2, 800.0)


def test_senders_of_a_version_with_other_bounds_are_counted_too(engine: Engine, settings: Settings) -> None:
    with transaction(engine) as connection:
        add(connection, [Latency("relay", 0.3, 2, 0.5), Latency("relay", 1000.0, 1, 900.0)])
    lines = shown(engine, settings)
    assert 'newsletter_smtp_seconds_bucket{relay="relay",le="0.25"} 0' in lines
    assert 'newsletter_smtp_seconds_bucket{relay="relay",le="0.5"} 2' in lines
    assert 'newsletter_smtp_seconds_bucket{relay="relay",le="300"} 2' in lines
    assert 'newsletter_smtp_seconds_bucket{relay="relay",le="+Inf"} 3' in lines
    assert 'newsletter_smtp_seconds_count{relay="relay"} 3' in lines
    assert 'newsletter_smtp_seconds_sum{relay="relay"} 900.500000' in lines


def test_senders_that_met_the_bounds_in_different_orders_do_not_lock_one_another_out(engine: Engine) -> None:
    bounds = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5)

    def add_often(order: tuple[float, ...]) -> None:
        for _ in range(25):
            with transaction(engine) as connection:
                add(connection, [Latency("relay", bound, 1, 0.0) for bound in order])

    with ThreadPoolExecutor(3) as senders:  # an error of any is raised here
        list(senders.map(add_often, (bounds, bounds[::-1], bounds[3:] + bounds[:3])))
    with reading(engine) as connection:
        assert [row.messages for row in so_far(connection)] == [75] * len(bounds)


def test_what_the_database_did_not_take_is_there_the_next_time() -> None:
    latencies = Latencies()
    latencies.add("relay", 0.3)
    taken = latencies.take()
    assert latencies.take() == []
    latencies.put_back(taken)
    latencies.add("relay", 0.4)
    ((relay, up_to, messages, seconds),) = latencies.take()
    assert (relay, up_to, messages) == ("relay", 0.5, 2)
    assert seconds == pytest.approx(0.7)
