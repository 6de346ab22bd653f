"""Returned mail, written for these tests in the shapes that mail systems use."""


def dsn(
    *recipients: str, to: str = "news@example.com", words: str = "Your mail came back.", unsubscribe: str = ""
) -> bytes:
    """An RFC 3464 report; each of ``recipients`` is a block of its per-recipient fields."""
    leave = f"List-Unsubscribe:\n <https://news.example.com/unsubscribe/{unsubscribe}>\n" if unsubscribe else ""
    blocks = "\n\n".join(block.strip() for block in recipients)
    return f"""\
Return-Path: <>
Delivered-To: {to}
From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b0"

--b0
Content-Type: text/plain; charset=us-ascii

{words}

--b0
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
Arrival-Date: Tue, 17 Nov 2026 09:00:00 +0000

{blocks}

--b0
Content-Type: text/rfc822-headers

From: Weekly Verdicts <news@example.com>
To: ada@example.org
{leave}Subject: This week's verdicts

--b0--
""".encode()


def recipient(address: str, status: str, said: str = "", *, action: str = "failed", original: str | None = None) -> str:
    first = f"Original-Recipient: rfc822;{original}\n" if original else ""
    last = f"\nDiagnostic-Code: smtp; {said}" if said else ""
    return f"{first}Final-Recipient: rfc822; {address}\nAction: {action}\nStatus: {status}{last}"


def complaint(*, kind: str = "abuse", mail_from: str = "", unsubscribe: str = "", to: str = "ada@example.org") -> bytes:
    """An RFC 5965 feedback report."""
    return f"""\
From: <feedback@provider.example>
To: news@example.com
Subject: FW: This week's verdicts
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b0"

--b0
Content-Type: text/plain

This is an email abuse report.

--b0
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <{mail_from}>
Original-Rcpt-To: <{to}>

--b0
Content-Type: message/rfc822

From: Weekly Verdicts <news@example.com>
To: {to}
List-Unsubscribe: <https://news.example.com/unsubscribe/{unsubscribe}>
Subject: This week's verdicts

Words
--b0--
""".encode()


def notice(
    words: str, *, subject: str = "failure notice", sender: str = "MAILER-DAEMON@mx.example.net", **more: str
) -> bytes:
    """A bounce in prose, as systems without RFC 3464 write it."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in more.items())
    return f"Return-Path: <>\nFrom: {sender}\nTo: news@example.com\nSubject: {subject}\n{lines}\n{words}\n".encode()
