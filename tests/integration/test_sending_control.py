"""Stopping, sharing and refusing: what a sending does when people, processes and relays get in its way."""

import asyncio
import errno
import os
import re
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert, select, update

from db.claims import claim, give_back
from db.engine import transaction
from db.keys import newest_link_key
from db.models import Delivery, Editor, Key, Letter, Subscriber
from db.models import Sender as Killed
from db.outcomes import Written, write_outcomes
from db.ownership import folder_id, lock_folder
from newsletter import setting_values
from newsletter.cli.door import Door
from newsletter.cli.sending import start
from newsletter.cli.status import look
from newsletter.clock import real_now
from newsletter.deliveries import pacing, refusals, send_issue
from newsletter.deliveries.read_receipt import read_receipt
from newsletter.deliveries.send import _settle, check_ready, send_due
from newsletter.deliveries.send_issue import Sender, Tally
from newsletter.deliveries.senders import helpers
from newsletter.deliveries.steer import CancelReport, cancel_issue, pause_issue, resume_issue
from newsletter.deliveries.transport import submit
from newsletter.errors import RefusedError, SettingsError
from newsletter.issues.publish import publish_issue
from newsletter.settings import Settings
from newsletter.subscribers.erase import erase
from tests.conftest import one_database
from tests.fakes.ports import free_port
from tests.fakes.smtp_sink import ALL, Sink
from tests.fakes.waiting import until
from tests.integration.sending import NOW, WEEK, approved_issue, published, standing, subscribe, with_relays


class Sending(threading.Thread):
    def __init__(self, engine: Engine, settings: Settings) -> None:
        super().__init__()
        self.engine, self.settings, self.stop = engine, settings, threading.Event()

    def run(self) -> None:
        send_due(self.engine, self.settings, standing(), WEEK, self.stop)


def wait_for(sink: Sink, mails: int) -> None:
    until(lambda: len(sink.mails) >= mails, 30)
    assert len(sink.mails) >= mails


def test_a_pause_holds_and_a_resumed_issue_reaches_everyone_once(engine: Engine, settings: Settings) -> None:
    with Sink().delaying(0.02) as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, 1500)
        sending = Sending(engine, here)
        sending.start()
        wait_for(sink, 20)
        pause_issue(engine, WEEK, NOW)
        sending.join(10)
        assert not sending.is_alive()
        paused = read_receipt(engine, WEEK)
        assert paused.status == "paused"
        assert paused.counts.sending == 0
        assert paused.counts.sent == len(sink.mails) < 1500
        resume_issue(engine, WEEK, NOW)
        sink.delaying(0)
        send_due(engine, here, standing(), WEEK)
    assert read_receipt(engine, WEEK).status == "sent"
    assert set(sink.recipients().values()) == {1}
    assert len(sink.mails) == 1500


def test_a_stop_drains(engine: Engine, settings: Settings) -> None:
    with Sink().delaying(0.02) as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, 1500)
        sending = Sending(engine, here)
        sending.start()
        wait_for(sink, 20)
        sending.stop.set()
        sending.join(10)
    counts = read_receipt(engine, WEEK).counts
    assert (counts.sending, counts.sent) == (0, len(sink.mails))
    assert counts.queued == 1500 - counts.sent


def test_what_holds_up_a_sending_is_told_until_it_goes_on(engine: Engine, settings: Settings) -> None:
    away = with_relays(settings, "smtp://127.0.0.1:9?tls=off")
    published(engine, away, 3)
    send_due(engine, away, standing(), WEEK)
    receipt, status = read_receipt(engine, WEEK), look(engine, NOW)
    assert (receipt.status, receipt.counts.queued) == ("sending", 3)
    assert "cannot be used" in (receipt.trouble or "")
    assert status["issues"][0]["trouble"] == receipt.document()["trouble"] == receipt.trouble
    with Sink().refusing("reader2@example.org", "451 4.7.1 greylisted, try later") as sink:
        send_due(engine, with_relays(settings, sink.url), standing(), WEEK)
    receipt = read_receipt(engine, WEEK)
    assert (receipt.status, receipt.counts.deferred, receipt.trouble) == ("sending", 1, None)


@pytest.mark.parametrize("statement", range(8))
def test_a_sender_never_leaves_an_issue_open_with_nothing_left_to_send(
    engine: Engine, settings: Settings, statement: int
) -> None:
    """Whenever another one commits the last outcome while it looks how the issue stands."""
    issue_id = published(engine, settings, 1)
    with transaction(engine) as connection:
        ((last,), _) = claim(connection, issue_id, "another", NOW, real_now() + timedelta(minutes=1), 1)
    seen = 0

    @event.listens_for(engine, "before_cursor_execute")
    def commit_the_last(connection: Any, *_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == statement + 1:
            ended = Written(last.delivery_id, "sent", None, 250, "ok", "relay", None)
            write_outcomes(connection, issue_id, "another", [ended], NOW)

    found = _settle(engine, standing(), issue_id, str(WEEK), Tally())
    event.remove(engine, "before_cursor_execute", commit_the_last)
    assert found.counts.open or found.status == "sent"


def test_a_relay_is_not_blamed_for_what_leases_that_ended_hold_back(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a machine stood still past its leases and goes on."""
    may_go, over = Sender.may_go, iter([False, True, False, True, True, False])
    monkeypatch.setattr(Sender, "may_go", lambda sender: next(over, True) and may_go(sender))
    with Sink() as sink:
        here = with_relays(settings, sink.url.replace("connections=4", "connections=1"))
        published(engine, here, 3)
        (sent,) = send_due(engine, here, standing(), WEEK).issues
    assert (sent.status, sent.trouble, len(sink.mails)) == ("sent", None, 3)


def test_a_cancelled_issue_reaches_nobody_else(engine: Engine, settings: Settings) -> None:
    with Sink() as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, 10)
        assert cancel_issue(engine, WEEK, NOW) == CancelReport(skipped=10, held=0)
        send_due(engine, here, standing(), WEEK)
    assert sink.mails == []
    assert read_receipt(engine, WEEK).counts.skipped == 10
    with pytest.raises(RefusedError, match="cancelled"):
        resume_issue(engine, WEEK, NOW)


def test_two_senders_at_once_double_nothing(engine: Engine, settings: Settings) -> None:
    with Sink() as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, 2000)
        both = [Sending(engine, here), Sending(engine, here)]
        for sending in both:
            sending.start()
        for sending in both:
            sending.join()
    assert len(sink.mails) == 2000
    assert set(sink.recipients().values()) == {1}
    assert sink.most_connections <= 4
    assert read_receipt(engine, WEEK).status == "sent"


def test_of_two_commands_that_start_an_issue_at_once_both_send_it(engine: Engine, settings: Settings) -> None:
    subscribe(engine, 3)
    approved_issue(engine, settings)
    door = Door()
    door.engine, door.settings, door.clock = engine, settings, standing()

    def the_other(*_: object) -> None:
        publish_issue(engine, WEEK, settings, NOW)

    event.listen(engine, "checkin", the_other, once=True)  # when the first one has looked and found it approved
    start(door, WEEK)
    assert read_receipt(engine, WEEK).status == "sending"


def test_who_leaves_between_approval_and_sending_gets_nothing(engine: Engine, settings: Settings) -> None:
    with Sink() as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, 10)
        with transaction(engine) as connection:
            left = update(Subscriber).where(Subscriber.email == "reader4@example.org")
            connection.execute(left.values(state="unsubscribed"))
        send_due(engine, here, standing(), WEEK)
    counts = read_receipt(engine, WEEK).counts
    assert (counts.sent, counts.skipped) == (9, 1)
    assert "reader4@example.org" not in sink.recipients()


@one_database
@pytest.mark.parametrize(
    ("options", "rates"), [("&rate=20/s", ()), ("", (("example.org", 20.0),))], ids=["relay", "domain"]
)
def test_who_leaves_while_a_sending_is_held_back_gets_nothing(
    engine: Engine,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    options: str,
    rates: tuple[tuple[str, float], ...],
) -> None:
    """All are claimed at once, and the last wait for their turn as long as the rate wants."""
    monkeypatch.setattr(send_issue, "LEFT_SECONDS", 0.1)
    with Sink() as sink:
        here = replace(with_relays(settings, sink.url + options), domain_rates=rates)
        published(engine, here, 40)
        sender = Sending(engine, here)
        sender.start()
        wait_for(sink, 5)
        with transaction(engine) as connection:
            for reader in ("reader37@example.org", "reader39@example.org"):
                left = update(Subscriber).where(Subscriber.email == reader)
                connection.execute(left.values(state="unsubscribed"))
        sender.join(60)
    receipt = read_receipt(engine, WEEK)
    assert (receipt.status, receipt.counts.sent, receipt.counts.skipped) == ("sent", 38, 2)
    assert len(sink.mails) == len(sink.recipients()) == 38
    assert not {"reader37@example.org", "reader39@example.org"} & set(sink.recipients())


def test_a_reply_that_comes_after_an_erasure_does_not_bring_the_address_back(
    engine: Engine, settings: Settings
) -> None:
    published(engine, settings, 1)
    with transaction(engine) as connection:
        now = real_now()
        (claimed,), _ = claim(connection, 1, "a-sender", now, now + timedelta(minutes=5), 1)
    erase(engine, claimed.subscriber_id, now=NOW)
    with transaction(engine) as connection:
        reply = f"550 5.1.1 <{claimed.email}> is unknown"
        write_outcomes(
            connection,
            1,
            "a-sender",
            [Written(claimed.delivery_id, "failed", None, 550, reply, "relay", claimed.email)],
            NOW,
        )
        row = connection.execute(select(Delivery.status, Delivery.code, Delivery.reply, Delivery.relay_id)).one()
    assert tuple(row) == ("failed", 550, None, None)


def test_who_chose_nothing_of_this_week_is_skipped_and_counted(engine: Engine, settings: Settings) -> None:
    with Sink() as sink:
        here = with_relays(settings, sink.url)
        approved_issue(engine, here)
        subscribe(engine, 3)
        subscribe(engine, 2, selection='{"categories":["Music"]}', start=10)
        subscribe(engine, 1, selection='{"categories":["Writing"]}', start=20)
        publish_issue(engine, WEEK, here, NOW)
        send_due(engine, here, standing(), WEEK)
    counts = read_receipt(engine, WEEK).counts
    assert (counts.recipients, counts.sent, counts.skipped) == (6, 4, 2)
    writing = next(mail for mail in sink.mails if mail.recipient == "reader20@example.org")
    assert b"gamma" in writing.data
    assert b"alpha" not in writing.data


def test_a_relay_that_is_not_there_leaves_everything_queued(engine: Engine, settings: Settings) -> None:
    here = with_relays(settings, "smtp://127.0.0.1:1?tls=off&connections=1")
    published(engine, here, 5)
    stop = threading.Event()
    threading.Timer(2.0, stop.set).start()
    sent = send_due(engine, here, standing(), WEEK, stop).issues[0]
    assert sent.counts.queued == 5
    assert sent.trouble is not None
    assert "127.0.0.1:1" in sent.trouble


def test_one_relay_goes_on_where_another_is_not_there(engine: Engine, settings: Settings) -> None:
    with Sink() as sink:
        here = with_relays(settings, "smtp://127.0.0.1:1?tls=off&connections=1", sink.url)
        published(engine, here, 20)
        assert send_due(engine, here, standing(), WEEK).issues[0].status == "sent"
    assert len(sink.mails) == 20


def test_three_domains_that_blame_the_issue_pause_it_and_one_mailbox_never_does(
    engine: Engine, settings: Settings
) -> None:
    with Sink().ending(lambda mail, n: "554 5.6.0 bad content").delaying(0.05) as sink:
        here = with_relays(settings, sink.url)
        for number in range(300):
            subscribe(engine, 1, domain=f"domain{number % 5}.example", start=number)
        approved_issue(engine, here)
        publish_issue(engine, WEEK, here, NOW)
        send_due(engine, here, standing(), WEEK)
    found = read_receipt(engine, WEEK)
    assert found.status == "paused"
    assert found.counts.queued > 0
    assert "domains" in (found.pause_reason or "")


def test_a_domain_that_distrusts_us_pauses_and_others_go_on(engine: Engine, settings: Settings) -> None:
    with Sink().refusing("reader0@wary.example", "554 5.7.1 we do not trust you") as sink:
        here = with_relays(settings, sink.url)
        subscribe(engine, 1, domain="wary.example")
        subscribe(engine, 1200, start=1)
        subscribe(engine, 3, domain="wary.example", start=2000)
        approved_issue(engine, here)
        publish_issue(engine, WEEK, here, NOW)
        first = send_due(engine, here, standing(), WEEK).issues[0]
        assert (first.counts.sent, first.counts.failed, first.counts.deferred) == (1200, 1, 3)
        later = send_due(engine, here, standing(NOW + timedelta(hours=1)), WEEK).issues[0]
    assert (later.counts.sent, later.counts.failed) == (1203, 1)


def test_a_rate_holds_for_all_senders_together(engine: Engine, settings: Settings) -> None:
    with Sink() as sink:
        here = with_relays(settings, sink.url + "&rate=100/s")
        published(engine, here, 150)
        began = real_now()
        both = [Sending(engine, here), Sending(engine, here)]
        for sending in both:
            sending.start()
        for sending in both:
            sending.join()
        seconds = (real_now() - began).total_seconds()
    assert len(sink.mails) == 150
    assert seconds >= 1.0  # 150 messages at 100 a second, less what may be taken at once


def test_an_issue_whose_addresses_do_not_exist_pauses_and_operators_are_told(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "BOUNCES_NEED", 50)
    with transaction(engine) as connection:
        connection.execute(insert(Editor).values(email="ops@example.com", role="operator", created_at=NOW))
    with Sink().delaying(0.02) as sink:
        for number in range(20):
            sink.refusing(f"reader{number}@example.org", "550 5.1.1 no such user")
        here = with_relays(settings, sink.url)
        published(engine, here, 600)
        sent = send_due(engine, here, standing(), WEEK).issues[0]
    assert sent.status == "paused"
    assert "addresses do not exist" in (sent.trouble or "")
    with transaction(engine) as connection:
        assert list(connection.scalars(select(Letter.email))) == ["ops@example.com"]


def test_relays_with_weights_share_and_one_that_is_gone_leaves_its_share(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "STALLED_SECONDS", 60.0)  # a busy machine takes its time to connect
    with Sink() as big, Sink() as small:
        here = with_relays(
            settings, big.url + "&weight=3", small.url + "&weight=1", "smtp://127.0.0.1:9?tls=off&weight=9"
        )
        published(engine, here, 200)
        report = send_due(engine, here, standing(), WEEK)
    assert report.issues[0].counts.sent == 200
    assert 2 < len(big.mails) / len(small.mails) < 4.5


@pytest.mark.long
def test_a_relay_that_comes_back_is_used_again_while_others_go_on(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "connect_delay", lambda tries, asked_to_wait: 0.1)
    late = Sink()
    late.port = free_port()
    with Sink() as sink:
        here = replace(with_relays(settings, sink.url, late.url), finish_within=timedelta(seconds=6))
        published(engine, here, 60)
        sending = Sending(engine, here)
        sending.start()
        while len(sink.mails) < 10:
            time.sleep(0.05)
        with late:
            sending.join()
    assert len(sink.mails) + len(late.mails) == 60
    assert late.mails


def test_an_issue_that_has_a_time_to_end_is_spread_over_it(engine: Engine, settings: Settings) -> None:
    with Sink() as sink:
        here = replace(with_relays(settings, sink.url), finish_within=timedelta(seconds=1))
        published(engine, here, 20)
        began = real_now()
        sent = send_due(engine, here, standing(), WEEK).issues[0]
        seconds = (real_now() - began).total_seconds()
    assert sent.counts.sent == 20
    assert seconds >= 0.7


def test_a_slow_relay_holds_nobody_up_once_the_others_have_sent_it_all(engine: Engine, settings: Settings) -> None:
    with Sink() as sink, Sink() as new:
        here = with_relays(settings, sink.url, new.url + f"&warmup={real_now():%Y-%m-%d}")
        published(engine, here, 100)
        began = real_now()
        sent = send_due(engine, here, standing(), WEEK).issues[0]
        seconds = (real_now() - began).total_seconds()
    assert sent.counts.sent == 100
    assert len(new.mails) <= 2
    assert seconds < 60  # the next place of the new relay is 72 seconds away


def test_addresses_that_need_smtputf8_fail_alone_where_it_is_not_offered(engine: Engine, settings: Settings) -> None:
    with Sink().offering("PIPELINING") as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, 20)
        with transaction(engine) as connection:
            for number in range(1, 6):
                named = update(Delivery).where(Delivery.email == f"reader{number}@example.org")
                connection.execute(named.values(email=f"jöe@domain{number}.example"))
        send_due(engine, here, standing(), WEEK)
    found = read_receipt(engine, WEEK)
    assert (found.status, found.counts.sent, found.counts.failed) == ("sent", 15, 5)
    assert "SMTPUTF8" in (found.failures[0].reply or "")
    with engine.connect() as connection:
        states = set(connection.exec_driver_sql("SELECT state FROM subscribers").scalars())
    assert states == {"active"}


@pytest.mark.parametrize("offers", [("PIPELINING",), ("CHUNKING",), ()], ids=["pipelining", "chunking", "plain"])
@pytest.mark.parametrize("order", [1, -1], ids=["first", "last"])
def test_what_one_relay_cannot_address_goes_by_another_that_can(
    engine: Engine, settings: Settings, offers: tuple[str, ...], order: int
) -> None:
    with Sink().offering(*offers) as plain, Sink() as modern:
        here = with_relays(settings, *[plain.url, modern.url][::order])
        published(engine, here, 60)
        with transaction(engine) as connection:
            for number in range(1, 60, 2):
                named = update(Delivery).where(Delivery.email == f"reader{number}@example.org")
                connection.execute(named.values(email=f"jöe{number}@example.org"))
        send_due(engine, here, standing(), WEEK)
    assert read_receipt(engine, WEEK).counts.sent == 60
    assert all(mail.recipient.isascii() for mail in plain.mails)


def test_what_no_relay_that_is_there_can_address_waits_for_the_others(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "connect_delay", lambda tries, asked_to_wait: 0.1)
    with Sink().offering("PIPELINING") as plain:
        here = with_relays(settings, plain.url, "smtp://127.0.0.1:9?tls=off")
        published(engine, here, 5)
        with transaction(engine) as connection:
            named = update(Delivery).where(Delivery.email == "reader3@example.org")
            connection.execute(named.values(email="jöe@example.org"))
        send_due(engine, here, standing(), WEEK)
        with Sink() as modern:
            send_due(engine, with_relays(settings, plain.url, modern.url), standing(NOW + timedelta(hours=1)), WEEK)
    assert [mail.recipient for mail in modern.mails] == ["jöe@example.org"]
    assert read_receipt(engine, WEEK).counts.sent == 5


@pytest.mark.parametrize("offers", [ALL, ("PIPELINING", "SIZE"), ()], ids=["chunking", "pipelining", "plain"])
def test_the_fast_way_puts_the_same_bytes_on_the_wire_as_aiosmtplib(
    engine: Engine, settings: Settings, offers: tuple[str, ...]
) -> None:
    with Sink().offering(*offers) as fast, Sink().offering(*offers) as plain:
        here = with_relays(settings, fast.url)
        published(engine, here, 5, size=80_000)
        send_due(engine, here, standing(), WEEK)
        for mail in fast.mails:
            reply = asyncio.run(submit(setting_values.relays(plain.url), mail.sender, mail.recipient, mail.data))
            assert reply.code == 250
    assert [mail.data for mail in plain.mails] == [mail.data for mail in fast.mails]
    assert [mail.sender for mail in plain.mails] == [mail.sender for mail in fast.mails]


@pytest.mark.parametrize("missing", ["title", "from_", "postal_address", "secret_key"])
def test_sending_refuses_to_start_without_what_every_issue_carries(settings: Settings, missing: str) -> None:
    nothing: dict[str, Any] = {missing: None}
    with pytest.raises(SettingsError, match=missing.rstrip("_").upper()):
        check_ready(replace(settings, **nothing))


def test_one_click_needs_https_anywhere_but_at_home(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="https"):
        check_ready(replace(settings, public_url="http://news.example.com"))
    check_ready(replace(settings, public_url="http://127.0.0.1:8000"))


@one_database
def test_what_may_have_arrived_is_not_called_skipped_by_a_cancelling(engine: Engine, settings: Settings) -> None:
    with Sink().ending(lambda mail, n: None if mail.recipient.startswith("reader3@") else "450 4.2.0 later") as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, 10)
        send_due(engine, here, standing(), WEEK)
    assert cancel_issue(engine, WEEK, NOW) == CancelReport(skipped=9, held=0)
    found = read_receipt(engine, WEEK)
    assert (found.counts.uncertain, found.counts.skipped, found.waiting_until) == (1, 9, None)
    assert not send_due(engine, here, standing(NOW + timedelta(hours=24))).issues


def test_what_a_sender_gives_back_after_a_cancelling_is_skipped_too(engine: Engine, settings: Settings) -> None:
    with Sink().delaying(0.02) as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, 1500)
        sending = Sending(engine, here)
        sending.start()
        wait_for(sink, 20)
        cancel_issue(engine, WEEK, NOW)
        sending.join(10)
        assert not sending.is_alive()
    found = read_receipt(engine, WEEK)
    assert (found.status, found.counts.open) == ("cancelled", 0)
    assert found.counts.sent == len(sink.mails) < 1500
    assert found.counts.skipped == 1500 - found.counts.sent


@pytest.mark.parametrize("gave_back", [False, True], ids=["held", "just given back"])
def test_what_a_killed_sender_held_of_a_cancelled_issue_is_skipped_by_the_next_one(
    engine: Engine, settings: Settings, gave_back: bool
) -> None:
    published(engine, settings, 5)
    with transaction(engine) as connection:
        now, lock = real_now(), f"{folder_id(lock_folder(engine))}/a-killed-sender"
        connection.execute(insert(Killed).values(name="killed", lock=lock, started_at=now, seen_at=now))
        claimed, _ = claim(connection, 1, "killed", now, now + timedelta(minutes=5), 2)
    report = cancel_issue(engine, WEEK, NOW)
    assert (report.skipped, report.held) == (3, 2)
    assert report.words == (
        "3 recipients will not get it; of 2 more in sending, nobody whose mail has not left yet will get it either"
    )
    if gave_back:
        with transaction(engine) as connection:
            give_back(connection, 1, "killed", claimed)
    assert read_receipt(engine, WEEK).counts.open == 2
    send_due(engine, settings, standing())
    counts = read_receipt(engine, WEEK).counts
    assert (counts.skipped, counts.open) == (5, 0)


def test_links_are_signed_with_the_key_that_the_approval_froze(engine: Engine, settings: Settings) -> None:
    approved_issue(engine, settings)
    subscribe(engine, 1)
    with transaction(engine) as connection:
        approved_with, _ = newest_link_key(connection)
        connection.execute(insert(Key).values(purpose="links", secret=b"a-newer-key", created_at=NOW))
    publish_issue(engine, WEEK, settings, NOW)
    with engine.connect() as connection:
        assert connection.scalar(select(Delivery.link_key_id)) == approved_with


def test_a_lock_of_another_user_holds_the_sending_up_and_is_named(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    with Sink() as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, 3)
        with monkeypatch.context() as patched:
            patched.setattr("db.slots.open_lock", refuse)
            (held_up,) = send_due(engine, here, standing(), WEEK).issues
            assert re.search(r"0\.slot belongs to another user", held_up.trouble or "")
        (sent,) = send_due(engine, here, standing(), WEEK).issues
    assert (sent.trouble, sent.counts.sent) == (None, 3)


def find_no_room(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "newsletter.db-locks/1.outcomes")


@one_database
def test_a_helper_that_finds_no_room_on_the_disk_leaves_it_to_its_parent_to_say_so(
    engine: Engine, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    with helpers(find_no_room, 1, 2, engine, settings, standing(), WEEK, threading.Event()):
        pass
    assert capfd.readouterr().err == ""
