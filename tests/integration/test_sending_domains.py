"""Receivers that take no more than so much: their mail waits in line, and nobody else's does."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, func, select, text, update

from db import claims, domains
from db.claims import Claimed
from db.deliveries import mark_bounced
from db.engine import make_engine, reading, transaction
from db.models import Delivery, DomainPause, Issue, Letter, Subscriber
from db.outcomes import Written
from newsletter.clock import real_now
from newsletter.deliveries import pacing
from newsletter.deliveries.outcomes import Blame
from newsletter.deliveries.pace_domains import DomainLines
from newsletter.deliveries.pauses import Hold, hold_domains, hold_issue
from newsletter.deliveries.read_receipt import read_receipt
from newsletter.deliveries.receive import count_refusals
from newsletter.deliveries.record_outcomes import Decided, Held, write_all
from newsletter.deliveries.send import send_due
from newsletter.editors.invite import add_editor
from newsletter.issues.publish import publish_issue
from newsletter.settings import Settings
from tests.fakes.smtp_sink import Mail, Sink
from tests.fakes.waiting import until as wait_until
from tests.integration.sending import NOW, WEEK, approved_issue, published, standing, subscribe, with_relays


def to_two_domains(engine: Engine, settings: Settings, slow: int, fast: int) -> None:
    """The slow one's readers come first, so that they could be in the way."""
    subscribe(engine, slow, domain="slow.example")
    subscribe(engine, fast, domain="fast.example", start=slow)
    approved_issue(engine, settings)
    publish_issue(engine, WEEK, settings, NOW)


def test_a_domain_with_a_rate_holds_up_nobody_else(engine: Engine, settings: Settings) -> None:
    with Sink() as sink:
        here = replace(with_relays(settings, sink.url), domain_rates=(("slow.example", 40.0),))
        to_two_domains(engine, here, 60, 200)
        began = real_now()
        report = send_due(engine, here, standing(), WEEK)
        seconds = (real_now() - began).total_seconds()
    assert report.issues[0].counts.sent == 260
    assert set(sink.recipients().values()) == {1}
    assert seconds >= 1.0  # 60 at 40 a second
    receivers = [mail.recipient.partition("@")[2] for mail in sink.mails]
    assert receivers[:200].count("fast.example") > 150


def test_no_reply_is_kept_with_an_address_beyond_its_delivery(engine: Engine, settings: Settings) -> None:
    to_two_domains(engine, settings, slow=1, fast=1)
    add_editor(engine, "operator@example.com", "operator", NOW)
    reply = "554 5.7.1 <r0@slow.example>: refused"
    with transaction(engine) as connection:
        issue_id = connection.execute(select(Issue.id)).scalar_one()
        hold = Hold("slow.example", Blame.DOMAIN, NOW + timedelta(hours=1), reply, ())
        hold_domains(connection, issue_id, "me", str(WEEK), [hold], NOW)
        hold_issue(connection, issue_id, str(WEEK), f"the relay said: {reply}", NOW)
        kept = [connection.scalar(select(DomainPause.reason)), connection.scalar(select(Issue.pause_reason))]
        told = [str(data) for data in connection.scalars(select(Letter.data).where(Letter.kind == "notice"))]
    assert len(told) == 2
    for words in [*kept, *told]:
        assert "554 5.7.1 <(address)>: refused" in str(words)
        assert "@" not in str(words)


@pytest.mark.parametrize("refusal", ["554 5.7.1 we do not trust you", "451 4.7.28 too many messages today"])
def test_a_domain_that_takes_nothing_for_three_days_holds_an_issue_open_no_longer(
    engine: Engine, settings: Settings, refusal: str
) -> None:
    with Sink().ending(lambda mail, number: refusal) as sink:
        here = with_relays(settings, sink.url)
        subscribe(engine, 200, domain="wary.example")
        approved_issue(engine, here)
        publish_issue(engine, WEEK, here, NOW)
        for hour in (0, 1, *range(7, 72, 8)):
            now = send_due(engine, here, standing(NOW + timedelta(hours=hour)), WEEK).issues[0]
            assert (now.status, now.counts.deferred > 0) == ("sending", True)
        for hour in (73, 82, *range(90, 160, 8)):
            send_due(engine, here, standing(NOW + timedelta(hours=hour)), WEEK)
            with reading(engine) as connection:
                untried = Delivery.status == "deferred", Delivery.attempts == 0
                assert hour < 82 or not connection.scalars(select(Delivery.id).where(*untried)).all()
            assert hour < 98 or read_receipt(engine, WEEK).status == "sent"
    last = read_receipt(engine, WEEK)
    assert (last.status, last.counts.failed, last.counts.open) == ("sent", 200, 0)
    with reading(engine) as connection:
        replies = set(connection.scalars(select(Delivery.reply)))
        states = set(connection.scalars(select(Subscriber.state)))
    own = {refusal}  # of those who were tried to the last, where there were any
    assert replies - own == {f"wary.example took nothing of this issue for 72 hours: {refusal}"}
    assert states == {"active"}


@pytest.mark.parametrize("hours", [0, 2])
def test_what_is_on_its_way_to_a_domain_that_is_given_up_fails_after_it(
    engine: Engine, settings: Settings, hours: int
) -> None:
    """Its reply comes a moment later; 72 hours of its own would hold the issue open."""
    issue_id, later = published(engine, settings, 2), NOW + timedelta(hours=hours)

    def refused(claimed: list[Claimed], now: datetime) -> None:
        hold = Hold("example.org", Blame.BUSY, now + timedelta(hours=1), "421 too much", claimed)
        hold_domains(connection, issue_id, "me", str(WEEK), [hold], now)

    with transaction(engine) as connection:
        connection.execute(update(Issue).values(started_at=NOW - timedelta(hours=80)))
        waits = {"status": "deferred", "first_attempt_at": NOW - timedelta(hours=80), "next_attempt_at": NOW}
        connection.execute(update(Delivery).where(Delivery.email == "reader0@example.org").values(waits))
        domains.pause_domain(connection, "example.org", NOW, "421 too much", NOW - timedelta(hours=1))
        waiting, flying = claims.claim(connection, issue_id, "me", NOW, real_now() + timedelta(hours=1), 2)[0]
        refused([waiting], NOW)
        left = select(Delivery.id).where(Delivery.status != "failed")
        assert connection.scalars(left).all() == [flying.delivery_id]
        deferred = {"status": "deferred", "next_attempt_at": later + timedelta(minutes=10)}
        connection.execute(update(Delivery).where(Delivery.id == flying.delivery_id).values(deferred))
        refused([], later)
        assert connection.scalars(left).all() == []


def test_what_a_domain_says_to_one_for_three_days_is_no_bounce_of_those_who_wait(
    engine: Engine, settings: Settings
) -> None:
    with Sink().ending(lambda mail, number: "550 5.7.1 user unknown") as sink:
        here = with_relays(settings, sink.url)
        subscribe(engine, 60, domain="wary.example")
        approved_issue(engine, here)
        publish_issue(engine, WEEK, here, NOW)
        for hour in range(0, 90, 9):
            send_due(engine, here, standing(NOW + timedelta(hours=hour)), WEEK)
    later = NOW + timedelta(hours=90)
    count_refusals(engine, now=later)
    with reading(engine) as connection:
        tried = connection.scalar(select(func.count()).where(Delivery.code == 550)) or 0
        counted = connection.scalar(select(func.count()).where(Subscriber.soft_bounces > 0)) or 0
        failed = connection.scalar(select(func.count()).where(Delivery.status == "failed"))
    assert (failed, counted) == (60, tried)
    assert tried < 60


def test_who_waits_for_an_hour_does_not_fail_for_a_domain_that_had_its_time(engine: Engine, settings: Settings) -> None:
    """An issue was paused for days, and the domain finds it too much when it goes on."""
    with Sink().refusing("reader0@wary.example", "451 4.7.1 greylisted") as sink:
        here = with_relays(settings, sink.url)
        subscribe(engine, 10, domain="wary.example")
        approved_issue(engine, here)
        publish_issue(engine, WEEK, here, NOW)
        with transaction(engine) as connection:
            tried = {"status": "deferred", "attempts": 1, "first_attempt_at": NOW, "next_attempt_at": NOW}
            connection.execute(update(Delivery).where(Delivery.id == 1).values(tried))
        sink.ending(lambda mail, number: "421 too much")
        for hours in (96, 97):
            busy = send_due(engine, here, standing(NOW + timedelta(hours=hours)), WEEK).issues[0]
        sink.ending(lambda mail, number: "250 ok")
        last = send_due(engine, here, standing(NOW + timedelta(hours=99)), WEEK).issues[0]
    assert (busy.counts.failed, last.counts.failed, last.counts.sent) == (1, 1, 9)


def test_days_in_which_nobody_asked_a_domain_are_no_days_that_it_took_nothing(
    engine: Engine, settings: Settings
) -> None:
    """A domain found a first burst too much, and the issue stood still for a long weekend."""
    with Sink().ending(lambda mail, number: "421 too much at once") as sink:
        here = with_relays(settings, sink.url)
        subscribe(engine, 40, domain="busy.example")
        approved_issue(engine, here)
        publish_issue(engine, WEEK, here, NOW)
        send_due(engine, here, standing(NOW), WEEK)
        send_due(engine, here, standing(NOW + timedelta(days=4)), WEEK)
        again = read_receipt(engine, WEEK)
        sink.ending(lambda mail, number: "250 ok")
        send_due(engine, here, standing(NOW + timedelta(days=4, hours=9)), WEEK)
    last = read_receipt(engine, WEEK)
    assert again.counts.failed <= 20  # those that were tried, each for itself
    assert last.counts.sent >= 20
    assert (last.status, last.counts.failed) == ("sent", again.counts.failed)


def test_time_behind_a_domain_that_pauses_is_none_of_a_readers_own_attempts(engine: Engine, settings: Settings) -> None:
    with Sink() as sink:
        here = with_relays(settings, sink.url)
        subscribe(engine, 1, domain="choosy.example")
        approved_issue(engine, here)
        publish_issue(engine, WEEK, here, NOW)
        with transaction(engine) as connection:
            domains.pause_domain(connection, "choosy.example", NOW + timedelta(hours=71), "554 5.7.1 no", NOW)
        sink.ending(lambda mail, number: "451 4.7.1 greylisted")
        counts = []
        for hours in (0, 72, 73, 74):
            counts.append(send_due(engine, here, standing(NOW + timedelta(hours=hours)), WEEK).issues[0].counts)
    assert [one.deferred for one in counts] == [1] * 4


def decided(blame: Blame, hold: Hold | None = None, reader: int = 0) -> Decided:
    status, until = ("failed", None) if blame is Blame.MAILBOX else ("deferred", NOW + timedelta(minutes=10))
    return Decided(Written(0, status, until, 421, "421 too much", "relay", None), blame, reader, hold, lambda: None)


def busy(domain: str, line: str | None = None) -> Hold:
    return Hold(domain, Blame.BUSY, NOW + timedelta(minutes=10), "421 too much", (), (line, 1.0) if line else None)


def write_beside(
    engine: Engine, batch: list[Decided], first: Callable[[Connection], None], then: Callable[[Connection], None]
) -> None:
    """Another sender writes what the batch waits for, and then what must not wait for the batch."""

    def write() -> None:
        with transaction(engine) as connection:
            write_all(connection, Held(1, "a sender", str(WEEK), lambda: NOW), batch)

    with transaction(engine) as other:
        first(other)
        writing = threading.Thread(target=write)
        writing.start()
        wait_until(lambda: waits_for_a_lock(engine), 10)
        then(other)
    writing.join(10)


@pytest.mark.postgres
def test_senders_that_hold_the_same_domains_at_once_do_not_wait_for_each_other(postgres_url: str) -> None:
    engine = make_engine(postgres_url)

    def hold(domain: str, line: str | None = None) -> Callable[[Connection], None]:
        return lambda connection: hold_domains(connection, 1, "another", str(WEEK), [busy(domain, line)], NOW)

    batch = [decided(Blame.BUSY, busy(domain)) for domain in ("b.example", "a.example")]
    write_beside(engine, batch, hold("a.example"), hold("b.example"))
    batch = [decided(Blame.BUSY, busy(domain, "google.com")) for domain in ("c.example", "d.example")]
    write_beside(engine, batch, hold("d.example"), hold("d.example", "google.com"))
    batch = [decided(Blame.BUSY, busy("passport.com", "outlook.com"))]  # which is a domain, too
    write_beside(engine, batch, hold("outlook.com"), hold("passport.com"))
    with reading(engine) as connection:
        assert len(domains.paused_domains(connection, NOW)) == 6
    engine.dispose()


@pytest.mark.postgres
def test_senders_to_whom_the_same_mailboxes_are_refused_do_not_wait_for_each_other(postgres_url: str) -> None:
    engine = make_engine(postgres_url)
    subscribe(engine, 2)
    with transaction(engine) as connection:
        first, second = connection.scalars(select(Subscriber.id).order_by(Subscriber.id))
        connection.execute(update(Subscriber).where(Subscriber.id == first).values(name="Ada"))  # it lies behind now

    def refuse(reader: int) -> Callable[[Connection], None]:
        return lambda connection: mark_bounced(connection, 1, [reader], NOW)

    batch = [decided(Blame.MAILBOX, reader=reader) for reader in (second, first)]
    write_beside(engine, batch, refuse(first), refuse(second))
    with reading(engine) as connection:
        assert list(connection.scalars(select(Subscriber.state))) == ["bounced", "bounced"]
    engine.dispose()


def waits_for_a_lock(engine: Engine) -> bool:
    with reading(engine) as connection:
        return bool(connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


def test_a_domain_that_takes_some_of_an_issue_is_tried_to_the_last(engine: Engine, settings: Settings) -> None:
    refused = {"reader0@wary.example", "reader20@wary.example"}
    with Sink() as sink:
        for address in refused:
            sink.refusing(address, "554 5.7.1 your content is not wanted here")
        here = with_relays(settings, sink.url)
        subscribe(engine, 40, domain="wary.example")
        approved_issue(engine, here)
        publish_issue(engine, WEEK, here, NOW)
        for hour in (0, 72, 73):
            last = send_due(engine, here, standing(NOW + timedelta(hours=hour)), WEEK).issues[0]
    assert (last.status, last.counts.sent, last.counts.failed) == ("sent", 38, 2)


def test_the_rate_of_a_domain_holds_for_all_senders_together(engine: Engine, settings: Settings) -> None:
    with Sink() as sink:
        here = replace(with_relays(settings, sink.url), domain_rates=(("*", 50.0),))
        to_two_domains(engine, here, 80, 0)
        began = real_now()
        both = [threading.Thread(target=send_due, args=(engine, here, standing(), WEEK)) for _ in range(2)]
        for sending in both:
            sending.start()
        for sending in both:
            sending.join()
        seconds = (real_now() - began).total_seconds()
    assert sink.recipients().total() == len(sink.recipients()) == 80
    assert seconds >= 1.0


def test_more_of_a_slow_domain_than_is_held_at_once_is_sent_to_the_last(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "ROOM_SECONDS", 0.05)
    with Sink() as sink:
        here = replace(with_relays(settings, sink.url), domain_rates=(("slow.example", 1000.0),))
        to_two_domains(engine, here, 560, 60)
        report = send_due(engine, here, standing(), WEEK)
    assert report.issues[0].status == "sent"
    assert sink.recipients().total() == len(sink.recipients()) == 620


def test_a_domain_that_finds_it_too_much_goes_on_more_slowly(engine: Engine, settings: Settings) -> None:
    asked: list[Mail] = []

    def too_much(mail: Mail, number: int) -> str:
        if mail.recipient.endswith("@slow.example") and number >= 5 and not asked:
            asked.append(mail)
            return "451 4.7.28 rate limit exceeded"
        return "250 ok"

    with Sink().ending(too_much) as sink:
        here = with_relays(settings, sink.url)
        to_two_domains(engine, here, 40, 40)
        first = send_due(engine, here, standing(), WEEK).issues[0]
        assert first.counts.deferred > 0
        with reading(engine) as connection:
            row = connection.execute(select(DomainPause.domain, DomainPause.rate, DomainPause.until)).one()
        assert row.domain == "slow.example"
        assert row.rate > 0
        later = send_due(engine, here, standing(NOW + timedelta(hours=2)), WEEK).issues[0]
    assert (later.counts.sent, later.status) == (80, "sent")


class NobodyTakes:
    """An Outbox whose connections are all with another process."""

    def __init__(self) -> None:
        self.released: list[Claimed] = []

    def going(self) -> bool:
        return True

    def ready(self, claimed: Claimed) -> None:
        self.released.append(claimed)

    def room(self) -> None:
        pass

    async def in_line(self, queue: pacing.Queue, count: int) -> float:
        return time.monotonic()

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(0)


def test_turns_that_nobody_uses_are_not_saved_up() -> None:
    rows = [Claimed(n, n, f"r{n}@slow.example", "", "html", "", 1, 1, None, "queued") for n in range(100)]

    async def run() -> None:
        outbox = NobodyTakes()
        lines = DomainLines(outbox, {"slow.example": 40.0}, {}, lambda domain: [], lambda: NOW)
        assert lines.sort(rows) == []
        while len(outbox.released) < pacing.stretch(40.0):
            await asyncio.sleep(0)
        for _ in range(2000):
            await asyncio.sleep(0)
        assert len(outbox.released) == pacing.stretch(40.0)
        lines.taken(outbox.released[0])
        while len(outbox.released) == pacing.stretch(40.0):
            await asyncio.sleep(0)
        await lines.close()

    asyncio.run(run())


def test_a_stop_gives_back_what_waits_in_line(engine: Engine, settings: Settings) -> None:
    with Sink() as sink:
        here = replace(with_relays(settings, sink.url), domain_rates=(("slow.example", 0.01),))
        to_two_domains(engine, here, 20, 20)
        stop = threading.Event()
        sending = threading.Thread(target=send_due, args=(engine, here, standing(), WEEK, stop))
        sending.start()
        while len(sink.mails) < 20:
            threading.Event().wait(0.02)
        stop.set()
        sending.join()
        report = send_due(engine, replace(here, domain_rates=()), standing(), WEEK).issues[0]
    assert report.counts.sent == 40
    assert sink.recipients().total() == 40
