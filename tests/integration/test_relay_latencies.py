"""How long relays take to answer for a message reaches /metrics, whichever process sends."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from db.engine import reading, transaction
from db.latencies import Latency, add, so_far
from newsletter.clock import Clock
from newsletter.deliveries.latencies import Latencies
from newsletter.deliveries.send import send_due
from newsletter.settings import Settings
from newsletter.web.app import create_app
from tests.fakes.browser import Browser
from tests.fakes.smtp_sink import Sink
from tests.integration.sending import published, standing, with_relays

SLOW = 0.3
EACH_WAY = pytest.mark.parametrize("offers", [("CHUNKING", "PIPELINING"), ("PIPELINING",), ()])


def shown(engine: Engine, settings: Settings) -> list[str]:
    text = Browser(create_app(settings, engine, Clock())).get("/metrics").text
    return [line for line in text.splitlines() if line.startswith("newsletter_smtp_seconds")]


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


def test_what_several_processes_found_adds_up(engine: Engine) -> None:
    for number in (1, 2):
        with transaction(engine) as connection:
            add(connection, [Latency("relay", 0.5, number, 0.3 * number), Latency("relay", float("inf"), 1, 400.0)])
    with reading(engine) as connection:
        one, beyond = so_far(connection)
    assert (one.up_to, one.messages, round(one.seconds, 6)) == (0.5, 3, 0.9)
    assert (beyond.up_to, beyond.messages, beyond.seconds) == (float("inf"), 2, 800.0)


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
