"""The mailbox of returned mail over IMAP: a server of ours, and a real one where it is installed."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from newsletter.deliveries.bounces_mail import MAX_BYTES, Arrived, Unread
from newsletter.deliveries.read_mailbox import mails_of_mailbox
from newsletter.errors import NewsletterError
from newsletter.setting_values import Mailbox, bounce_mailbox
from tests.fakes.dovecot import Dovecot
from tests.fakes.imap_server import ImapServer


@pytest.fixture(params=[ImapServer, Dovecot])
def server(request: pytest.FixtureRequest) -> Iterator[ImapServer | Dovecot]:
    if missing := request.param.why_not():
        pytest.skip(missing)
    with request.param() as server:
        yield server


def mailbox(server: ImapServer | Dovecot, folder: str = "INBOX") -> Mailbox:
    password = quote(server.password, safe="")
    return bounce_mailbox(f"imaps://{server.user}:{password}@127.0.0.1:{server.port}/{folder}?ca={server.ca}")


def test_unread_mail_is_taken_once_and_kept(server: ImapServer | Dovecot) -> None:
    server.deliver(b"Subject: one\r\n\r\nx\r\n", b"Subject: two\r\n\r\n" + b"y" * (MAX_BYTES + 1000))
    first = list(mails_of_mailbox(mailbox(server)))
    assert sorted(len(mail.raw) for mail in first if isinstance(mail, Arrived)) == [19, MAX_BYTES]
    assert {mail.source for mail in first} == {"INBOX/1", "INBOX/2"}
    assert server.seen() == 2
    server.deliver(b"Subject: three\r\n\r\nz\r\n")
    assert [mail.source for mail in mails_of_mailbox(mailbox(server))] == ["INBOX/3"]


def test_mail_counts_as_read_only_when_it_was_dealt_with(server: ImapServer | Dovecot) -> None:
    server.deliver(b"Subject: one\r\n\r\nx\r\n", b"Subject: two\r\n\r\nx\r\n")
    taking = mails_of_mailbox(mailbox(server))
    next(taking)
    next(taking)
    del taking  # whoever was taking them is gone
    assert len(list(mails_of_mailbox(mailbox(server)))) == 1


def test_a_server_that_hangs_up_is_told_in_a_line() -> None:
    with ImapServer() as server:
        server.deliver(b"Subject: one\r\n\r\nx\r\n", b"Subject: two\r\n\r\nx\r\n")
        server.hanging_up_after = 1
        with pytest.raises(NewsletterError, match="cannot be read"):
            list(mails_of_mailbox(mailbox(server)))
        server.hanging_up_after = None
        assert [mail.source for mail in mails_of_mailbox(mailbox(server))] == ["INBOX/2"]


@pytest.mark.parametrize("answer", ["NO [CORRUPTION] cannot be read", "BAD internal error"])
@pytest.mark.parametrize("command", ["UID FETCH 2 ", "UID STORE 2 "])
def test_a_mail_that_the_server_fails_at_holds_up_none_behind_it(command: str, answer: str) -> None:
    with ImapServer() as server:
        server.deliver(*(f"Subject: {number}\r\n\r\nx\r\n".encode() for number in range(3)))
        server.refusing = {command: answer}
        found = list(mails_of_mailbox(mailbox(server)))
        assert {mail.source for mail in found if isinstance(mail, Arrived)} >= {"INBOX/1", "INBOX/3"}
        assert [(one.source, answer.split()[-1] in one.why) for one in found if isinstance(one, Unread)] == [
            ("INBOX/2", True)
        ]
        assert server.seen() == 2


def test_a_server_that_does_not_tell_what_is_unread_is_told_in_a_line() -> None:
    with ImapServer() as server:
        server.refusing = {"UID SEARCH": "NO index is broken"}
        with pytest.raises(NewsletterError, match="index is broken"):
            list(mails_of_mailbox(mailbox(server)))


def test_a_file_of_certificates_that_is_not_there_is_named() -> None:
    with pytest.raises(NewsletterError, match=r"/nowhere/ca\.pem"):
        list(mails_of_mailbox(bounce_mailbox("imaps://a:b@127.0.0.1/INBOX?ca=/nowhere/ca.pem")))


def test_a_wrong_password_and_a_certificate_of_nobody_are_told_in_a_line() -> None:
    with ImapServer() as server:
        for url in (
            f"imaps://{server.user}:wrong@127.0.0.1:{server.port}/INBOX?ca={server.ca}",
            f"imaps://{server.user}:w%C3%B6rd@127.0.0.1:{server.port}/INBOX?ca={server.ca}",
            f"imaps://{server.user}:word@127.0.0.1:{server.port}/INBOX",
        ):
            with pytest.raises(NewsletterError):
                list(mails_of_mailbox(bounce_mailbox(url)))


def test_an_option_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown option 'tls'"):
        bounce_mailbox("imaps://a:b@example.com/INBOX?tls=off")
