"""Returned mail of 230 kinds, from qmail to the feedback reports of big providers, and what servers say in refusals."""

import base64
import json
import quopri
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.deliveries.bounces import read_bounce
from newsletter.deliveries.bounces_reasons import judge

DATA = Path(__file__).parents[2] / "data" / "returned_mail"
# "The account is disabled or does not exist": its server then says "User unknown", we believe the milder of the two.
MISREAD = {"au (ezweb) in plain text"}


class Mail(NamedTuple):
    name: str
    expected: list[list[str]]
    raw: bytes


def mails() -> Iterator[Mail]:
    for block in (DATA / "formats.txt").read_text("utf-8").split("\n%% ")[1:]:
        name, *lines = block.split("\n")
        expected = [line.split()[1:] for line in lines if line.startswith("%= ")]
        yield Mail(name, expected, encoded([line for line in lines if not line.startswith("%= ")]))


def encoded(lines: list[str]) -> bytes:
    ways: dict[str, Callable[[bytes], bytes]] = {
        "%b64": base64.encodebytes,
        "%qp": lambda raw: quopri.encodestring(raw) + b"\n",
        "%raw": lambda raw: raw + b"\n",
    }
    out, inside, way = bytearray(), [""], ""
    for line in lines:
        if line.split(" ")[0] in ways:
            way, inside = line, []
        elif line == "%end":
            name, charset = way.split()
            out += ways[name]("\n".join(inside).encode(charset))
            way = ""
        elif way:
            inside.append(line)
        else:
            out += line.encode() + b"\n"
    return bytes(out)


ALL = list(mails())


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_mail_in_the_known_formats_is_read(ending: bytes) -> None:
    misread = set()
    for mail in ALL:
        read = read_bounce(mail.raw.replace(b"\n", ending), {}).returned
        kinds = [one.judgement.kind.value for one in read] == [kind for kind, *_ in mail.expected]
        names = all(one.names("".join(who)) for one, (_, *who) in zip(read, mail.expected, strict=False) if who)
        if not (kinds and names):
            misread.add(mail.name)
    assert misread == MISREAD


def test_a_blotted_out_recipient_is_nobody() -> None:
    mail = next(mail for mail in ALL if mail.name.startswith("AOL"))
    assert [one.recipient for one in read_bounce(mail.raw, {}).returned] == [""]


def test_a_mail_cut_anywhere_is_read_without_an_error() -> None:
    for mail in ALL:
        for share in range(1, 8, 2):
            assert read_bounce(mail.raw[: len(mail.raw) * share // 8], {}).returned


@given(random=st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_a_mangled_mail_is_read_without_an_error(random: Random) -> None:
    mail = bytearray(random.choice(ALL).raw)
    for _ in range(random.randint(1, 20)):
        at = random.randrange(len(mail) + 1)
        other = random.choice(ALL).raw
        start = random.randrange(len(other))
        mail[at : at + random.choice((0, 1, 60))] = random.choice((bytes([random.randrange(256)]), other[start:][:150]))
    assert read_bounce(bytes(mail), {}).returned


@pytest.mark.parametrize("subject", ["=?utf-8?b?aGkhI?=", "=?nonsense?q?a?=", "=?utf-8?q?a?= " * 60_000])
def test_a_header_that_cannot_be_decoded_stops_nothing(subject: str) -> None:
    mail = f"From: MAILER-DAEMON@example.com\nSubject: {subject}\n\n<ada@example.org>: user unknown\n"
    assert read_bounce(mail.encode(), {}).returned[0].judgement.kind is not None


def test_a_notice_of_ses_that_comes_by_mail_is_read() -> None:
    bounced = [{"emailAddress": "ada@example.org", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 unknown"}]
    bounce = {"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": bounced}
    message = json.dumps({"notificationType": "Bounce", "bounce": bounce, "mail": {"messageId": "1"}})
    words = json.dumps({"Type": "Notification", "Message": message}, indent=2)
    mail = f"From: SNS <no-reply@sns.amazonaws.com>\nSubject: AWS Notification Message\n\n{words}\n"
    read = read_bounce(mail.encode(), {}).returned
    assert [(one.recipient, one.judgement.kind.value) for one in read] == [("ada@example.org", "hard")]


def test_a_list_of_sendgrids_bounces_is_read() -> None:
    rows = [
        {"status": "5.1.1", "created": "2026-11-24 09:00:00", "reason": "550 5.1.1 unknown", "email": "a@example.org"},
        {"email": "b@example.org", "event": "spamreport", "sg_event_id": "1"},
        {"nothing": "of ours"},
    ]
    read = read_bounce(json.dumps(rows).encode(), {}).returned
    assert [(one.recipient, one.judgement.kind.value) for one in read] == [
        ("a@example.org", "hard"),
        ("b@example.org", "complaint"),
    ]


def test_what_servers_say_is_understood() -> None:
    kind, wrong = "", []
    for line in (DATA / "refusals.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            kind = line.strip("[]")
        elif line and not line.startswith("# "):
            found = judge(None, None, line if line[:3].isdigit() else f"550 {line}").kind.value
            wrong += [(line, found)] if found != kind else []
    assert wrong == []


def test_what_somebody_is_called_says_nothing_of_why() -> None:
    for name in ("full", "spam", "disabled", "mailbox-full", "does-not-exist"):
        assert judge(None, None, f"550 <{name}@example.com>: user unknown").kind.value == "hard"
        assert judge(None, None, f"550 {name}@example.com blocked by policy").kind.value == "soft"
