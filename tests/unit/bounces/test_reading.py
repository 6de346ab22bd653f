import pytest
from hypothesis import given
from hypothesis import strategies as some

from db.states import BounceKind
from newsletter.deliveries.bounces import read_bounce
from newsletter.deliveries.bounces_mail import open_mail
from newsletter.deliveries.bounces_reasons import Reason
from newsletter.deliveries.verp import LEAVE, RETURN, sign_delivery
from newsletter.subscribers.tokens import Link, sign_link
from tests.unit.bounces.mails import complaint, dsn, notice, recipient

KEYS = {1: b"k" * 32}
RETURN_PATH = f"{RETURN}{sign_delivery(7, 1, KEYS[1])}@bounces.example.com"


def said(raw: bytes) -> list[tuple[str, str, str]]:
    return [
        (one.recipient, one.judgement.kind.value, one.judgement.reason.value) for one in read_bounce(raw, KEYS).returned
    ]


def refused_with(words: str) -> bytes:
    return dsn(recipient("ada@example.org", "5.0.0", words), to=RETURN_PATH)


def test_each_recipient_of_a_report_is_judged_for_itself() -> None:
    report = dsn(
        recipient("ada@example.org", "5.1.1", "550 5.1.1 User unknown"),
        recipient("bob@example.org", "4.4.1", action="delayed"),
        recipient("cyd@example.org", "5.2.2", "552 5.2.2 Mailbox full"),
        recipient("dan@example.org", "2.0.0", action="relayed"),
    )
    assert said(report) == [
        ("ada@example.org", "hard", "no such user"),
        ("bob@example.org", "soft", "delayed"),
        ("cyd@example.org", "soft", "mailbox full"),
        ("dan@example.org", "ignored", "delivered"),
    ]


@pytest.mark.parametrize("original", ["", "anna@example.org"], ids=["final first", "original first"])
def test_recipients_without_a_blank_line_between_them_are_told_apart(original: str) -> None:
    two = (
        recipient("ada@example.org", "5.2.2", "552 5.2.2 Mailbox full", original=original).rstrip("\n"),
        recipient("bob@example.org", "5.1.1", "550 5.1.1 User unknown", original=original).rstrip("\n"),
    )
    assert said(dsn("\n".join(two))) == [
        ("ada@example.org", "soft", "mailbox full"),
        ("bob@example.org", "hard", "no such user"),
    ]


@pytest.mark.parametrize(
    "words",
    [
        "550 Domain bounces.example.com has no MX record",
        "550 5.1.2 BOUNCES.example.com: host not found",
        "554 5.4.4 cannot find an MX of news@example.com",
    ],
)
def test_a_domain_of_ours_that_is_not_found_says_nothing_of_the_reader(words: str) -> None:
    assert said(refused_with(words)) == [("ada@example.org", "soft", "policy")]


@pytest.mark.parametrize(
    "words",
    [
        "550 5.1.2 example.org: host not found",
        "550 mx1.example.net: host not found (message from news@example.com to ada@example.org)",
        "550 5.1.2 host not found",
        "550 5.1.2 host not found: old.bounces.example.com.example.net",
    ],
)
def test_any_other_host_that_is_not_found_is_the_readers(words: str) -> None:
    assert said(refused_with(words)) == [("ada@example.org", "hard", "no such host")]


def test_the_return_path_that_a_report_came_to_names_the_delivery() -> None:
    report = dsn(recipient("ada@example.org", "5.1.1"), to=RETURN_PATH.upper())
    assert read_bounce(report, KEYS).delivery_id == 7
    assert read_bounce(dsn(recipient("ada@example.org", "5.1.1")), KEYS).delivery_id is None


def test_the_address_that_we_mailed_is_kept_beside_the_one_that_failed() -> None:
    report = dsn(recipient("inner@corp.example", "5.1.1", original="ada+2Btag@example.org"))
    (one,) = read_bounce(report, KEYS).returned
    assert (one.recipient, one.originally) == ("inner@corp.example", "ada+tag@example.org")
    assert one.names("ADA+tag@example.org")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "Hi. This is the qmail-send program at mx.example.net.\n\n<ada@example.org>:\n"
            "192.0.2.1 does not like recipient.\nRemote host said: 550 5.1.1 no such mailbox\n\n"
            "--- Below this line is a copy of the message.\n\nReturn-Path: <news@example.com>\nTo: bob@example.org\n",
            [("ada@example.org", "hard", "no such user")],
        ),
        (
            "A message that you sent could not be delivered to all of its recipients.\n"
            "The following address(es) failed:\n\n  ada@example.org\n    mailbox is full: retry timeout exceeded\n"
            "  bob@example.net\n    Unrouteable address\n",
            [("ada@example.org", "soft", "mailbox full"), ("bob@example.net", "hard", "no such host")],
        ),
        (
            "   ----- Transcript of session follows -----\n... while talking to mx.example.org.:\n"
            ">>> RCPT To:<ada@example.org>\n<<< 550 5.7.1 <ada@example.org>... Listed in a block list\n"
            "550 <ada@example.org>... refused\n",
            [("ada@example.org", "soft", "policy")],
        ),
    ],
    ids=["qmail", "exim", "sendmail"],
)
def test_a_bounce_in_prose_names_who_and_why(words: str, expected: list[tuple[str, str, str]]) -> None:
    assert said(notice(words)) == expected


def test_all_of_fifty_recipients_are_read() -> None:
    everybody = [f"u{number}@example.org" for number in range(50)]
    report = dsn(*(recipient(name, "5.1.1" if "7" in name else "5.2.2") for name in everybody))
    assert said(report) == [
        (name, *(("hard", "no such user") if "7" in name else ("soft", "mailbox full"))) for name in everybody
    ]


def test_what_follows_a_list_of_addresses_is_about_all_of_them() -> None:
    listed = "Delivery failed for:\n\n  ada@example.org\n  bob@example.org\n\nThe reason: unknown user\n"
    assert said(notice(listed)) == [
        ("ada@example.org", "hard", "no such user"),
        ("bob@example.org", "hard", "no such user"),
    ]


def test_whom_we_wrote_to_is_not_who_failed_unless_nobody_else_is_named() -> None:
    described = (
        "Your message\n\n  To:      ada@example.org\n  Subject: News\n  Sent:    Mon, 2 Nov 2026 09:00:00 +0000\n\n"
    )
    forwarded = described + "did not reach the following recipient(s):\n\nbob@example.net\n    Unknown Recipient\n"
    assert said(notice(forwarded)) == [("bob@example.net", "hard", "no such user")]
    assert said(notice(described + "was not delivered: unknown recipient\n")) == [
        ("ada@example.org", "hard", "no such user")
    ]


def wrapped(mail: bytes, sender: str, subject: str) -> bytes:
    """Passed on as an attachment."""
    return (
        f"From: {sender}\nTo: news@example.com\nSubject: {subject}\nMIME-Version: 1.0\n"
        'Content-Type: multipart/mixed; boundary="o"\n\n--o\nContent-Type: text/plain\n\nSee below.\n'
        f"--o\nContent-Type: message/rfc822\n\n{mail.decode()}\n--o--\n"
    ).encode()


def test_what_a_gateway_wraps_into_a_notice_of_its_own_is_read_too() -> None:
    outer = wrapped(dsn(recipient("ada@example.org", "5.1.1")), "MAILER-DAEMON@gateway.example", "Returned mail")
    assert said(outer) == [("ada@example.org", "hard", "no such user")]


@pytest.mark.parametrize(
    "mail",
    [
        notice("I am away until Monday.", subject="Out of office: This week's verdicts", sender="ada@example.org"),
        notice("Thank you.", subject="Your message", sender="ada@example.org", Auto_Submitted="auto-replied"),
        notice("Bin im Urlaub.", subject="Automatische Antwort: x", sender="ada@example.org"),
        notice("5.1.1 is what I got.", subject="Re: news", sender="ada@example.org", X_Autoreply="yes"),
        notice("不在です", subject="=?utf-8?b?5LiN5Zyo6YCa55+l?=", sender="ada@example.org"),
    ],
)
def test_a_vacation_reply_is_dropped_even_when_it_comes_to_a_return_path(mail: bytes) -> None:
    reading = read_bounce(mail.replace(b"To: news@example.com", f"To: {RETURN_PATH}".encode()), KEYS)
    assert [one.judgement.reason for one in reading.returned] == [Reason.VACATION]
    assert reading.returned[0].judgement.kind is BounceKind.IGNORED


def test_a_persons_own_mail_is_not_understood_and_so_kept() -> None:
    reading = read_bounce(notice("What a fine issue!", subject="Thanks", sender="ada@example.org"), KEYS)
    assert not reading.understood


def test_what_a_person_passes_on_is_hearsay() -> None:
    inner = dsn(recipient("granny@example.org", "5.1.1"))
    assert read_bounce(wrapped(inner, "ada@example.org", "Is this yours?"), KEYS).hearsay
    assert not read_bounce(inner, KEYS).hearsay


def test_a_complaint_is_tied_to_its_delivery_by_the_reported_return_path_or_the_readers_own_link() -> None:
    by_path = read_bounce(complaint(mail_from=RETURN_PATH), KEYS)
    by_link = read_bounce(complaint(unsubscribe=sign_link(Link(5, 3), 1, KEYS[1])), KEYS)
    forged = read_bounce(complaint(unsubscribe="A" * 32, mail_from="b-" + "a" * 29 + "@bounces.example.com"), KEYS)
    assert (by_path.delivery_id, by_link.link) == (7, Link(5, 3))
    assert (forged.delivery_id, forged.link) == (None, None)
    assert [one.judgement.kind for one in by_path.returned] == [BounceKind.COMPLAINT]


def test_a_complaint_that_kept_nothing_but_the_leave_path_is_tied_by_it() -> None:
    leave = f"<mailto:{LEAVE}{sign_delivery(9, 1, KEYS[1])}@bounces.example.com>"
    assert (
        read_bounce(
            complaint().replace(b"List-Unsubscribe: <", f"List-Unsubscribe: {leave}, <".encode()), KEYS
        ).delivery_id
        == 9
    )


@pytest.mark.parametrize("kind", ["auth-failure", "not-spam", "virus", "something-new"])
def test_a_report_that_is_no_complaint_changes_nothing(kind: str) -> None:
    assert said(complaint(kind=kind)) == [("ada@example.org", "ignored", "other report")]


@pytest.mark.parametrize("kind", ["other", "abuse (a reader pressed it)", "(by hand) Opt-Out", '"Abuse"', "abuse;"])
def test_a_complaint_is_one_however_its_type_is_written(kind: str) -> None:
    assert said(complaint(kind=kind)) == [("ada@example.org", "complaint", "complaint")]


def test_mail_to_a_leave_path_asks_to_be_taken_off() -> None:
    leave = f"{LEAVE}{sign_delivery(9, 1, KEYS[1])}@bounces.example.com"
    reading = read_bounce(f"From: ada@example.org\nTo: {leave}\nSubject: unsubscribe\n\n".encode(), KEYS)
    assert reading.leaves == 9


@given(some.binary(max_size=400))
def test_no_bytes_make_reading_fail(raw: bytes) -> None:
    assert read_bounce(raw, KEYS).returned


@given(some.text(max_size=300))
def test_no_words_in_a_report_make_reading_fail(words: str) -> None:
    assert read_bounce(dsn(words, words=words), KEYS).returned
    assert read_bounce(notice(words), KEYS).returned


def test_a_mail_nested_a_thousand_deep_is_kept_and_nothing_worse() -> None:
    head = "".join(f'Content-Type: multipart/mixed; boundary="{n}"\n\n--{n}\n' for n in range(1000))
    assert read_bounce(head.encode(), KEYS).returned


@pytest.mark.parametrize(
    "words",
    [
        "Delivery to ada@example.org has been delayed.",
        "La remise du message à ada@example.org a été retardée.",
        "Доставка письма для ada@example.org отложена.",
    ],
)
def test_the_points_of_an_address_end_no_sentence_of_a_delay(words: str) -> None:
    raw = f"From: MAILER-DAEMON@mx.example\nSubject: Weekly\nContent-Type: text/plain; charset=utf-8\n\n{words}\n"
    (returned,) = read_bounce(raw.encode(), KEYS).returned
    assert (returned.recipient, returned.judgement.kind, returned.judgement.reason) == (
        "ada@example.org", BounceKind.SOFT, Reason.DELAYED,
    )  # fmt: skip


@pytest.mark.parametrize("nest", ["(", "<(", '"(', "<@", "a:"])
def test_a_sender_nested_a_thousand_deep_is_nobody_and_stops_no_reading(nest: str) -> None:
    raw = f"From: Mail Delivery System {nest * 2000} <daemon@example.org>\nSubject: Undeliverable\n\nno such user"
    assert read_bounce(raw.encode(), KEYS).returned


@pytest.mark.parametrize(
    "piece",
    [
        "a@",
        "user ",
        "a.b@c.d ",
        "-- ",
        "<!--",
        "<a ",
        "(",
        "mailbox ",
        "=?",
        "not ",
        " a: b\n",
        "\n\n",
        "your mail ",
        "no domain ",
        "--b\nContent-",
    ],
)
def test_crafted_repetition_does_not_slow_the_reader_down(piece: str) -> None:
    words = (piece * (60_000 // len(piece)))[:60_000]
    assert read_bounce(notice(words), KEYS).returned
    assert read_bounce(dsn(recipient("ada@example.org", "5.0.0", words.replace("\n", " ")), words=words), KEYS).returned


@pytest.mark.parametrize(
    "mail",
    [
        'Content-Type: text/plain; "' + ";" * 900_000 + "\n\nx",
        "Content-Type: multipart/mixed" + ";a" * 450_000 + "\n\nx",
        "".join(f'Content-Type: multipart/mixed; boundary="{n}"\n\n--{n}\n' for n in range(900)) + "--x\n" * 220_000,
        "Content-Type: multipart/mixed; boundary=b\n\n"
        + ("--b\nContent-Type: text/html\n\n" + "<script " * 15_000) * 8,
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n" + "\n" * 900_000,
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n" + "\r\na: b\r\n" * 120_000,
    ],
)
def test_a_mail_that_is_crafted_to_take_hours_is_kept_at_once(mail: str) -> None:
    """Before, the first took a quarter of an hour, and the others half a minute."""
    assert read_bounce(mail.encode(), KEYS).returned


def test_what_a_report_says_stands_before_any_number_of_empty_lines() -> None:
    report = dsn(recipient("ada@example.org", "5.1.1", "550 5.1.1 User unknown"))
    assert said(report + b"\n" * 900_000) == [("ada@example.org", "hard", "no such user")]


def test_lines_that_end_as_they_do_on_the_wire_are_none_that_are_empty() -> None:
    report = dsn(recipient("ada@example.org", "5.1.1", "550 5.1.1 User unknown"))
    long = report.replace(b"\n\n", b"\n" + b"X-Trace: a\n" * 6000 + b"\n", 1).replace(b"\n", b"\r\n")
    assert said(long) == [("ada@example.org", "hard", "no such user")]


def test_a_notice_of_a_mailbox_that_is_full_is_read_in_korean() -> None:
    words = "메일이 아래와 같은 이유로 전송 실패되었습니다.\nada@example.org\n메일함 용량이 초과되었습니다.\n"
    raw = notice(words, subject="메일 전송이 실패되었습니다", sender="postmaster@example.org")
    assert said(raw) == [("ada@example.org", "soft", "mailbox full")]


def test_scripts_and_styles_of_a_notice_are_none_of_its_words() -> None:
    html = '<STYLE type="a">b</style >It <script>1<</script>came<script> back'
    words = open_mail(f"Content-Type: text/html\n\n{html}".encode()).words
    assert words.split() == ["It", "came", "back"]


def test_who_only_calls_themselves_a_mail_system_is_believed_about_those_alone_whom_they_name() -> None:
    posing = (
        b'From: "Mail Delivery System" <help@storage.example>\nReturn-Path: <help@storage.example>\n'
        b"To: " + RETURN_PATH.encode() + b"\nSubject: Mail delivery failed: 9 messages wait\n\n"
        b"They could not be delivered, since your mailbox is full (552 5.2.2 over quota).\n"
    )
    assert read_bounce(posing, KEYS).hearsay
    genuine = posing.replace(b"help@storage.example", b"MAILER-DAEMON@storage.example")
    assert not read_bounce(genuine, KEYS).hearsay


@pytest.mark.parametrize("sender", ["<>", "<MAILER-DAEMON>", "MAILER-DAEMON", "<MAILER-DAEMON@mx.example.com>"])
def test_the_null_sender_makes_no_mail_system_however_it_is_written(sender: str) -> None:
    """Postfix writes it so for commands (pipe(8)), and Sendmail."""
    reply = (
        f"From: Ada <ada@example.org>\nReturn-Path: {sender}\nTo: {RETURN_PATH}\nSubject: Re: News\n\n"
        "I left. Your mail could not be delivered: user unknown. Write to <bob@example.org>.\n"
    ).encode()
    assert read_bounce(reply, KEYS).hearsay
    marked = reply.replace(b"Subject", b"Auto-Submitted: auto-replied\nSubject")
    assert said(marked) == [("", "ignored", "vacation")]


def test_mail_whose_own_bounces_go_elsewhere_is_no_bounce_for_that() -> None:
    other = (
        b"From: Other Weekly <editor@other.example>\nReturn-Path: <bounce-1@other.example>\n"
        b"To: " + RETURN_PATH.encode() + b"\nSubject: Your delivery has failed\n\n550 5.1.1 user unknown\n"
    )
    assert read_bounce(other, KEYS).hearsay
    assert said(other.replace(b"From", b"List-Id: <other.example>\nFrom")) == [("", "ignored", "not understood")]


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("Delivery failed: your parcel", "We were unable to deliver it: the address was not found."),
        ("Daily bounce summary", "5 mails bounced: user unknown"),
        ("my mail to you was returned", "It says delivery failed, user unknown. What is up?"),
    ],
)
def test_what_names_no_address_and_is_from_no_mail_system_is_no_bounce(subject: str, words: str) -> None:
    assert said(notice(words, subject=subject, sender="info@parcels.example")) == [("", "ignored", "not understood")]


@pytest.mark.parametrize("charset", ["us-ascii", "iso-2022-jp", "utf-8"])
def test_japanese_in_seven_bits_is_read_whatever_it_is_called(charset: str) -> None:
    head = f"From: MAILER-DAEMON@example.org\nSubject: Undelivered\nContent-Type: text/plain; charset={charset}\n\n"
    mail = head.encode() + "ada@example.org\nこのアドレスは存在しません。\n".encode("iso-2022-jp")
    assert said(mail) == [("ada@example.org", "hard", "no such user")]


def test_what_every_notice_says_is_no_reason() -> None:
    words = (
        "This is the mail system at host mx.example.org.\n\nI'm sorry to have to inform you that your message could\n"
        "not be delivered to one or more recipients.\n\n<ada@example.org>: host mx.example.net said: 550 %s"
    )
    block = "Final-Recipient: rfc822; ada@example.org\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 %s"
    for said, reason in (("Brukeren finnes ikke", Reason.NO_SUCH_USER), ("Ikke i dag", Reason.REFUSED)):
        (one,) = read_bounce(dsn(block % said, words=words % said), KEYS).returned
        assert one.judgement.reason is reason


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("Задержка доставки", "Доставка вашего письма для ada@example.org задерживается. Попытки будут продолжены."),
        ("Доставка отложена: Weekly", "Доставка этим получателям отложена: ada@example.org"),
        ("Opóźnienie dostarczenia", "Wiadomość do ada@example.org nie została jeszcze dostarczona."),
        ("Weekly", "Доставка письма отложена: ada@example.org"),
        ("Не доставлено", "ada@example.org: письмо ещё не доставлено."),
        ("Opóźnienie doręczenia", "ada@example.org"),
        ("Weekly", "Wiadomość do ada@example.org nie została jeszcze dostarczona."),
    ],
)
def test_a_delay_is_understood_in_russian_and_polish(subject: str, words: str) -> None:
    assert said(notice(words, subject=subject)) == [("ada@example.org", "soft", "delayed")]


def test_what_failed_for_good_in_russian_or_polish_is_no_delay() -> None:
    for subject, words in (
        ("Недоставлено", "ada@example.org: такого пользователя нет. Проверьте адрес и повторите попытку отправки."),
        ("Niedostarczone", "Wiadomość do ada@example.org nie została dostarczona: użytkownik nie istnieje."),
    ):
        assert said(notice(words, subject=subject)) == [("ada@example.org", "hard", "no such user")]
