"""The demo's inbox keeps exactly the bytes that a client meant."""

import smtplib
import socket
from email import message_from_bytes
from pathlib import Path

import pytest

from newsletter.demo.inbox import Inbox

MESSAGE = b"Subject: dots\r\n\r\n.one\r\n..two\r\n\r\nthe end\r\n"


def test_what_arrives_is_kept_with_its_envelope_in_order(tmp_path: Path) -> None:
    with Inbox(tmp_path) as inbox, smtplib.SMTP("127.0.0.1", inbox.port) as client:
        client.sendmail("verp@b.example", ["ada@readers.example"], MESSAGE)
        client.sendmail("verp@b.example", ["zoë@readers.example"], MESSAGE, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
        kept = [path.read_bytes() for path in inbox.messages()]
    assert [message_from_bytes(raw)["Delivered-To"] is not None for raw in kept] == [True, True]
    assert all(raw.endswith(MESSAGE) for raw in kept)
    assert b"Delivered-To: zo\xc3\xab@readers.example\r\n" in kept[1]


def test_a_pipelined_client_gets_a_reply_to_each_command_in_order(tmp_path: Path) -> None:
    with Inbox(tmp_path) as inbox, socket.create_connection(("127.0.0.1", inbox.port)) as client:
        client.sendall(
            b"EHLO me\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"
            b"BDAT 6\r\nA: b\r\nBDAT 6 LAST\r\n\r\nhi\r\n"
            b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n.\r\nQUIT\r\n"
        )
        replies = _read_all(client).decode().splitlines()
        assert [path.read_bytes().split(b"\r\n", 2)[2] for path in inbox.messages()] == [b"A: b\r\n\r\nhi\r\n", b""]
    finals = [line[:3] for line in replies if line[3] == " "]
    assert finals == ["220", "250", "250", "250", "250", "250", "250", "250", "354", "250", "221"]


@pytest.mark.parametrize("early", [b"DATA", b"RCPT TO:<c@d.example>", b"MAIL TO:<c@d.example>"])
def test_a_command_out_of_order_is_refused(tmp_path: Path, early: bytes) -> None:
    with Inbox(tmp_path) as inbox, socket.create_connection(("127.0.0.1", inbox.port)) as client:
        client.sendall(b"EHLO me\r\n" + early + b"\r\nQUIT\r\n")
        assert b"\r\n50" in _read_all(client)


def test_a_port_that_is_taken_is_an_os_error(tmp_path: Path) -> None:
    with Inbox(tmp_path / "a") as first, pytest.raises(OSError, match="in use"), Inbox(tmp_path / "b", first.port):
        pass


def _read_all(client: socket.socket) -> bytes:
    with client.makefile("rb") as replies:
        return replies.read()
