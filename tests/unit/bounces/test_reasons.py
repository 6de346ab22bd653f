import re
from pathlib import Path

import pytest

from db.states import BounceKind
from newsletter.deliveries import bounces_words
from newsletter.deliveries.bounces import read_bounce
from newsletter.deliveries.bounces_reasons import Reason, judge
from newsletter.deliveries.bounces_words import meanings, says
from tests.unit.bounces.mails import dsn, recipient


@pytest.mark.parametrize(
    ("status", "text", "reason", "kind"),
    [
        ("5.1.1", "550 5.1.1 <ada@example.org>: Recipient address rejected", Reason.NO_SUCH_USER, "hard"),
        ("5.1.2", "Host not found", Reason.NO_SUCH_HOST, "hard"),
        ("5.1.2", "Bad destination host 'DNS Soft Error looking up example.org (MX)'", Reason.UNREACHABLE, "soft"),
        ("4.1.2", "Host not found, try again", Reason.NO_SUCH_HOST, "soft"),
        ("5.1.6", "moved", Reason.MOVED, "hard"),
        ("5.1.10", "Domain has a null MX", Reason.NO_MAIL, "hard"),
        ("5.3.2", "521 5.3.2 this host never takes a letter", Reason.NO_MAIL, "hard"),
        ("5.3.2", "550 5.3.2 system not accepting network messages", Reason.SYSTEM, "soft"),
        ("5.2.1", "This account is disabled", Reason.DISABLED, "hard"),
        ("5.0.0", "550 account suspended", Reason.DISABLED, "soft"),
        ("5.2.2", "552 over quota", Reason.MAILBOX_FULL, "soft"),
        ("4.2.2", "452 mailbox full", Reason.MAILBOX_FULL, "soft"),
        ("5.0.0", "550 the mailbox of this user is full", Reason.MAILBOX_FULL, "soft"),
        ("5.2.0", "554 5.2.0 the sender's submission quota was exceeded", Reason.POLICY, "soft"),
        ("4.0.0", "454 Throttling failure: Daily message quota exceeded", Reason.POLICY, "soft"),
        ("5.2.2", "552 5.2.2 the quota of this user was exceeded by your daily mail", Reason.MAILBOX_FULL, "soft"),
        ("5.2.3", "552 5.2.3 message size exceeds quota", Reason.CONTENT, "soft"),
        ("5.3.4", "too big", Reason.CONTENT, "soft"),
        (None, "552 size exceeds the mailbox limit", Reason.CONTENT, "soft"),
        (None, "552 Message size exceeds recipient's mailbox size limit", Reason.CONTENT, "soft"),
        (None, "552 La taille du message dépasse la limite", Reason.CONTENT, "soft"),
        (None, "552 The mailbox size exceeds the limit", Reason.MAILBOX_FULL, "soft"),
        (None, "552 size exceeded mailbox quota", Reason.MAILBOX_FULL, "soft"),
        (None, "552 message size exceeds the available quota", Reason.MAILBOX_FULL, "soft"),
        (None, "552 message would exceed mailbox quota", Reason.MAILBOX_FULL, "soft"),
        ("5.2.2", "552 5.2.2 Message size exceeds mailbox limit", Reason.MAILBOX_FULL, "soft"),
        ("5.2.1", "550 5.2.1 account is in maintenance mode, try later", Reason.DISABLED, "soft"),
        ("5.2.1", "550 5.2.1 Mailbox temporarily disabled", Reason.DISABLED, "soft"),
        ("5.4.4", "X-Notes; Server not responding", Reason.UNREACHABLE, "soft"),
        ("5.4.4", "550 5.4.4 Unable to route: no mail hosts for domain", Reason.NO_SUCH_HOST, "hard"),
        ("5.0.0", "550 Mailbox unavailable or access denied [192.0.2.1]", Reason.POLICY, "soft"),
        ("5.1.1", "550 5.1.1 internal error: lookup failure in ldap", Reason.SYSTEM, "soft"),
        ("5.1.1", "550 5.1.1 unable to look up user, mysql: query failed", Reason.SYSTEM, "soft"),
        ("5.1.1", "550 5.1.1 User unknown in ldap table", Reason.NO_SUCH_USER, "hard"),
        ("5.1.1", "550 5.1.1 user not found in database", Reason.NO_SUCH_USER, "hard"),
        ("5.7.1", "550 5.7.1 blocked using a list", Reason.POLICY, "soft"),
        ("5.7.26", "unauthenticated mail", Reason.POLICY, "soft"),
        ("5.1.1", "550 5.1.1 blocked by our block list, see the web page", Reason.POLICY, "soft"),
        ("5.5.2", "bad syntax", Reason.PROTOCOL, "soft"),
        ("4.4.7", "delivery time expired", Reason.UNREACHABLE, "soft"),
        (None, "550 No such user here", Reason.NO_SUCH_USER, "hard"),
        (None, "450 greylisted, try again later", Reason.POLICY, "soft"),
        (None, "550 5.0.0 Unbekannter Fehler", Reason.REFUSED, "soft"),
        (None, "550 Zustellung für Sie nicht möglich", Reason.REFUSED, "soft"),
        ("5.0.0", "550 5.1.1 user unknown", Reason.NO_SUCH_USER, "hard"),
        ("5.0.0", "554 30 Sorry, this mailbox is disabled (554.30)", Reason.DISABLED, "hard"),
        ("5.4.1", "550 5.4.1 All recipient addresses rejected : Access denied", Reason.NO_SUCH_USER, "hard"),
        ("5.7.1", "554 5.7.1 Recipient address rejected: Access denied", Reason.POLICY, "soft"),
        ("5.0.0", "5.1.0 - Unknown address error 550-'5.7.1 x... Access denied' (tried: 0)", Reason.POLICY, "soft"),
        ("5.0.0", "5.1.0 - Unknown address error 550-'5.1.1 x... Go away' (tried: 0)", Reason.NO_SUCH_USER, "hard"),
        ("5.0.0", "5.3.0 - Other mail system problem 550-'Unknown user x' (tried: 0)", Reason.REFUSED, "soft"),
        (None, "could not be delivered for the following reason: Invalid receiver", Reason.NO_SUCH_USER, "hard"),
        ("5.0.0", "550 5.4.1 [x@example.org]: Recipient address rejected: Access denied", Reason.NO_SUCH_USER, "hard"),
        ("5.2.14", "550 5.2.14 Misconfigured forwarding address", Reason.SYSTEM, "soft"),
        ("5.0.0", "501 5.5.4 Invalid domain name", Reason.PROTOCOL, "soft"),
        (None, "Delivery has failed. 550 go away", Reason.REFUSED, "soft"),
        ("5.0.0", "550 Utilizador desconhecido", Reason.NO_SUCH_USER, "hard"),
        ("5.0.0", "550 Brugeren findes ikke", Reason.NO_SUCH_USER, "hard"),
        ("5.0.0", "550 Nieznany uzytkownik", Reason.NO_SUCH_USER, "hard"),
        (None, "553 sorry, your envelope sender is in my badmailfrom list", Reason.POLICY, "soft"),
        (None, "553 We do not want your mail", Reason.REFUSED, "soft"),
        (None, "553 example.org does not exist", Reason.REFUSED, "soft"),
        (None, "550 对方服务器拒收：垃圾邮件，或用户不存在", Reason.POLICY, "soft"),
        (None, "550 Não foi possível encontrar o endereço de email", Reason.NO_SUCH_USER, "hard"),
        (None, "550 Nie można znaleźć adresu e-mail", Reason.NO_SUCH_USER, "hard"),
        (None, "550 E-postadressen kunde inte hittas", Reason.NO_SUCH_USER, "hard"),
        (None, "550 Felhasználó nem található", Reason.NO_SUCH_USER, "hard"),
        (None, "550 Ada is on vacation, this mailbox is closed until Monday", Reason.NO_SUCH_USER, "soft"),
        ("5.2.1", "550 5.2.1 mailbox disabled over the summer until 1 September", Reason.DISABLED, "soft"),
        (None, "551 not ours", Reason.NO_SUCH_USER, "hard"),
        (None, "unable to get mx info: failed to get IPs: unrecognized address", Reason.UNREACHABLE, "soft"),
        ("5.6.0", "554 5.6.0 Invalid address in To", Reason.CONTENT, "soft"),
    ],
)
def test_a_refusal_is_read_as_people_who_know_mail_read_it(
    status: str | None, text: str, reason: Reason, kind: str
) -> None:
    found = judge(status, None, text)
    assert (found.reason, found.kind) == (reason, BounceKind(kind))


@pytest.mark.parametrize(
    ("answer", "reason", "kind"),
    [
        ("host mx2.x.example[192.0.2.1] said: 552 5.2.2 Mailbox full", Reason.MAILBOX_FULL, "soft"),
        ("host mx2.x.example[192.0.2.1] said: 554 5.7.1 Client host blocked by a list", Reason.POLICY, "soft"),
        ("host mx2.x.example[192.0.2.1] said: 550 No such user here", Reason.NO_SUCH_USER, "hard"),
        ("mail for x.example loops back to myself", Reason.CONTENT, "soft"),
        ("unknown user", Reason.NO_SUCH_USER, "hard"),
    ],
)
def test_what_a_server_behind_postfix_said_when_asked_counts_and_not_the_code_around_it(
    answer: str, reason: Reason, kind: str
) -> None:
    text = f"550 5.1.1 <ada@x.example>: Recipient address rejected: undeliverable address: {answer}"
    for found in (judge("5.1.1", None, text), judge(None, 550, text)):
        assert (found.reason, found.kind) == (reason, BounceKind(kind))


def test_a_delay_and_a_delivery_are_no_bounces() -> None:
    assert judge("4.4.1", None, "", action="delayed").counted is False
    assert judge("5.1.1", None, "user unknown", action="delivered").kind is BounceKind.IGNORED


def test_what_sendmail_makes_of_a_reply_to_the_data_is_not_what_the_other_server_said() -> None:
    said = "<ada@example.org>... User unknown"
    transcript = f">>> DATA\n<<< 550 5.0.0 {said}\n550 5.1.1 {said}\n"
    block = recipient("ada@example.org", "5.0.0", f"550 5.0.0 {said}")
    (one,) = read_bounce(dsn(block, words=transcript), {}).returned
    assert (one.judgement.reason, one.judgement.kind) == (Reason.REFUSED, BounceKind.SOFT)


def test_unknown_user_after_the_data_is_a_filter_and_not_a_missing_mailbox() -> None:
    at_rcpt = judge("5.0.0", None, "550 Unknown user", around="in reply to RCPT TO command")
    after_data = judge("5.0.0", None, "550 Unknown user", around="in reply to end of DATA command")
    gmails = judge("5.0.0", None, "550 Unknown user (state 18)")
    assert (at_rcpt.kind, after_data.kind, gmails.kind) == (BounceKind.HARD, BounceKind.SOFT, BounceKind.SOFT)


@pytest.mark.parametrize(
    "stage",
    [
        "(in reply to MAIL FROM command)", "SMTP error from remote mail server after MAIL FROM:<b@x.example>:",
        "SMTP error from remote mail server after pipelined MAIL FROM:<b@x.example>:",
        "Connected to 192.0.2.1 but sender was rejected.", "Connected to 192.0.2.1 but my name was rejected.",
        "host mx.x.example refused to talk to me:",
        ">>> MAIL FROM:<b@x.example>\n<<< 550 5.1.1 User unknown",
    ],
)  # fmt: skip
def test_what_is_said_before_the_recipient_is_named_is_not_about_them(stage: str) -> None:
    for text in (
        "550 Requested action not taken: mailbox unavailable", "550 5.1.1 User unknown", "550 Mailbox full",
        "501 5.0.0 Invalid domain name",
    ):  # fmt: skip
        found = judge(None, None, text, around=f"<ada@example.org>: {text}\n    {stage}")
        assert (found.reason, found.kind) == (Reason.POLICY, BounceKind.SOFT)
    assert judge(None, None, "550 5.1.1 User unknown", around="(in reply to RCPT TO command)").kind is BounceKind.HARD


def test_what_is_about_us_does_not_count_against_a_mailbox() -> None:
    assert judge("5.2.2", None, "full").counted
    assert judge("4.1.2", None, "Host not found, try again").counted
    assert judge("4.1.1", None, "Recipient address rejected: unverified address").counted
    assert judge("4.0.0", None, "DNS: no such domain (NXDOMAIN)").counted
    assert not judge("5.7.1", None, "blocked").counted
    assert not judge("5.3.4", None, "too big").counted


def test_the_phrase_book_has_a_section_for_every_reason_that_words_can_tell() -> None:
    told = set(Reason) - {
        Reason.DELAYED, Reason.COMPLAINT, Reason.DELIVERED, Reason.VACATION, Reason.UNSUBSCRIBE, Reason.REPORT,
        Reason.NOT_UNDERSTOOD,
    }  # fmt: skip
    assert {reason.value for reason in told} <= meanings()
    assert not any(says(meaning, "") for meaning in meanings())


def test_no_phrase_tries_each_end_of_a_long_word_with_all_that_may_follow() -> None:
    book = Path(bounces_words.__file__).with_suffix(".txt").read_text("utf-8")
    lists = "|".join(re.findall(r"^([a-z]+) = .*\\w[*+]", book, re.M))
    slow = rf"(?:\\w[*+]|\{{(?:{lists or 'none'})\}})\)?(?:\.|\[\^\S+?\])[*+{{]"
    assert re.search(slow, r"ящик\w*[^\n]{0,40}full")
    assert re.findall(slow, book) == []
