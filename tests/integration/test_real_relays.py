"""Through a real mail server into real mailboxes: each message is looked at there."""

import re
import smtplib
import time
from datetime import timedelta
from pathlib import Path

import dkim as dkimpy
import pytest
from sqlalchemy import Engine, select, update

from db.engine import is_sqlite, reading, transaction
from db.models import Delivery, Issue, Subscriber
from newsletter.deliveries.read_mailbox import mails_at
from newsletter.deliveries.receive import receive_mail
from newsletter.deliveries.send import send_due
from newsletter.settings import Settings
from tests.fakes.exim import Exim, EximWithoutChunking
from tests.fakes.mail_server import MailServer
from tests.fakes.opensmtpd import OpenSMTPD
from tests.fakes.postfix import Postfix, PostfixWithARate, PostfixWithTls
from tests.fakes.postgrey import Postgrey
from tests.fakes.smtp_sink import Sink
from tests.integration.sending import NOW, WEEK, published, signing, standing, subscribe, with_relays

READERS = 50
ONCE = (b"from", b"to", b"subject", b"date", b"message-id", b"list-id", b"list-unsubscribe", b"list-unsubscribe-post")


def parts(message: bytes) -> tuple[list[bytes], bytes]:
    """Our header fields, without those that servers put before them and without signatures; and the body."""
    head, _, body = message.partition(b"\r\n\r\n")
    fields = head.replace(b"\r\n ", b"\n ").replace(b"\r\n\t", b"\n\t").split(b"\r\n")
    added = (b"return-path:", b"x-original-to:", b"delivered-to:", b"received:", b"dkim-signature:")
    return [field for field in fields if not field.lower().startswith(added)], body


@pytest.mark.parametrize("kind", [Postfix, PostfixWithARate, PostfixWithTls, Exim, EximWithoutChunking, OpenSMTPD])
def test_what_lies_in_the_mailboxes_behind_a_real_server_is_what_we_wrote(
    kind: type[MailServer], engine: Engine, settings: Settings, tmp_path: Path, full: bool
) -> None:
    if missing := kind.why_not():
        pytest.skip(missing)
    if kind in (PostfixWithARate, PostfixWithTls) and not (full or is_sqlite(engine)):
        pytest.skip("--full runs this beside PostgreSQL, too: the relay is what is different")
    here, signers = signing(settings, tmp_path)
    with kind([f"reader{n}" for n in range(READERS)]) as server, Sink() as sink:
        published(engine, here, READERS)
        assert send_due(engine, with_relays(here, server.url), standing(), WEEK).issues[0].counts.sent == READERS
        boxes = server.mails(READERS)
        with transaction(engine) as connection:  # the same deliveries again, to a server that keeps the bytes
            connection.execute(update(Delivery).values(status="queued"))
            connection.execute(update(Issue).values(status="sending"))
        send_due(engine, with_relays(here, sink.url), standing(), WEEK)
    assert {name: len(mails) for name, mails in boxes.items()} == {f"reader{n}": 1 for n in range(READERS)}
    for sent in sink.mails:
        arrived = boxes[sent.recipient.partition("@")[0]][0]
        assert parts(arrived) == parts(sent.data)
        names = [field.partition(b":")[0].lower() for field in parts(arrived)[0]]
        assert all(names.count(name) == 1 for name in ONCE)
        assert f"return-path: <{sent.sender}>".encode() in arrived.lower()
        verifier = dkimpy.DKIM(arrived)
        for place in range(2):
            assert verifier.verify(place, lambda name, timeout=5: signers[name.partition(b".")[0]].record().encode())


@pytest.mark.parametrize("kind", [Postfix, Exim, OpenSMTPD])
def test_what_a_real_server_sends_back_bounces_whom_it_is_about_and_a_mail_to_leave_lets_its_reader_go(
    kind: type[MailServer], engine: Engine, settings: Settings
) -> None:
    if missing := kind.why_not():
        pytest.skip(missing)
    subscribe(engine, 1, domain="far.example", start=90)
    server = kind(["reader0", "reader1"])
    with Sink().refusing("reader90@far.example", "550 5.1.1 <reader90@far.example>: user unknown") as far:
        server.far = far.port
        with server:
            published(engine, settings, 2)
            assert send_due(engine, with_relays(settings, server.url), standing(), WEEK).issues[0].counts.sent == 3
            (received,) = server.mails(3)["reader1"]
            leave = re.search(r"<mailto:([^>]+)>", received.decode().replace("\r\n ", ""))
            assert leave is not None
            with smtplib.SMTP("127.0.0.1", server.port) as client:
                words = f"To: {leave[1]}\r\nSubject: unsubscribe\r\n\r\n"
                client.sendmail("reader1@example.org", leave[1], words)
            assert len(server.mails(4)["returned"]) == 2
            report = receive_mail(engine, mails_at(server.folder / "mail" / "returned"), now=NOW)
    assert sorted((one.kind, one.status, one.subscriber_changed) for one in report.results) == [
        ("hard", "5.1.1", True), ("ignored", None, True),
    ]  # fmt: skip
    with reading(engine) as connection:
        states = {row.email: row.state for row in connection.execute(select(Subscriber.email, Subscriber.state))}
    assert states == {
        "reader90@far.example": "bounced", "reader0@example.org": "active", "reader1@example.org": "unsubscribed",
    }  # fmt: skip


def test_behind_a_greylisting_server_everyone_gets_one_mail_on_the_second_try(
    engine: Engine, settings: Settings, full: bool
) -> None:
    if missing := Postfix.why_not() or Postgrey.why_not():
        pytest.skip(missing)
    if not (full or is_sqlite(engine)):
        pytest.skip("--full runs this beside PostgreSQL, too: the relay is what is different")
    with Postgrey() as grey:
        server = Postfix([f"reader{n}" for n in range(READERS)])
        server.policy = grey.port
        with server:
            here = with_relays(settings, server.url)
            published(engine, here, READERS)
            first = send_due(engine, here, standing(), WEEK).issues[0].counts
            assert (first.sent, first.deferred) == (0, READERS), first
            time.sleep(grey.delay + 1)
            later = send_due(engine, here, standing(NOW + timedelta(minutes=15)), WEEK).issues[0]
            assert (later.counts.sent, later.status) == (READERS, "sent")
            boxes = server.mails(READERS)
    assert {name: len(mails) for name, mails in boxes.items()} == {f"reader{n}": 1 for n in range(READERS)}
