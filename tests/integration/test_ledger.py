"""The ledger of deliveries: what a claim passes over, and what stands there of those that nobody tried."""

from datetime import timedelta

from sqlalchemy import Engine, select, update

from db import claims, domains
from db.claims import Claimed
from db.engine import reading, transaction
from db.models import Delivery, DomainPause, Subscriber
from newsletter.clock import real_now
from newsletter.settings import Settings
from newsletter.subscribers.suppress import suppress_address
from tests.integration.sending import NOW, published, statuses, subscribe

HOUR = timedelta(hours=1)


def claim(engine: Engine, issue_id: int, owner: str = "sender", **options: object) -> list[Claimed]:
    with transaction(engine) as connection:
        return claims.claim(connection, issue_id, owner, NOW, real_now() + HOUR, 10, **options)[0]  # type: ignore[arg-type]


def tried(engine: Engine) -> set[tuple[int, bool]]:
    """(attempts, whether a first one is noted) of all deliveries."""
    with reading(engine) as connection:
        rows = connection.execute(select(Delivery.attempts, Delivery.first_attempt_at))
        return {(row.attempts, row.first_attempt_at is not None) for row in rows}


def test_who_was_suppressed_or_paused_after_the_publishing_is_passed_over(engine: Engine, settings: Settings) -> None:
    issue_id = published(engine, settings, 3)
    suppress_address(engine, "reader0@example.org", now=NOW)
    with transaction(engine) as connection:
        paused = update(Subscriber).where(Subscriber.email == "reader1@example.org")
        connection.execute(paused.values(paused_until=NOW + HOUR))
    assert [row.email for row in claim(engine, issue_id)] == ["reader2@example.org"]
    assert sorted(status for status, _ in statuses(engine).values()) == ["sending", "skipped", "skipped"]


def test_what_is_given_back_was_never_tried(engine: Engine, settings: Settings) -> None:
    issue_id = published(engine, settings, 2)
    claimed = claim(engine, issue_id)
    assert tried(engine) == {(1, True)}
    with transaction(engine) as connection:
        claims.give_back(connection, issue_id, "sender", claimed)
    assert tried(engine) == {(0, False)}
    assert {status for status, _ in statuses(engine).values()} == {"queued"}


def test_what_is_put_off_with_its_domain_was_not_tried_though_its_time_is_counted(
    engine: Engine, settings: Settings
) -> None:
    issue_id = published(engine, settings, 2)
    claimed = claim(engine, issue_id)
    with transaction(engine) as connection:
        claims.put_off(connection, issue_id, "sender", claimed, NOW + HOUR)
    assert tried(engine) == {(0, True)}  # since when it waits
    assert {status for status, _ in statuses(engine).values()} == {"deferred"}


def test_who_waits_for_a_domain_waits_since_the_first_time_until_somebody_asks_it(
    engine: Engine, settings: Settings
) -> None:
    issue_id = published(engine, settings, 1)
    since = []
    for hours, gives_back in ((0, False), (2, True), (4, False), (6, True), (30, False)):
        now = NOW + hours * HOUR
        with transaction(engine) as connection:
            claimed, _ = claims.claim(connection, issue_id, "sender", now, real_now() + HOUR, 10)
            if gives_back:
                claims.give_back(connection, issue_id, "sender", claimed)
            else:
                claims.put_off(connection, issue_id, "sender", claimed, now + HOUR)
            since.append(connection.scalar(select(Delivery.first_attempt_at)))
    assert since == [NOW, NOW, NOW, NOW, NOW + 30 * HOUR]  # it was due for a day, and nobody claimed it
    claim_late = NOW + 32 * HOUR
    with transaction(engine) as connection:
        claims.claim(connection, issue_id, "sender", claim_late, real_now() + HOUR, 10)
        assert connection.scalar(select(Delivery.first_attempt_at)) == claim_late


def test_who_only_seems_to_be_gone_keeps_what_they_hold_until_their_leases_end(
    engine: Engine, settings: Settings
) -> None:
    """A machine that cannot be reached may be sending still."""
    issue_id = published(engine, settings, 2)
    claim(engine, issue_id, "elsewhere")
    for now, status in ((real_now(), "sending"), (real_now() + 2 * HOUR, "queued")):
        with transaction(engine) as connection:
            claims.take_over(connection, issue_id, (), {"elsewhere"}, now)
        assert {status for status, _ in statuses(engine).values()} == {status}


def test_the_longer_pause_of_a_domain_stands(engine: Engine) -> None:
    with transaction(engine) as connection:
        assert domains.pause_domain(connection, "example.org", NOW + 2 * HOUR, "421 later", NOW)
        assert not domains.pause_domain(connection, "example.org", NOW + HOUR, "421 soon", NOW)
        pause = connection.execute(select(DomainPause.until, DomainPause.reason)).one()
    assert tuple(pause) == (NOW + 2 * HOUR, "421 later")


def test_with_those_who_waited_long_fails_who_was_tried_and_nobody_else(engine: Engine, settings: Settings) -> None:
    """Who came to a domain an hour ago, while it paused, is asked for once before they are given up."""
    issue_id, lately, long_ago = published(engine, settings, 5), NOW - HOUR, NOW - 80 * HOUR
    waiting = [("deferred", 0, long_ago), ("deferred", 1, lately), ("deferred", 0, lately), ("uncertain", 1, lately)]
    with transaction(engine) as connection:
        for number, (status, attempts, since) in enumerate(waiting):
            waits = {"status": status, "attempts": attempts, "first_attempt_at": since, "next_attempt_at": NOW + HOUR}
            connection.execute(update(Delivery).where(Delivery.email.startswith(f"reader{number}@")).values(waits))
        domains.give_up_domain(connection, issue_id, "example.org", NOW - 72 * HOUR, "it takes nothing", NOW)
        rows = connection.execute(select(Delivery.status, Delivery.next_attempt_at).order_by(Delivery.email)).all()
    assert [row.status for row in rows] == ["failed", "failed", "deferred", "uncertain", "queued"]
    assert [row.next_attempt_at for row in rows] == [None, None, NOW + HOUR, None, None]


def test_a_claim_without_a_domain_takes_those_that_only_look_like_it(engine: Engine, settings: Settings) -> None:
    """An underscore is any character to the database."""
    subscribe(engine, 1, domain="a_b.example", start=10)
    subscribe(engine, 1, domain="axb.example", start=20)
    issue_id = published(engine, settings, 0)
    assert [row.email for row in claim(engine, issue_id, without={"a_b.example"})] == ["reader20@axb.example"]


def test_a_receiver_that_asks_for_less_again_is_slow_from_then_on(engine: Engine) -> None:
    with transaction(engine) as connection:
        domains.slow_domain(connection, "google.com", 20.0, NOW)
        domains.slow_domain(connection, "google.com", 5.0, NOW + 9 * HOUR)
        domains.pause_domain(connection, "example.org", NOW + 9 * HOUR, "421 later", NOW)
        domains.slow_domain(connection, "example.org", 2.0, NOW)
        found = domains.slowed_domains(connection, NOW + HOUR)
    assert sorted(found) == [("example.org", 2.0, NOW + 9 * HOUR), ("google.com", 5.0, NOW + 9 * HOUR)]
