"""Sending an issue to its end, against a live SMTP server that records."""

import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from db.claims import give_back
from db.deliveries import Counts
from db.engine import transaction
from db.events import events_after, number_events
from db.letters import add_letter, is_letter_due
from db.models import Subscriber
from db.states import LetterKind
from db.suppressions import suppressions_page
from newsletter.deliveries.read_receipt import read_receipt
from newsletter.deliveries.send import send_due
from newsletter.issues.publish import publish_issue
from newsletter.settings import Settings
from tests.fakes.smtp_sink import ALL, Sink
from tests.integration.sending import GONE, NOW, WEEK, approved_issue, held, published, standing, subscribe, with_relays


def stop_after(seconds: float) -> threading.Event:
    stop = threading.Event()
    timer = threading.Timer(seconds, stop.set)
    timer.daemon = True
    timer.start()
    return stop


PIPELINING = tuple(offer for offer in ALL if offer != "CHUNKING")
PLAIN = ("8BITMIME",)


@pytest.mark.parametrize("offers", [ALL, PIPELINING, PLAIN], ids=["chunking", "pipelining", "plain"])
def test_everyone_gets_one_mail_whatever_the_relay_offers(
    engine: Engine, settings: Settings, offers: tuple[str, ...]
) -> None:
    with Sink().offering(*offers) as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, 40)
        report = send_due(engine, here, standing(), WEEK)
    assert report.issues[0].status == "sent"
    assert report.issues[0].counts.sent == 40
    assert sink.recipients() == {f"reader{n}@example.org": 1 for n in range(40)}
    assert sink.most_connections <= 4


@pytest.mark.parametrize("count", [1, 2, 3, 61, 130])
def test_a_sending_ends_however_many_it_is_for(engine: Engine, settings: Settings, count: int) -> None:
    with Sink() as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, count)
        began = time.monotonic()
        (report,) = send_due(engine, here, standing(), WEEK, stop_after(60)).issues
        assert time.monotonic() - began < 55, "it waited for nothing"
    assert (report.status, report.counts.sent, len(sink.mails)) == ("sent", count, count)


def test_publishing_tells_how_many_it_is_for(engine: Engine, settings: Settings) -> None:
    subscribe(engine, 7)
    approved_issue(engine, settings)
    assert publish_issue(engine, WEEK, settings, NOW).recipients == 7


def test_control_characters_of_a_reply_become_blanks(engine: Engine, settings: Settings) -> None:
    """PostgreSQL refuses a NUL, and a terminal that shows a receipt should not be told what to do."""
    with Sink().refusing("reader1@example.org", "550 5.1.1 no\0such\x1b[2Juser") as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, 3)
        send_due(engine, here, standing(), WEEK)
    found = read_receipt(engine, WEEK)
    assert [(row.email, row.reply) for row in found.failures] == [("reader1@example.org", "550 5.1.1 no such [2Juser")]


def test_a_refused_mailbox_fails_and_its_subscriber_is_bounced(engine: Engine, settings: Settings) -> None:
    with Sink().refusing("reader3@example.org", "550 5.1.1 no such user") as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, 10)
        with transaction(engine) as connection:
            email = "reader3@example.org"
            reader = connection.scalar(select(Subscriber.id).where(Subscriber.email == email))
            add_letter(connection, LetterKind.WELCOME, email, {}, NOW, NOW, reader)
        send_due(engine, here, standing(), WEEK)
    found = read_receipt(engine, WEEK)
    assert (found.counts.sent, found.counts.failed, found.status) == (9, 1, "sent")
    assert [(row.email, row.code) for row in found.failures] == [("reader3@example.org", 550)]
    with transaction(engine) as connection:
        number_events(connection)
        happened = [(one.what, one.email, one.week) for one in events_after(connection, 0, 100, ["bounced"])]
        (gone,) = suppressions_page(connection, 0, 100)
        assert not is_letter_due(connection, NOW), "nor are they welcomed"
    assert happened == [("bounced", "reader3@example.org", str(WEEK))], "as webhooks are told of it"
    assert (gone.email, gone.reason) == ("reader3@example.org", "bounced")


def test_a_greylisted_delivery_waits_and_goes_out_later(engine: Engine, settings: Settings) -> None:
    with Sink().refusing_once("reader3@example.org", "451 4.7.1 greylisted, try later") as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, 10)
        first = send_due(engine, here, standing(), WEEK).issues[0]
        assert (first.counts.sent, first.counts.deferred, first.status) == (9, 1, "sending")
        assert first.waiting_until is not None
        assert timedelta(minutes=5) <= first.waiting_until - NOW <= timedelta(minutes=15)
        again = send_due(engine, here, standing(NOW + timedelta(minutes=15)), WEEK).issues[0]
    assert (again.counts.sent, again.status) == (10, "sent")
    assert sink.recipients()["reader3@example.org"] == 1


@pytest.mark.parametrize("killed", [False, True], ids=["gave it back", "was killed"])
def test_who_was_not_tried_before_a_long_pause_is_not_given_up_at_the_first_try(
    engine: Engine, settings: Settings, killed: bool
) -> None:
    """Greylisted on Tuesday, with a sender before it that had claimed and not sent them on Friday."""
    with Sink().refusing("reader3@example.org", "451 4.7.1 greylisted, try later") as sink:
        here = with_relays(settings, sink.url)
        issue_id = published(engine, here, 10)
        claimed = held(engine, 10)
        if not killed:
            with transaction(engine) as connection:
                give_back(connection, issue_id, GONE, claimed)
        (sent,) = send_due(engine, here, standing(NOW + timedelta(days=4)), WEEK).issues
    assert (sent.counts.sent, sent.counts.deferred) == (9, 1)


@pytest.mark.parametrize("offers", [ALL, PIPELINING, PLAIN], ids=["chunking", "pipelining", "plain"])
def test_a_relay_that_hangs_up_after_so_many_refusals_leaves_nothing_uncertain(
    engine: Engine, settings: Settings, offers: tuple[str, ...]
) -> None:
    with Sink().offering(*offers).losing_patience_after(3) as sink:
        for number in range(40):
            sink.refusing(f"reader{number}@example.org", "451 4.7.1 greylisted, try later")
        here = with_relays(settings, sink.url)
        published(engine, here, 40)
        counts = send_due(engine, here, standing(), WEEK).issues[0].counts
    assert counts.deferred == 40


def test_a_connection_cut_after_the_final_dot_leaves_the_delivery_uncertain(engine: Engine, settings: Settings) -> None:
    with Sink().ending(lambda mail, n: None if mail.recipient.startswith("reader3@") else "250 ok") as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, 10)
        sent = send_due(engine, here, standing(), WEEK).issues[0]
        assert (sent.counts.sent, sent.counts.uncertain) == (9, 1)
        assert sent.waiting_until is not None
        assert timedelta(hours=1) <= sent.waiting_until - NOW <= timedelta(hours=24)
        sink.ending(lambda mail, n: "250 ok")
        again = send_due(engine, here, standing(NOW + timedelta(hours=24)), WEEK).issues[0]
    assert again.status == "sent"
    twice = [mail for mail in sink.mails if mail.recipient == "reader3@example.org"]
    assert len(twice) == 2
    assert twice[0].data == twice[1].data


def test_a_delivery_that_is_left_uncertain_holds_up_no_issue(engine: Engine, settings: Settings) -> None:
    with Sink().ending(lambda mail, number: None if number == 5 else "250 2.0.0 taken") as sink:
        here = replace(with_relays(settings, sink.url), uncertain="leave")
        published(engine, here, 10)
        (sent,) = send_due(engine, here, standing(), WEEK).issues
    assert (sent.status, sent.counts.sent, sent.counts.uncertain) == ("sent", 9, 1)
    assert len(sink.mails) == 10


def test_progress_hears_counts_that_add_up_while_it_sends_and_at_the_end(engine: Engine, settings: Settings) -> None:
    heard: list[tuple[str, Counts]] = []
    with Sink() as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, 10)
        send_due(engine, here, standing(), WEEK, progress=lambda week, counts: heard.append((week, counts)))
    assert len(heard) >= 2
    assert {(week, counts.recipients) for week, counts in heard} == {(str(WEEK), 10)}
    assert heard[-1][1].sent == 10
