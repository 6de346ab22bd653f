"""Relays and recipients that say no, are slow, or hang up; counts add up after each."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select, update

from db.engine import transaction
from db.models import Delivery, DomainPause, Editor, Letter
from newsletter.clock import Week
from newsletter.deliveries import keep_connections, transport
from newsletter.deliveries.read_receipt import read_receipt
from newsletter.deliveries.send import send_due
from newsletter.deliveries.steer import cancel_issue, pause_issue, resume_issue
from newsletter.settings import Settings
from tests.acceptance.command import Command
from tests.conftest import complete_environment
from tests.fakes.smtp_sink import ALL, Mail, Sink
from tests.fakes.waiting import until
from tests.integration.sending import NOW, WEEK, published, soon_after, standing, subscribe, with_relays

WAYS = pytest.mark.parametrize(
    "offers", [ALL, ("PIPELINING", "SIZE"), ()], ids=["chunking", "pipelining", "plain"]
)  # fmt: skip
MANY = 60


def reconciled(engine: Engine) -> dict[str, int]:
    """The counts that are not nought; they add up to everybody."""
    counts = read_receipt(engine, WEEK).counts
    assert counts.recipients == MANY
    assert counts.queued == counts.sending == 0
    return {name: count for name, count in counts._asdict().items() if count}


def with_operator(engine: Engine) -> None:
    with transaction(engine) as connection:
        values = {"email": "op@example.com", "role": "operator", "created_at": NOW}
        connection.execute(insert(Editor).values(values))


def letters(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        rows = connection.scalars(select(Letter.data).where(Letter.email == "op@example.com"))
        return [row["subject"] for row in rows]


@WAYS
@pytest.mark.parametrize(
    ("reply", "becomes"),
    [
        ("550 5.1.1 no such user", "failed"),
        ("552 5.2.2 over quota", "deferred"),
        ("554 5.7.1 blocked", "failed"),
        ("554 5.6.0 bad content", "failed"),
        ("503 5.5.1 what?", "failed"),
        ("421 4.7.0 slow down", "deferred"),
        ("451 4.7.1 greylisted", "deferred"),
        ("450 later", "deferred"),
    ],
)
@pytest.mark.parametrize("at_the_end", [False, True], ids=["rcpt", "final dot"])
def test_every_class_of_reply_is_one_recipients_alone(
    engine: Engine, settings: Settings, offers: tuple[str, ...], reply: str, becomes: str, at_the_end: bool
) -> None:
    sink = Sink().offering(*offers)
    if at_the_end:
        sink.ending(lambda mail, n: reply if mail.recipient.endswith("@other.example") else "250 2.0.0 taken")
    else:
        sink.refusing("reader999@other.example", reply)
    with sink:
        here = with_relays(settings, sink.url)
        subscribe(engine, 1, start=999, domain="other.example")
        published(engine, here, MANY - 1)
        send_due(engine, here, standing(), WEEK)
    assert reconciled(engine) == {"sent": MANY - 1, becomes: 1}
    assert set(sink.recipients().values()) == {1}


@WAYS
def test_a_line_cut_before_the_final_dot_costs_nobody_a_mail(
    engine: Engine, settings: Settings, offers: tuple[str, ...]
) -> None:
    cut = {"reader3@example.org", "reader40@example.org"}
    with Sink().offering(*offers).cutting_bodies_of(lambda recipient: recipient in cut) as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, MANY)
        send_due(engine, here, standing(), WEEK)
        first = reconciled(engine)
        sink.cutting_bodies_of(lambda recipient: False)
        send_due(engine, here, standing(NOW + timedelta(hours=24)), WEEK)
    assert first["sent"] == MANY - 2
    assert reconciled(engine) == {"sent": MANY}
    assert set(sink.recipients().values()) == {1}


@WAYS
def test_a_line_cut_after_the_final_dot_repeats_the_same_message_once(
    engine: Engine, settings: Settings, offers: tuple[str, ...]
) -> None:
    def cut(mail: Mail, number: int) -> str | None:
        return None if mail.recipient in {"reader3@example.org", "reader40@example.org"} else "250 2.0.0 taken"

    with Sink().offering(*offers).ending(cut) as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, MANY)
        send_due(engine, here, standing(), WEEK)
        assert reconciled(engine) == {"sent": MANY - 2, "uncertain": 2}
        sink.ending(lambda mail, number: "250 2.0.0 taken")
        send_due(engine, here, standing(NOW + timedelta(hours=24)), WEEK)
    assert reconciled(engine) == {"sent": MANY}
    assert sum(sink.recipients().values()) == MANY + 2
    assert len({mail.header("Message-ID") for mail in sink.mails}) == MANY


def test_what_is_uncertain_stays_so_behind_a_domain_that_pauses(engine: Engine, settings: Settings) -> None:
    """It may have arrived, whatever becomes of the issue meanwhile."""
    with Sink().offering().ending(lambda mail, number: None) as sink:
        here = with_relays(settings, sink.url.replace("connections=4", "connections=1"))
        published(engine, here, MANY)
        send_due(engine, here, standing(), WEEK)
        assert reconciled(engine) == {"uncertain": MANY}
        sink.ending(lambda mail, number: "421 4.7.0 too much")
        send_due(engine, here, standing(NOW + timedelta(hours=25)), WEEK)
        assert reconciled(engine) == {"uncertain": MANY - 1, "deferred": 1}, "the others wait with it"
        later = NOW + timedelta(hours=25, minutes=1)
        with transaction(engine) as connection:
            connection.execute(update(Delivery).where(Delivery.status == "uncertain").values(next_attempt_at=later))
        send_due(engine, here, standing(later), WEEK)
    assert reconciled(engine) == {"uncertain": MANY - 1, "deferred": 1}
    cancel_issue(engine, WEEK, later)
    assert reconciled(engine) == {"uncertain": MANY - 1, "skipped": 1}


def test_a_busy_domain_waits_and_others_go_on(engine: Engine, settings: Settings) -> None:
    with_operator(engine)
    subscribe(engine, MANY // 2, domain="busy.example")
    sink = Sink().offering("PIPELINING").delaying(0.01)
    for number in range(MANY // 2):
        sink.refusing(f"reader{number}@busy.example", "421 4.7.0 too fast")
    with sink:
        here = with_relays(settings, sink.url)
        published(engine, here, MANY // 2)
        first = send_due(engine, here, standing(), WEEK).issues[0]
        tried = sum("@busy.example" in line for line in sink.commands)
        sink.plan.refused.clear()
        assert first.waiting_until is not None
        assert timedelta(minutes=5) <= first.waiting_until - NOW <= timedelta(minutes=15)
        assert reconciled(engine) == {"sent": MANY // 2, "deferred": MANY // 2}
        send_due(engine, here, standing(NOW + timedelta(minutes=15)), WEEK)
    assert tried <= 4 * 2, "a domain that said 421 is asked once by each connection, and what was on its way"
    assert reconciled(engine) == {"sent": MANY}
    assert letters(engine) == []


def test_operators_are_told_of_a_domain_that_distrusts_us_once(engine: Engine, settings: Settings) -> None:
    with_operator(engine)
    subscribe(engine, MANY // 2, domain="wary.example")
    with Sink().ending(
        lambda mail, n: "554 5.7.1 no" if mail.recipient.endswith("@wary.example") else "250 2.0.0 taken"
    ) as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, MANY // 2)
        for hours in (0, 2, 4):
            send_due(engine, here, standing(NOW + timedelta(hours=hours)), WEEK)
        said = letters(engine)
        send_due(engine, here, standing(NOW + timedelta(days=1, hours=1)), WEEK)
    assert reconciled(engine)["sent"] == MANY // 2
    assert said == [f"wary.example does not take {WEEK}"]
    assert letters(engine) == said * 2, "it is told again on the next day"


def test_operators_are_told_when_an_issue_pauses_by_itself(engine: Engine, settings: Settings) -> None:
    with_operator(engine)
    for number in range(300):
        subscribe(engine, 1, domain=f"domain{number % 5}.example", start=number)
    with Sink().ending(lambda mail, n: "554 5.6.0 bad content").delaying(0.05) as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, 0)
        send_due(engine, here, standing(), WEEK)
    receipt = read_receipt(engine, WEEK)
    assert receipt.status == "paused"
    assert receipt.counts.failed <= 3 + 2 * 4, "each connection had one and what was on its way"
    assert letters(engine) == [f"The sending of {WEEK} is paused"]


@WAYS
@pytest.mark.parametrize("reply", ["554 5.7.1 Relay access denied", "504 5.5.2 <3f2a1b>: Helo command rejected"])
def test_a_relay_that_does_not_want_us_costs_next_to_nobody_the_issue(
    engine: Engine, settings: Settings, offers: tuple[str, ...], reply: str
) -> None:
    with_operator(engine)
    for number in range(300):
        subscribe(engine, 1, domain=f"domain{number}.example", start=number)
    with Sink().offering(*offers) as sink:
        for number in range(300):
            sink.refusing(f"reader{number}@domain{number}.example", reply)
        here = with_relays(settings, sink.url)
        published(engine, here, 0)
        send_due(engine, here, standing(), WEEK)
    receipt = read_receipt(engine, WEEK)
    assert receipt.status == "paused"
    assert receipt.counts.failed <= 50 + 2 * 4
    assert f"The sending of {WEEK} is paused" in letters(engine)


def test_domains_that_refuse_us_again_hold_up_nobody(engine: Engine, settings: Settings) -> None:
    wary = tuple(f"wary{number}.example" for number in range(60))
    for number in range(3):  # one of each domain, then the next of each, and others among them
        for place, domain in enumerate(wary):
            subscribe(engine, 1, domain=domain, start=number)
            if place % 20 == 0:
                subscribe(engine, 1, start=100 * number + place)
    with Sink().ending(lambda mail, n: "554 5.7.1 no" if mail.recipient.endswith(wary) else "250 2.0.0 taken") as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, 0)
        send_due(engine, here, standing(), WEEK)
        first = read_receipt(engine, WEEK)
        send_due(engine, here, standing(NOW + timedelta(hours=2)), WEEK)
        second = read_receipt(engine, WEEK)
    assert first.counts.sent == 9
    assert first.counts.deferred >= 60
    assert second.counts.failed >= first.counts.failed + 50
    assert second.status != "paused"


@WAYS
def test_a_relay_that_wants_a_login_first_is_told_of_at_once_and_costs_nobody_the_issue(
    engine: Engine, settings: Settings, offers: tuple[str, ...]
) -> None:
    began = time.monotonic()
    with Sink().offering(*offers).taking_on_a_line(0, "530 5.7.0 Authentication required") as sink:
        here = with_relays(settings, sink.url.replace("connections=4", "connections=1"))
        published(engine, here, MANY)
        sent = send_due(engine, here, standing(), WEEK).issues[0]
    assert sent.counts.queued == MANY
    assert "says 530 5.7.0 Authentication required before it takes a message" in (sent.trouble or "")
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "offers",
    [ALL, pytest.param(("PIPELINING", "SIZE"), marks=pytest.mark.long), pytest.param((), marks=pytest.mark.long)],
    ids=["chunking", "pipelining", "plain"],
)
def test_a_relay_that_falls_silent_is_left_after_its_time(
    engine: Engine, settings: Settings, offers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(transport, "CONNECT_SECONDS", 1.0)
    monkeypatch.setattr("newsletter.deliveries.converse.COMMAND_SECONDS", 0.6)
    monkeypatch.setattr("newsletter.deliveries.converse.FINAL_SECONDS", 0.6)
    with Sink().offering(*offers) as sink:
        sink.silent_after(MANY // 2)
        here = with_relays(settings, sink.url)
        published(engine, here, MANY)
        stop = soon_after(lambda: len(sink.mails) >= MANY // 2)
        send_due(engine, here, standing(), WEEK, stop)
        counts = read_receipt(engine, WEEK).counts
        assert counts.sending == 0
        assert counts.recipients == MANY
        assert counts.sent == MANY // 2
        sink.silent_after(None)
        send_due(engine, here, standing(NOW + timedelta(hours=24)), WEEK)
    assert reconciled(engine) == {"sent": MANY}
    assert len({mail.header("Message-ID") for mail in sink.mails}) == MANY


def test_a_reply_that_does_not_end_is_not_listened_to_for_ever(engine: Engine, settings: Settings) -> None:
    endless = ["\r\n".join(["250-and so on"] * 10_000)]
    with Sink().offering("PIPELINING", "SIZE") as sink:
        sink.plan.at_mail = lambda sender: endless.pop() if endless else None
        here = with_relays(settings, sink.url)
        published(engine, here, MANY)
        began = time.monotonic()
        send_due(engine, here, standing(), WEEK)
    assert time.monotonic() - began < 20
    assert reconciled(engine) == {"sent": MANY - 1, "deferred": 1}


@WAYS
def test_an_issue_larger_than_the_relay_takes_pauses_and_costs_nobody_the_issue(
    engine: Engine, settings: Settings, offers: tuple[str, ...]
) -> None:
    with_operator(engine)
    with Sink().offering(*offers).taking_on_a_line(0, "552 5.3.4 Message size exceeds fixed limit") as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, MANY)
        sent = send_due(engine, here, standing(), WEEK).issues[0]
    assert (sent.status, sent.counts.queued) == ("paused", MANY)
    assert "refuses this issue: 552 5.3.4" in (sent.trouble or "")
    assert letters(engine) == [f"The sending of {WEEK} is paused"]


def test_a_relay_whose_limit_for_us_is_reached_costs_nobody_the_issue(engine: Engine, settings: Settings) -> None:
    with_operator(engine)
    for number in range(300):
        subscribe(engine, 1, domain=f"domain{number % 50}.example", start=number)
    with Sink() as sink:
        sink.ending(
            lambda mail, n: (
                "250 2.0.0 taken" if n <= 20 else "550 Domain example.com has exceeded the max emails per hour"
            )
        )
        here = with_relays(settings, sink.url)
        published(engine, here, 0)
        sent = send_due(engine, here, standing(), WEEK).issues[0]
    assert (sent.status, sent.counts.sent, sent.counts.failed) == ("paused", 20, 0)
    assert sent.counts.deferred <= 3 + 2 * 4 + 300 // 50 * 11
    assert "takes no more of us" in (sent.trouble or "")
    assert letters(engine) == [f"The sending of {WEEK} is paused"]


@pytest.mark.parametrize(
    "words",
    [
        "550 5.1.8 Access denied, bad outbound sender news@example.com",  # Microsoft 365 has shut the account
        "554 5.7.1 Sender rejected",
        "550 Account disabled by administrator, see https://relay.example/help",
    ],
)
def test_a_relay_that_takes_some_and_then_nothing_costs_fifty_readers_the_issue_and_no_more(
    engine: Engine, settings: Settings, words: str
) -> None:
    with_operator(engine)
    for number in range(600):
        subscribe(engine, 1, domain=f"domain{number % 200}.example", start=number)
    with Sink() as sink:
        sink.ending(lambda mail, n: "250 2.0.0 taken" if n <= 100 else words)
        here = with_relays(settings, sink.url)
        published(engine, here, 0)
        sent = send_due(engine, here, standing(), WEEK).issues[0]
    assert (sent.status, sent.counts.sent) == ("paused", 100)
    assert 50 <= sent.counts.failed <= 50 + 2 * 4
    assert "takes nothing: 55" in (sent.trouble or "")
    assert "news@example.com" not in (sent.trouble or "")
    assert f"The sending of {WEEK} is paused" in letters(engine)


def test_a_domain_that_was_given_up_does_not_stop_the_others(engine: Engine, settings: Settings) -> None:
    subscribe(engine, 80, domain="gone.example")
    with Sink() as sink:
        for number in range(80):
            sink.refusing(f"reader{number}@gone.example", "550 5.4.4 unable to route: no mail hosts for domain")
        here = with_relays(settings, sink.url)
        subscribe(engine, MANY, start=1000)
        published(engine, here, 0)
        sent = send_due(engine, here, standing(), WEEK).issues[0]
    assert (sent.status, sent.counts.sent, sent.counts.failed) == ("sent", MANY, 80)


def test_one_relay_that_takes_nothing_is_noticed_beside_one_that_does(engine: Engine, settings: Settings) -> None:
    for number in range(600):
        subscribe(engine, 1, domain=f"domain{number % 200}.example", start=number)
    with Sink() as good, Sink() as shut:
        shut.ending(lambda mail, n: "550 5.1.8 bad outbound sender")
        here = with_relays(settings, good.url, shut.url)
        published(engine, here, 0)
        sent = send_due(engine, here, standing(), WEEK).issues[0]
    assert sent.status == "paused"
    assert sent.counts.failed <= 50 + 2 * 4


def test_a_relay_is_told_the_name_that_is_set(engine: Engine, settings: Settings) -> None:
    with Sink() as sink:
        here = with_relays(settings, sink.url + "&ehlo=news.example.com")
        published(engine, here, MANY)
        send_due(engine, here, standing(), WEEK)
    assert {line for line in sink.commands if line.startswith("EHLO")} == {"EHLO news.example.com"}


def test_a_relay_that_knows_no_ehlo_is_greeted_as_it_wants(engine: Engine, settings: Settings) -> None:
    with Sink().refusing_ehlo() as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, MANY)
        send_due(engine, here, standing(), WEEK)
        letter = asyncio.run(transport.submit(here.smtp, "us@example.com", "op@example.com", b"Subject: hello\r\n\r\n"))
    assert reconciled(engine) == {"sent": MANY}
    assert set(sink.recipients().values()) == {1}
    assert letter.took


def test_a_slow_relay_only_takes_longer(engine: Engine, settings: Settings) -> None:
    with Sink().delaying(0.1) as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, MANY)
        send_due(engine, here, standing(), WEEK)
    assert reconciled(engine) == {"sent": MANY}


@WAYS
@pytest.mark.parametrize(
    "reply",
    ["421 too many messages in this connection", "450 4.7.1 Error: too much mail", "452 4.3.1 insufficient storage"],
)
def test_a_relay_that_takes_no_more_for_now_delays_no_reader_and_slows_no_domain(
    engine: Engine, settings: Settings, offers: tuple[str, ...], reply: str
) -> None:
    with Sink().offering(*offers).taking_on_a_line(7, reply) as sink:
        here = with_relays(settings, sink.url)
        published(engine, here, MANY)
        send_due(engine, here, standing(), WEEK)
    assert reconciled(engine) == {"sent": MANY}
    assert set(sink.recipients().values()) == {1}
    assert sink.connections >= MANY / 7
    with engine.connect() as connection:
        assert connection.scalars(select(DomainPause.domain)).all() == []


@WAYS
def test_a_relay_that_is_busy_before_it_knows_a_recipient_is_told_of_in_its_words(
    engine: Engine, settings: Settings, offers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keep_connections, "BUSY_TRIES", 2)
    with Sink().offering(*offers).taking_on_a_line(0, "450 4.7.1 too much mail from <news@example.com>") as sink:
        here = with_relays(settings, sink.url.replace("connections=4", "connections=1"))
        published(engine, here, MANY)
        sent = send_due(engine, here, standing(), WEEK).issues[0]
    assert sent.counts.queued == MANY
    assert "says 450 4.7.1 too much mail from <(address)> before" in (sent.trouble or "")


@pytest.mark.parametrize("greeting", [None, "554 5.7.1 we do not talk to you", "421 4.3.2 closing"])
def test_a_relay_that_is_down_or_refuses_is_told_in_one_line_and_nothing_is_lost(
    engine: Engine, database_url: str, settings: Settings, tmp_path: Path, greeting: str | None
) -> None:
    with Sink() as sink:
        sink.plan.greeting = greeting or sink.plan.greeting
        url = sink.url if greeting else "smtp://127.0.0.1:1?tls=off"
        published(engine, with_relays(settings, url), MANY)
        issues = Command(tmp_path, complete_environment(database_url) | {"NEWSLETTER_SMTP": url})
        began = time.monotonic()
        said = issues.refuses("issues", "send", str(WEEK))
        seconds = time.monotonic() - began
    assert f"{MANY} of issue {WEEK} are not sent" in said
    assert "127.0.0.1" in said
    assert seconds < 10
    counts = read_receipt(engine, WEEK).counts
    assert counts.queued == counts.recipients == MANY


def test_an_issue_is_paused_resumed_and_cancelled_from_the_command_line(
    engine: Engine, database_url: str, settings: Settings, tmp_path: Path
) -> None:
    with Sink() as sink:
        published(engine, with_relays(settings, sink.url), MANY)
        issues = Command(tmp_path, complete_environment(database_url) | {"NEWSLETTER_SMTP": sink.url})
        assert issues.json("issues", "pause", str(WEEK)) == {"issue": str(WEEK), "status": "paused"}
        assert "resume" in issues.refuses("issues", "send", str(WEEK))
        assert issues.json("issues", "receipt", str(WEEK))["queued"] == MANY
        assert issues.json("issues", "resume", str(WEEK))["status"] == "sending"
        assert issues.json("issues", "cancel", str(WEEK)) == {
            "issue": str(WEEK), "status": "cancelled", "skipped": MANY, "held": 0,
        }  # fmt: skip
        assert "cancelled" in issues.refuses("issues", "resume", str(WEEK))
        assert "cancelled" in issues.refuses("issues", "send", str(WEEK))
    assert sink.mails == []
    assert reconciled(engine) == {"skipped": MANY}


def test_a_sending_in_the_foreground_that_is_held_does_not_end_well(
    engine: Engine, database_url: str, settings: Settings, tmp_path: Path
) -> None:
    with Sink().delaying(0.02) as sink, ThreadPoolExecutor(1) as pool:
        published(engine, with_relays(settings, sink.url), 1500)
        issues = Command(tmp_path, complete_environment(database_url) | {"NEWSLETTER_SMTP": sink.url})

        def once_begun(hold: Callable[[Engine, Week, datetime], object]) -> None:
            enough = len(sink.mails) + 20
            until(lambda: len(sink.mails) >= enough)
            hold(engine, WEEK, NOW)

        for hold, said in ((pause_issue, "was paused meanwhile"), (cancel_issue, "was cancelled meanwhile")):
            holding = pool.submit(once_begun, hold)
            assert said in issues.refuses("issues", "send", str(WEEK))
            holding.result()
            if hold is pause_issue:
                resume_issue(engine, WEEK, NOW)
