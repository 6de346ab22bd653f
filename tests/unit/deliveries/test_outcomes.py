"""The reply table of the mail rules, line by line."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from db.states import DeliveryStatus
from newsletter.deliveries.outcomes import Blame, Reply, outcome, takes_nothing, unknown

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
S = DeliveryStatus


@pytest.mark.parametrize(
    ("code", "text", "status", "blame"),
    [
        (250, "2.0.0 taken", S.SENT, Blame.NOBODY),
        (550, "5.1.1 no such user", S.FAILED, Blame.MAILBOX),
        (550, "5.1.3 bad syntax", S.FAILED, Blame.MAILBOX),
        (550, "5.1.6 moved", S.FAILED, Blame.MAILBOX),
        (556, "5.1.10 null MX", S.FAILED, Blame.MAILBOX),
        (550, "5.2.1 disabled", S.FAILED, Blame.MAILBOX),
        (550, "5.1.2 no such domain", S.FAILED, Blame.MAILBOX),
        (450, "4.1.2 domain not found", S.DEFERRED, Blame.NOBODY),
        (552, "5.2.2 over quota", S.DEFERRED, Blame.FULL),
        (452, "4.2.2 over quota", S.DEFERRED, Blame.FULL),
        (550, "mailbox full", S.DEFERRED, Blame.FULL),
        (554, "5.7.1 blocked", S.FAILED, Blame.DOMAIN),
        (550, "your address is on a blocklist", S.FAILED, Blame.DOMAIN),
        (550, "Domain example.com has exceeded the max emails per hour (200/200 (100%))", S.DEFERRED, Blame.LIMIT),
        (550, "5.4.5 Daily user sending limit exceeded. See our pages", S.DEFERRED, Blame.LIMIT),
        (550, "5.1.90 you've reached your daily limit for message recipients", S.DEFERRED, Blame.LIMIT),
        (554, "5.2.0 STOREDRV.Submission; the sender's submission quota was exceeded", S.DEFERRED, Blame.LIMIT),
        (550, "5.7.705 Access denied, tenant has exceeded threshold", S.DEFERRED, Blame.LIMIT),
        (550, "5.7.1 sending limit exceeded, blocked", S.FAILED, Blame.DOMAIN),
        (552, "mailbox quota exceeded", S.DEFERRED, Blame.FULL),
        (552, "5.2.3 message too long", S.FAILED, Blame.ISSUE),
        (552, "5.3.4 message too big", S.FAILED, Blame.ISSUE),
        (553, "5.6.7 non-ASCII addresses not permitted", S.FAILED, Blame.NOBODY),
        (554, "5.6.9 UTF-8 header cannot be transferred", S.FAILED, Blame.NOBODY),
        (554, "5.6.0 bad content", S.FAILED, Blame.ISSUE),
        (503, "5.5.1 bad sequence", S.FAILED, Blame.OURS),
        (421, "4.7.0 slow down", S.DEFERRED, Blame.BUSY),
        (451, "4.7.1 greylisted", S.DEFERRED, Blame.NOBODY),
        (450, "try later", S.DEFERRED, Blame.NOBODY),
        (451, "4.7.28 unusual rate of mail", S.DEFERRED, Blame.BUSY),
        (451, "too many messages from your host", S.DEFERRED, Blame.BUSY),
        (450, "4.2.1 this mailbox gets mail too quickly", S.DEFERRED, Blame.NOBODY),
        (550, "4.2.1 the enhanced code beats the basic one", S.DEFERRED, Blame.NOBODY),
        (450, "5.1.1 the enhanced code beats the basic one", S.FAILED, Blame.MAILBOX),
        (550, "user unknown", S.FAILED, Blame.MAILBOX),
        (550, "5.1.1 No such mailbox: full@x.example", S.FAILED, Blame.MAILBOX),
        (550, "No such mailbox <overquota@x.example>", S.FAILED, Blame.MAILBOX),
        (550, "<blacklist@x.example> unknown user", S.FAILED, Blame.MAILBOX),
        (450, "4.7.1 <volume@x.example>: greylisted", S.DEFERRED, Blame.NOBODY),
        (550, "Invalid Recipient - https://pages.example/docs#550 [x.1]", S.FAILED, Blame.MAILBOX),
        (550, "Too many invalid recipients", S.FAILED, Blame.DOMAIN),
        (550, "no", S.FAILED, Blame.NOBODY),
        (550, "account is disabled", S.FAILED, Blame.NOBODY),
        (550, "you are an unknown user, please authenticate", S.FAILED, Blame.DOMAIN),
        (550, "user unknown, and your host is on our black list", S.FAILED, Blame.DOMAIN),
        (550, "5.1.1 blocked using zen.spamhaus.org", S.FAILED, Blame.DOMAIN),
        (550, "5.1.1 user unknown; our reputation policy is elsewhere", S.FAILED, Blame.MAILBOX),
        (550, "5.1.2 sender domain not found", S.FAILED, Blame.DOMAIN),
        (550, "5.1.1 sender verify failed: no such user", S.FAILED, Blame.DOMAIN),
        (550, "5.1.1 rate limited, try later", S.FAILED, Blame.NOBODY),
        (550, "5.1.1 message refused by content filter", S.FAILED, Blame.NOBODY),
        (550, "5.1.1 Relaying denied", S.FAILED, Blame.DOMAIN),
        (550, "5.1.1 Absenderadresse existiert nicht", S.FAILED, Blame.DOMAIN),
        (550, "5.1.1 发件人地址不存在", S.FAILED, Blame.DOMAIN),
        (550, "5.1.1 mailbox temporarily unavailable, try again in 5 minutes", S.FAILED, Blame.NOBODY),
        (550, "5.2.1 recipient is over their hourly receiving limit", S.FAILED, Blame.NOBODY),
        (550, "5.2.1 user has no account quota", S.DEFERRED, Blame.FULL),
        (552, "2 Requested mail action aborted, exceeded storage allocation", S.DEFERRED, Blame.FULL),
        (550, "Recipient address rejected: Caixa postal cheia", S.DEFERRED, Blame.FULL),
        (454, "Throttling failure: Daily message quota exceeded.", S.DEFERRED, Blame.BUSY),
        (550, "#5.7.1 Your access to submit messages to this e-mail system has been rejected.", S.FAILED, Blame.DOMAIN),
        (550, "550 5.1.0 192.0.2.1 is not allowed to send per its SPF Record", S.FAILED, Blame.DOMAIN),
        (550, "5.2.1 this user is receiving mail at a rate that prevents more", S.FAILED, Blame.NOBODY),
        (550, "Verification failed for <b-1@example.com> No such user Sender verify failed", S.FAILED, Blame.DOMAIN),
        (550, "your IP address was not found in DNS", S.FAILED, Blame.DOMAIN),
        (550, "sender's account does not exist", S.FAILED, Blame.NOBODY),
        (552, "1 Requested mail action aborted, mailbox not found", S.FAILED, Blame.MAILBOX),
        (552, "this is more than we take", S.FAILED, Blame.ISSUE),
        (554, "delivery error: dd This user doesn't have a yahoo.com account (ada)", S.FAILED, Blame.MAILBOX),
        (
            554,
            "30 Sorry, your message to ada cannot be delivered. This mailbox is disabled (554.30)",
            S.FAILED,
            Blame.MAILBOX,
        ),
        (
            550,
            "5.4.1 Recipient address rejected: Access denied. For more information see our pages",
            S.FAILED,
            Blame.MAILBOX,
        ),
        (550, "5.4.1 no route", S.FAILED, Blame.NOBODY),
        (550, "5.5.0 Requested action not taken: mailbox unavailable", S.FAILED, Blame.NOBODY),
        (550, "5.5.2 bad syntax", S.FAILED, Blame.OURS),
    ],
)
def test_a_reply_means(code: int, text: str, status: DeliveryStatus, blame: Blame) -> None:
    found = outcome(Reply(code, text), 1, NOW, NOW, Random(1))
    assert (found.status, found.blame) == (status, blame)
    assert (found.next_attempt_at is not None) == (status is S.DEFERRED)


def said(kind: str) -> list[str]:
    book = (Path(__file__).parents[2] / "data" / "returned_mail" / "refusals.txt").read_text("utf-8")
    return [line for line in book.partition(f"[{kind}]")[2].partition("\n[")[0].splitlines() if line]


def test_what_is_no_mailbox_that_is_gone_by_mail_is_none_at_smtp_time() -> None:
    replies = [Reply(int(line[:3]), line[4:]) if line[:3].isdigit() else Reply(550, line) for line in said("soft")]
    assert [reply for reply in replies if outcome(reply, 1, NOW, NOW, Random(1)).blame is Blame.MAILBOX] == []


@pytest.mark.parametrize("status", ["5.1.1", "5.1.3", "5.1.10", "5.2.1"])
def test_what_is_a_mailbox_that_is_gone_by_mail_is_one_at_smtp_time_behind_its_code(status: str) -> None:
    replies = [Reply(550, f"{status} {line[4:] if line[:3].isdigit() else line}") for line in said("hard")]
    assert [reply for reply in replies if outcome(reply, 1, NOW, NOW, Random(1)).blame is not Blame.MAILBOX] == []


def test_nobody_is_nobody_in_many_languages_without_a_code() -> None:
    """Three issues in a row would be three refusals of what was clear at the first."""
    book = (Path(__file__).parents[2] / "data" / "returned_mail" / "no_such_user.txt").read_text("utf-8")
    replies = [Reply(550, line) for line in book.splitlines()[1:]]
    assert [reply for reply in replies if outcome(reply, 1, NOW, NOW, Random(1)).blame is not Blame.MAILBOX] == []
    named = [Reply(550, f"<ada@example.org>: {line}") for line in book.splitlines()[1:]]
    assert [reply for reply in named if outcome(reply, 1, NOW, NOW, Random(1)).blame is not Blame.MAILBOX] == []


@pytest.mark.parametrize(
    "words",
    [
        "Expéditeur refusé: compte inconnu",
        "mittente rifiutato: utente sconosciuto",
        "nieznany nadawca, adres nieprawidłowy",
        "Отправитель неизвестен: пользователь не найден",
        "发送方地址无效",
        "发信人地址不存在",
        "MAIL FROM: compte inexistant",
        "HELO-Adresse ungültig",
        "PTR: adresse introuvable pour 192.0.2.1",
        "в DNS адрес не найден",
        "Nom d'hôte introuvable: adresse inconnue",
        "Benutzer oder Passwort ungültig: Konto unbekannt",
        "użytkownik nie znaleziony, spróbuj później",
        "compte introuvable, veuillez réessayer ultérieurement",
        "gebruiker onbekend, probeer het later opnieuw",
        "Postfach nicht vorhanden, versuchen Sie es später",
        "宛先不明、後でもう一度",
    ],
)
def test_a_sender_a_machine_or_a_user_of_today_that_is_unknown_is_no_reader(words: str) -> None:
    """A server that says so says it to all its readers at once."""
    assert outcome(Reply(550, words), 1, NOW, NOW, Random(1)).blame is not Blame.MAILBOX


def test_a_refusal_of_mail_says_nothing_of_the_mailbox() -> None:
    for text in ("5.1.1 user unknown", "no such user"):
        found = outcome(Reply(550, text, to_mail=True), 1, NOW, NOW, Random(1))
        assert (found.status, found.blame) == (S.FAILED, Blame.OURS)


def test_the_first_retry_comes_after_5_to_15_minutes_and_later_ones_further_apart() -> None:
    greylisted = Reply(451, "4.7.1 greylisted")
    waits = [outcome(greylisted, 1, NOW, NOW, Random(n)).next_attempt_at for n in range(200)]
    assert all(at is not None and timedelta(minutes=5) <= at - NOW <= timedelta(minutes=15) for at in waits)
    later = outcome(greylisted, 5, NOW, NOW, Random(1)).next_attempt_at
    assert later is not None
    assert later - NOW >= timedelta(minutes=80)


def test_it_is_given_up_after_72_hours() -> None:
    found = outcome(Reply(451, "4.7.1 greylisted"), 20, NOW - timedelta(hours=72), NOW, Random(1))
    assert found.status is S.FAILED


def test_an_unknown_fate_waits_for_1_to_24_hours_or_is_left() -> None:
    for n in range(100):
        at = unknown(NOW, NOW, Random(n), retry=True).next_attempt_at
        assert at is not None
        assert timedelta(hours=1) <= at - NOW <= timedelta(hours=24)
    assert unknown(NOW, NOW, Random(1), retry=False).next_attempt_at is None


@pytest.mark.parametrize(
    ("code", "text", "nothing"),
    [
        (421, "4.4.2 timeout", True),
        (421, "too many messages in this connection", True),
        (450, "4.7.1 Error: too much mail from 192.0.2.1", True),
        (452, "4.3.1 Insufficient system storage", True),
        (530, "5.7.0 Must issue a STARTTLS command first", True),
        (250, "2.1.0 ok", False),
        (450, "4.1.8 sender domain not found", False),
        (451, "try again later", False),
        (550, "5.7.1 sender rejected", False),
        (552, "5.3.4 Message size exceeds fixed limit", True),
        (550, "5.6.7 non-ASCII addresses not permitted", False),
    ],
)
def test_a_reply_to_mail_may_be_about_the_relay_alone(code: int, text: str, *, nothing: bool) -> None:
    assert takes_nothing(Reply(code, text)) is nothing
