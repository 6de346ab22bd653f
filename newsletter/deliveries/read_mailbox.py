"""Where returned mail lies: a file, a folder, a Maildir, an IMAP folder, standard input.

Each source yields mails; when the taker comes back for the next one, the one before has been dealt with, and only then
is it marked as read. Nothing is ever deleted. What cannot be read is named in its place, and the next one follows: one
damaged mail must not hold up all that lie behind it.
"""

import contextlib
import imaplib
import os
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from newsletter.deliveries.bounces_mail import MAX_BYTES, Arrived, Unread
from newsletter.errors import BadInputError, NewsletterError
from newsletter.setting_values import Mailbox

_MAX_MAIL = 20_000_000
_TIMEOUT = 30.0
_LINE = 65_536
_MBOX_FROM = re.compile(rb"From \S+[ \t]+(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ")


def mails_at(path: Path) -> Iterator[Arrived | Unread]:
    """A mail or mbox file, a Maildir, or a folder of mail files. Raises BadInputError when it is none of them."""
    if path.is_dir():
        if (path / "new").is_dir() and (path / "cur").is_dir():
            yield from _maildir(path)
        else:
            for file in sorted(path.iterdir()):
                if file.is_file() and not file.name.startswith("."):
                    yield from _file(file)
    elif path.exists():
        yield from _file(path)
    else:
        raise BadInputError(f"{path} is neither a file nor a folder with mail")


def mails_in(file: BinaryIO, source: str = "-") -> Iterator[Arrived]:
    """One mail, or all of an mbox, one at a time in memory, each up to some 20 MB.

    Of nothing there is none. An mbox begins with a ``From `` line, and so does each of its mails, after a blank line
    (RFC 4155).
    """
    mail: list[bytes] = []
    number, size, mbox, at_start, after_blank = 1, 0, False, True, False
    while line := file.readline(_LINE):
        begins = at_start and _MBOX_FROM.match(line) is not None
        if begins and not mail:
            mbox = True
        elif begins and mbox and after_blank:
            yield Arrived(source, b"".join(mail), number)
            mail, size, number = [], 0, number + 1
        after_blank = at_start and line in (b"\n", b"\r\n")
        at_start = line.endswith(b"\n")
        if size < _MAX_MAIL and (mail or not after_blank):
            mail.append(line)
            size += len(line)
    if mail:
        yield Arrived(source, b"".join(mail), number)


def mails_of_mailbox(mailbox: Mailbox) -> Iterator[Arrived | Unread]:
    """The unread mails of the configured mailbox. Raises NewsletterError when it cannot be read."""
    if mailbox.path is not None:
        if not (mailbox.path / "new").is_dir():
            raise NewsletterError(f"{mailbox.path} is no Maildir; NEWSLETTER_BOUNCE_MAILBOX names one that exists")
        yield from _maildir(mailbox.path)
    else:
        yield from _imap(mailbox)


def _file(path: Path) -> Iterator[Arrived | Unread]:
    try:
        with path.open("rb") as file:
            yield from mails_in(file, _name(path))
    except OSError as error:
        yield Unread(_name(path), f"it cannot be read: {_words(error)}")


def _name(path: Path) -> str:
    """File names are bytes to the system; what is no text in one is shown as a question mark."""
    return path.name.encode("utf-8", "replace").decode()


def _words(error: Exception) -> str:
    text = error.strerror or "" if isinstance(error, OSError) else ""
    return " ".join((text or str(error) or type(error).__name__).split())[:200]


def _maildir(path: Path) -> Iterator[Arrived | Unread]:
    """What is in ``new``, and what another reader moved to ``cur`` without having seen it; then it is seen."""
    try:
        (path / "cur").mkdir(exist_ok=True)
        found = [file for folder in ("new", "cur") for file in sorted((path / folder).iterdir())]
    except OSError as error:
        raise NewsletterError(f"the mail in {path} cannot be listed: {_words(error)}") from None
    for file in found:
        base, _, flags = file.name.partition(":2,")
        if file.name.startswith(".") or "S" in flags:
            continue
        try:
            if not file.is_file():
                continue
            with file.open("rb") as opened:
                raw = opened.read(_MAX_MAIL)
            yield Arrived(_name(file), raw)
            os.rename(file, path / "cur" / f"{base}:2,{''.join(sorted({*flags, 'S'}))}")
        except FileNotFoundError:
            continue  # another reader was faster
        except OSError as error:
            yield Unread(_name(file), f"it cannot be read and marked as read: {_words(error)}")


def _imap(mailbox: Mailbox) -> Iterator[Arrived | Unread]:
    try:
        trusted = ssl.create_default_context(cafile=mailbox.ca)
    except OSError as error:
        raise NewsletterError(f"the certificates in {mailbox.ca} cannot be read: {_words(error)}") from None
    try:
        server = imaplib.IMAP4_SSL(mailbox.host, mailbox.port, ssl_context=trusted, timeout=_TIMEOUT)
        try:
            server.login(mailbox.user, mailbox.password)
            yield from unseen(server, mailbox.folder)
            server.logout()
        finally:
            with contextlib.suppress(OSError):
                server.shutdown()  # logging out of a line that was cut would leave it open
    except UnicodeEncodeError:
        raise NewsletterError("NEWSLETTER_BOUNCE_MAILBOX has a name that IMAP cannot carry: use ASCII") from None
    except (imaplib.IMAP4.error, OSError) as error:
        raise NewsletterError(f"the bounce mailbox at {mailbox.host} cannot be read: {_words(error)}") from None


def unseen(server: imaplib.IMAP4, folder: str) -> Iterator[Arrived | Unread]:
    """The unseen mails of an IMAP folder by UID, each flagged as seen once it was taken.

    A server may fail at one mail, by NO or by BAD (RFC 3501 7.1), and go on with the next.
    """
    status, _ = server.select(f'"{folder}"')
    if status != "OK":
        raise NewsletterError(f"the bounce mailbox has no folder {folder}")
    status, found = server.uid("SEARCH", "UNSEEN")
    if status != "OK":
        raise NewsletterError(f"the bounce mailbox does not tell what is unread: {_said(found)}")
    for uid in (found[0] or b"").decode("ascii", "replace").split():
        source = f"{folder}/{uid}"
        status, parts = _asked(server, "FETCH", uid, f"(BODY.PEEK[]<0.{MAX_BYTES}>)")
        raw = next((part[1] for part in parts if isinstance(part, tuple)), None)
        if status == "OK" and parts in ([], [None]):
            continue  # another reader has deleted it
        if status != "OK" or not isinstance(raw, bytes):
            yield Unread(source, f"the server does not give it: {_said(parts)}")
            continue
        yield Arrived(source, raw)
        status, parts = _asked(server, "STORE", uid, "+FLAGS.SILENT", "(\\Seen)")
        if status != "OK":
            yield Unread(source, f"it cannot be marked as read: {_said(parts)}")


def _asked(server: imaplib.IMAP4, *command: str) -> tuple[str, list[Any]]:
    """The server's answer to a command about one mail; BAD is one, too. Raises abort where the line is cut."""
    try:
        return server.uid(*command)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as error:
        return "BAD", [str(error).encode()]


def _said(parts: list[Any]) -> str:
    text = b" ".join(part for part in parts if isinstance(part, bytes)).decode("utf-8", "replace")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200] or "it says no more"
