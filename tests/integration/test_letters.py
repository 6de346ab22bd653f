"""Letters reach their readers within seconds, once, and say nothing that a stranger typed."""

import re
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from sqlalchemy import Engine, delete, select, update

from db.engine import reading, transaction
from db.letters import add_letter, claim_letters, finish_letter, letter_fates
from db.models import Letter
from db.states import LetterStatus
from newsletter.clock import Clock, real_now
from newsletter.deliveries import send_letters as letter_sender
from newsletter.deliveries import transport
from newsletter.deliveries.dkim import Signer
from newsletter.deliveries.send_letters import letters_are_due, send_letters
from newsletter.setting_values import DkimKey
from newsletter.settings import Settings
from newsletter.subscribers.sign_up import SignUp, sign_up
from tests.fakes.relay import RecordingRelay
from tests.fakes.smtp_sink import Mail, Sink
from tests.fakes.times import MONDAY
from tests.fakes.waiting import until
from tests.integration.sending import with_relays

CLOCK = Clock(MONDAY, running=False)
NOTICE = {"subject": "The sending has paused", "paragraphs": ["Too many complaints.", "Have a look."]}


def notice(engine: Engine, email: str = "ada@example.org", wait: timedelta = timedelta(0)) -> int:
    with transaction(engine) as connection:
        return add_letter(connection, "notice", email, NOTICE, real_now() + wait, MONDAY)


def state_of(engine: Engine, letter_id: int) -> tuple[str, int, str | None]:
    with reading(engine) as connection:
        row = connection.execute(select(Letter.status, Letter.attempts, Letter.reply).where(Letter.id == letter_id))
        status, attempts, reply = row.one()
        return status, attempts, reply


def test_a_letter_is_sent_once_and_its_reply_is_kept(engine: Engine, settings: Settings) -> None:
    letter = notice(engine)
    with RecordingRelay() as inbox:
        there = replace(settings, smtp=(inbox.relay,))
        assert letters_are_due(engine)
        assert send_letters(engine, there, CLOCK) == 1
        assert send_letters(engine, there, CLOCK) == 0
    assert state_of(engine, letter) == ("sent", 1, "250 2.0.0 taken")
    (arrived,) = inbox.arrived
    assert arrived.message["Subject"] == "The sending has paused"
    assert "Have a look." in arrived.text()
    assert "Have a look." in arrived.html()


def test_nobody_waits_behind_any_number_of_confirmations_to_sign_in(engine: Engine) -> None:
    with transaction(engine) as connection:
        for number in range(60):
            long_ago = real_now() - timedelta(minutes=9)
            add_letter(connection, "confirm", f"r{number}@example.org", {"confirmation": number}, long_ago, MONDAY)
        wanted = add_letter(connection, "sign_in", "ada@example.org", {"sign_in_id": 1}, real_now(), MONDAY)
        claimed = claim_letters(connection, "us", real_now(), real_now() + timedelta(minutes=5), 50)
    assert claimed[0] == wanted


def test_a_letter_that_is_not_due_waits(engine: Engine, settings: Settings) -> None:
    notice(engine, wait=timedelta(minutes=4))
    with RecordingRelay() as inbox:
        assert not letters_are_due(engine)
        assert send_letters(engine, replace(settings, smtp=(inbox.relay,)), CLOCK) == 0
    assert inbox.arrived == []


def test_a_confirmation_letter_has_the_headers_of_automatic_mail_and_no_stranger_s_words(
    engine: Engine, settings: Settings
) -> None:
    request = SignUp("bob@example.org", name="BUY CHEAP PILLS", categories=("Visit evil.example",))
    sign_up(engine, request, now=MONDAY, real_now=real_now(), settings=settings, nonce=b"n" * 32, chance=0)
    with RecordingRelay() as inbox:
        assert send_letters(engine, replace(settings, smtp=(inbox.relay,)), CLOCK) == 1
    (arrived,) = inbox.arrived
    message = arrived.message
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["To"] == "bob@example.org"
    assert message["Date"] == "Mon, 16 Nov 2026 06:00:00 +0000"
    assert not [name for name in message if name.lower().startswith("list-") or name.lower() == "precedence"]
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    everything = arrived.raw.decode() + arrived.text() + arrived.html()
    assert "PILLS" not in everything
    assert "evil.example" not in everything
    link = re.search(r"https://news\.example\.com/confirm/[\w-]{43}", arrived.text())
    assert link
    assert link[0] in arrived.html()


def test_what_reaches_the_wire_is_seven_bit_with_whole_line_ends(engine: Engine, settings: Settings) -> None:
    notice(engine)
    odd = replace(settings, title="Wöchentliche Urteile – Ausgabe für Entwicklerinnen und Entwickler =?utf-8?q?x?=")
    with RecordingRelay() as inbox:
        send_letters(engine, replace(odd, smtp=(inbox.relay,)), CLOCK)
    raw = inbox.arrived[0].raw
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert inbox.arrived[0].text().splitlines()[-1] == "Example Press, 1 Example Street, 12345 Example City"


@pytest.mark.parametrize(
    "busy",
    [
        "451 4.3.0 later", "530 5.7.0 Authentication required", "550 5.4.5 Daily user sending limit exceeded",
        "552 5.2.2 mailbox full", "550 4.7.1 greylisted",
    ],
)  # fmt: skip
def test_a_letter_that_is_not_taken_for_now_is_tried_again_with_the_same_message(
    engine: Engine, settings: Settings, busy: str
) -> None:
    letter = notice(engine)
    with RecordingRelay() as inbox:
        gone = inbox.relay
    assert send_letters(engine, replace(settings, smtp=(gone,)), CLOCK) == 0
    assert state_of(engine, letter)[:2] == ("queued", 1)
    hurry(engine)
    with RecordingRelay(answers=[busy]) as inbox:
        there = replace(settings, smtp=(inbox.relay,))
        assert send_letters(engine, there, CLOCK) == 0
        assert state_of(engine, letter) == ("queued", 2, busy)
        hurry(engine)
        assert send_letters(engine, there, CLOCK) == 1


def test_a_letter_that_is_refused_for_good_is_not_tried_again(engine: Engine, settings: Settings) -> None:
    letter = notice(engine)
    with RecordingRelay(answers=["550 5.1.1 nobody here"]) as inbox:
        send_letters(engine, replace(settings, smtp=(inbox.relay,)), CLOCK)
    assert state_of(engine, letter) == ("failed", 1, "550 5.1.1 nobody here")


def test_one_refused_letter_does_not_hold_up_the_next(engine: Engine, settings: Settings) -> None:
    notice(engine, "gone@example.org")
    notice(engine, "here@example.org")
    with RecordingRelay(answers=["550 5.1.1 nobody here"]) as inbox:
        assert send_letters(engine, replace(settings, smtp=(inbox.relay,)), CLOCK) == 1
    assert len(inbox.arrived) == 1


@pytest.mark.parametrize("offered", [True, False])
def test_an_address_beyond_ascii_needs_a_relay_that_takes_it(engine: Engine, settings: Settings, offered: bool) -> None:
    letter = notice(engine, "jürgen@example.org")
    with RecordingRelay(smtputf8=offered) as inbox:
        send_letters(engine, replace(settings, smtp=(inbox.relay,)), CLOCK)
    assert [one.recipient for one in inbox.arrived] == (["jürgen@example.org"] if offered else [])
    assert state_of(engine, letter)[0] == ("sent" if offered else "failed")


def test_an_address_beyond_ascii_goes_through_the_relay_that_takes_it(engine: Engine, settings: Settings) -> None:
    notice(engine, "jürgen@example.org")
    with RecordingRelay(smtputf8=False) as plain, RecordingRelay(smtputf8=True) as modern:
        assert send_letters(engine, replace(settings, smtp=(plain.relay, modern.relay)), CLOCK) == 1
    assert (plain.arrived, [one.recipient for one in modern.arrived]) == ([], ["jürgen@example.org"])


def test_a_letter_whose_sender_died_is_taken_over_when_its_lease_is_past(engine: Engine, settings: Settings) -> None:
    letter = notice(engine)
    with transaction(engine) as connection:
        past = real_now() - timedelta(minutes=10)
        assert claim_letters(connection, "a dead one", real_now(), past, 10) == [letter]
    with RecordingRelay() as inbox:
        assert send_letters(engine, replace(settings, smtp=(inbox.relay,)), CLOCK) == 1


def test_a_letter_in_other_hands_is_left_to_them(engine: Engine, settings: Settings) -> None:
    letter = notice(engine)
    with transaction(engine) as connection:
        claim_letters(connection, "another", real_now(), real_now() + timedelta(minutes=5), 10)
    assert send_letters(engine, settings, CLOCK) == 0
    assert state_of(engine, letter)[0] == "sending"


def test_a_relay_that_takes_its_time_over_the_end_of_a_letter_gets_it_once(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "CONNECT_SECONDS", 0.3)

    def slowly(mail: Mail, number: int) -> str:
        time.sleep(0.8)
        return "250 2.0.0 taken"

    letter = notice(engine)
    with Sink().ending(slowly) as sink:
        assert send_letters(engine, with_relays(settings, sink.url), CLOCK) == 1
    assert state_of(engine, letter) == ("sent", 1, "250 2.0.0 taken")
    assert sink.recipients() == {"ada@example.org": 1}


def test_letters_that_wait_behind_a_slow_relay_for_longer_than_their_lease_go_out_once(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letter_sender, "_LEASE", timedelta(seconds=0.3))
    for number in range(12):
        notice(engine, f"reader{number}@example.org")
    with Sink().delaying(0.1) as sink:
        here = with_relays(settings, sink.url)
        first = threading.Thread(target=send_letters, args=(engine, here, CLOCK))
        first.start()
        time.sleep(0.5)
        send_letters(engine, here, CLOCK)
        first.join(30)
    assert sink.recipients() == {f"reader{number}@example.org": 1 for number in range(12)}


def test_a_letter_that_is_withdrawn_while_others_go_out_before_it_is_not_sent(
    engine: Engine, settings: Settings
) -> None:
    letters = [notice(engine, f"reader{number}@example.org") for number in range(6)]
    with Sink().delaying(0.1) as sink:
        first = threading.Thread(target=send_letters, args=(engine, with_relays(settings, sink.url), CLOCK))
        first.start()
        until(lambda: sink.mails)
        with transaction(engine) as connection:
            connection.execute(delete(Letter).where(Letter.id == letters[-1]))
        first.join(30)
    assert sink.recipients() == {f"reader{number}@example.org": 1 for number in range(5)}


def test_a_stop_finishes_the_letters_under_way_and_gives_back_the_others(engine: Engine, settings: Settings) -> None:
    letters = [notice(engine, f"reader{number}@example.org") for number in range(30)]
    stop = threading.Event()
    with Sink().delaying(0.1) as sink:
        sending = threading.Thread(target=send_letters, args=(engine, with_relays(settings, sink.url), CLOCK, stop))
        sending.start()
        until(lambda: sink.mails)
        stop.set()
        sending.join(30)
    assert len(sink.mails) < 30
    fates = Counter(state_of(engine, letter)[:2] for letter in letters)
    assert fates == {("sent", 1): len(sink.mails), ("queued", 0): 30 - len(sink.mails)}
    assert letters_are_due(engine)


def test_a_password_is_never_sent_in_clear_text(engine: Engine, settings: Settings) -> None:
    letter = notice(engine)
    relay = replace(settings.smtp[0], host="relay.example.com", user="ada", password="s3cr3t-word", tls="off")
    send_letters(engine, replace(settings, smtp=(relay,)), CLOCK)
    status, _, reply = state_of(engine, letter)
    assert status == "queued"
    assert reply is not None
    assert "has a password and tls=off" in reply
    assert "s3cr3t-word" not in reply


def hurry(engine: Engine) -> None:
    """Let the next attempt be due."""
    with transaction(engine) as connection:
        connection.execute(update(Letter).values(not_before=real_now()))


def test_a_letter_that_cannot_be_written_does_not_hold_up_the_next(engine: Engine, settings: Settings) -> None:
    with transaction(engine) as connection:
        broken = add_letter(connection, "notice", "ada@example.org", {}, real_now(), MONDAY)
    notice(engine)
    with RecordingRelay() as inbox:
        assert send_letters(engine, replace(settings, smtp=(inbox.relay,)), CLOCK) == 1
    assert state_of(engine, broken) == ("failed", 1, "cannot be written: KeyError")


def test_a_test_letter_shows_the_issue_as_it_was_rendered(engine: Engine, settings: Settings) -> None:
    data = {"issue": "2026-W46", "subject": "[Test] Große Woche", "text": "Ein Wort\n", "html": "<p>Ein Wort</p>"}
    with transaction(engine) as connection:
        add_letter(connection, "test", "ada@example.org", data, real_now(), MONDAY)
    with RecordingRelay() as inbox:
        send_letters(engine, replace(settings, smtp=(inbox.relay,)), CLOCK)
    (arrived,) = inbox.arrived
    assert arrived.message["Subject"] == "[Test] Große Woche"
    assert (arrived.text().strip(), arrived.html().strip()) == ("Ein Wort", "<p>Ein Wort</p>")


def test_a_letter_is_signed_like_an_issue(engine: Engine, settings: Settings, tmp_path: Path) -> None:
    signer = Signer("s1", "example.com", ed25519.Ed25519PrivateKey.generate())
    (tmp_path / "s1.pem").write_bytes(signer.pem())
    notice(engine)
    with RecordingRelay() as inbox:
        signing = replace(settings, smtp=(inbox.relay,), dkim=(DkimKey("s1", "example.com", tmp_path / "s1.pem"),))
        assert send_letters(engine, signing, CLOCK) == 1
    raw, record = inbox.arrived[0].raw, signer.record().encode()
    assert dkim.verify(raw, dnsfunc=lambda *_, **__: record)
    assert not dkim.verify(raw.replace(b"paused", b"passed"), dnsfunc=lambda *_, **__: record)


def test_how_a_letter_fares_can_be_asked_while_another_process_sends_it(engine: Engine) -> None:
    with transaction(engine) as connection:
        taken = add_letter(connection, "notice", "ada@example.org", NOTICE, real_now(), MONDAY)
        assert claim_letters(connection, "service", real_now(), real_now() + timedelta(minutes=5), 1) == [taken]
        assert [one.status for one in letter_fates(connection, [taken])] == ["sending"]
        finish_letter(connection, taken, "service", LetterStatus.SENT, real_now(), "250 2.0.0 taken")
        assert letter_fates(connection, [taken]) == [("ada@example.org", "sent", "250 2.0.0 taken")]
