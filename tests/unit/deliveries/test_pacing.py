"""Shares of several relays, the ramp of a new one, and the pace that ends an issue when it should."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from newsletter.deliveries import pacing
from newsletter.deliveries.mail_hosts import line_of
from newsletter.setting_values import Relay, duration, relays

BIG, SMALL, FREE = (
    relays(f"smtp://{name}.example?tls=off{options}")[0]
    for name, options in (("big", "&weight=3"), ("small", "&weight=1"), ("free", ""))
)


def taken(shares: pacing.Shares, relays: list[Relay], rounds: int, start: float = 0.0) -> Counter[str]:
    counted: Counter[str] = Counter()
    for number in range(rounds):
        for relay in relays:
            now = start + number * 0.01
            if shares.take(relay, now):
                counted[relay.host] += 1
    return counted


def test_relays_with_weights_share_in_their_proportion() -> None:
    found = taken(pacing.Shares([BIG, SMALL], 0.0), [BIG, BIG, BIG, BIG, BIG, BIG, SMALL], 400)
    assert found["big.example"] / found["small.example"] == pytest.approx(3, rel=0.1)


def test_a_relay_without_a_weight_takes_what_it_can() -> None:
    found = taken(pacing.Shares([BIG, FREE], 0.0), [FREE, FREE, BIG], 100)
    assert found == {"free.example": 200, "big.example": 100}


def test_a_relay_that_takes_nothing_is_not_waited_for_and_comes_back_level() -> None:
    shares = pacing.Shares([BIG, SMALL], 0.0)
    taken(shares, [BIG, SMALL], 100)
    alone = taken(shares, [BIG], 1000, start=100.0)
    assert alone["big.example"] == 1000
    both = taken(shares, [BIG, BIG, BIG, BIG, SMALL], 200, start=110.0)
    assert both["big.example"] / both["small.example"] == pytest.approx(3, rel=0.15)


def test_a_relay_that_is_gone_is_not_waited_for() -> None:
    shares = pacing.Shares([BIG, SMALL], 0.0)
    assert taken(shares, [BIG], 100)["big.example"] < 50
    shares.gone(SMALL)
    assert taken(shares, [BIG], 100)["big.example"] == 100


def test_a_new_relay_begins_with_fifty_an_hour_and_doubles_every_day() -> None:
    new = replace(FREE, warmup=date(2026, 11, 24))
    hourly = [round((pacing.warm_up(new, date(2026, 11, 24) + timedelta(days=day)) or 0) * 3600) for day in range(4)]
    assert hourly == [50, 100, 200, 400]
    assert pacing.warm_up(new, date(2026, 11, 20)) == pacing.warm_up(new, date(2026, 11, 24))
    assert pacing.warm_up(new, date(2026, 12, 15)) is None
    assert pacing.warm_up(FREE, date(2026, 11, 24)) is None


def test_a_relay_keeps_the_lower_of_its_rate_and_its_ramp() -> None:
    issue = pacing.Queue("issue 1", 5.0)
    new = replace(FREE, warmup=date(2026, 11, 24), rate=2.0)
    first, later = (pacing.queues(new, issue, date(2026, 11, day)) for day in (24, 30))
    assert [queue.rate for queue in first] == [pytest.approx(50 / 3600), 5.0]
    assert [queue.rate for queue in later] == [pytest.approx(50 * 64 / 3600), 5.0]
    assert pacing.queues(replace(new, warmup=None), None, date(2026, 11, 24)) == [pacing.Queue("free.example:25", 2.0)]
    assert pacing.queues(FREE, None, date(2026, 11, 24)) == []


def test_an_issue_is_spread_over_the_time_that_is_left() -> None:
    assert pacing.spread(7200, timedelta(0), duration("2h")) == 1.0
    assert pacing.spread(3600, timedelta(hours=1), duration("2h")) == 1.0
    assert pacing.spread(3600, timedelta(hours=3), duration("2h")) is None
    assert pacing.spread(3600, timedelta(0), None) is None


def no_dns(domain: str) -> list[str]:
    raise AssertionError(f"{domain} needs no question to the DNS")


def test_domains_of_one_receiver_stand_in_one_line() -> None:
    named = ("google.com", "example.com", "*")
    assert line_of("gmail.com", named, no_dns) == line_of("googlemail.com", named, no_dns) == "google.com"
    assert line_of("example.com", named, no_dns) == "example.com"
    assert line_of("firm.example", named, lambda _: ["aspmx.l.google.com."]) == "google.com"
    assert line_of("firm.example", named, lambda _: ["mx.notgoogle.com"]) == "firm.example"
    assert line_of("firm.example", ("google.com",), lambda _: []) is None
    assert line_of("hotmail.com", ("*",), no_dns) == "hotmail.com"


def test_a_receiver_that_finds_it_too_much_gets_half_and_recovers() -> None:
    began = datetime(2026, 11, 24, tzinfo=UTC)
    assert pacing.slower(None, 100, 10.0) == 5.0
    assert pacing.slower(5.0, 100, 10.0) == 2.5
    assert pacing.slower(None, 0, 0.0) == pacing.UNKNOWN / 2
    assert pacing.slower(1.5, 0, 0.0) == pacing.SLOWEST
    slowed = pacing.Slowed(2.0, began)
    assert [slowed.recovered(began + timedelta(minutes=minutes)) for minutes in (-5, 0, 2, 4)] == [2.0, 2.0, 4.0, 8.0]
