"""Where returned mail lies: a file, a folder, a Maildir, an IMAP folder, standard input.

Each source yields mails; when the taker comes back for the next one, the one before has been dealt with, and only then
is it marked as read. Nothing is ever deleted.
"""

import contextlib
import imaplib
import os
import re
import ssl
from collections.abc import Iterator
from pathlib import Path

from newsletter.deliveries.bounces_mail import MAX_BYTES, Arrived
from newsletter.errors import BadInputError, NewsletterError
from newsletter.setting_values import Mailbox

MAX_FILE = 20_000_000
_TIMEOUT = 30.0
_MBOX_FROM = re.compile(rb"^From \S+[ \t]+(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ", re.M)


def mails_at(path: Path) -> Iterator[Arrived]:
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


def mails_in(text: bytes, source: str = "-") -> Iterator[Arrived]:
    """One mail, or all of an mbox: its mails begin with ``From `` lines after a blank one."""
    starts = [found.start() for found in _MBOX_FROM.finditer(text) if _begins_a_mail(text, found.start())]
    if len(starts) < 2:
        yield Arrived(source, text)
        return
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(text)], strict=True), 1):
        yield Arrived(f"{source}#{number}", text[start:end])


def mails_of_mailbox(mailbox: Mailbox) -> Iterator[Arrived]:
    """The unread mails of the configured mailbox. Raises NewsletterError when it cannot be read."""
    if mailbox.path is not None:
        if not (mailbox.path / "new").is_dir():
            raise NewsletterError(f"{mailbox.path} is no Maildir; NEWSLETTER_BOUNCE_MAILBOX names one that exists")
        yield from _maildir(mailbox.path)
    else:
        yield from _imap(mailbox)


def _begins_a_mail(text: bytes, at: int) -> bool:
    return at == 0 or text[:at].endswith((b"\n\n", b"\r\n\r\n"))


def _file(path: Path) -> Iterator[Arrived]:
    with path.open("rb") as file:
        text = file.read(MAX_FILE)
    yield from mails_in(text, _name(path))


def _name(path: Path) -> str:
    """File names are bytes to the system; what is no text in one is shown as a question mark."""
    return path.name.encode("utf-8", "replace").decode()


def _maildir(path: Path) -> Iterator[Arrived]:
    """What is in ``new``, and what another reader moved to ``cur`` without having seen it; then it is seen."""
    (path / "cur").mkdir(exist_ok=True)
    for folder in ("new", "cur"):
        for file in sorted((path / folder).iterdir()):
            base, _, flags = file.name.partition(":2,")
            if not file.is_file() or file.name.startswith(".") or "S" in flags:
                continue
            try:
                raw = file.read_bytes()[:MAX_FILE]
            except FileNotFoundError:
                continue  # another reader was faster
            yield Arrived(_name(file), raw)
            seen = path / "cur" / f"{base}:2,{''.join(sorted({*flags, 'S'}))}"
            try:
                os.rename(file, seen)
            except FileNotFoundError:
                continue


def _imap(mailbox: Mailbox) -> Iterator[Arrived]:
    try:
        trusted = ssl.create_default_context(cafile=mailbox.ca)
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
        words = " ".join(str(error).split())[:200]
        raise NewsletterError(f"the bounce mailbox at {mailbox.host} cannot be read: {words}") from None


def unseen(server: imaplib.IMAP4, folder: str) -> Iterator[Arrived]:
    """The unseen mails of an IMAP folder by UID, each flagged as seen once it was taken."""
    status, _ = server.select(f'"{folder}"')
    if status != "OK":
        raise NewsletterError(f"the bounce mailbox has no folder {folder}")
    _, found = server.uid("SEARCH", "UNSEEN")
    for uid in (found[0] or b"").split():
        status, parts = server.uid("FETCH", uid.decode(), f"(BODY.PEEK[]<0.{MAX_BYTES}>)")
        raw = next((part[1] for part in parts if isinstance(part, tuple)), None)
        if status != "OK" or not isinstance(raw, bytes):
            continue
        yield Arrived(f"{folder}/{uid.decode()}", raw)
        server.uid("STORE", uid.decode(), "+FLAGS.SILENT", "(\\Seen)")
