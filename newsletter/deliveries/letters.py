"""Letters as bytes: mail to one person that is no issue.

What each kind keeps in its row's ``data``:

=========  ==============================================================================================
confirm    ``confirmation``: the id of the confirmation whose link it carries; ``again`` where we ask once more
sign_in    ``sign_in_id``: the id of the sign-in
welcome    nothing; the latest issue is looked up while sending
test       ``issue``: its week; ``subject``, ``text`` and ``html`` as they were rendered
notice     ``subject`` and ``paragraphs`` in our own words, and perhaps ``link``, a path of ours
=========  ==============================================================================================

They say that a program wrote them (RFC 3834), so that no vacation reply comes back, and carry no list headers and no
text that a stranger typed into a form: nobody can make us mail their words to somebody else.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from newsletter.deliveries import headers, splice
from newsletter.issues.words import WIDTH, fitted, wrapped
from newsletter.templating import markup_environment, text_environment

_NOTHING_TO_REPLACE = "\x00"
_LONGEST_TITLE = 40  # in a preheader, of which inboxes show 110 characters


@dataclass(frozen=True, slots=True)
class Words:
    """A letter's content in both forms."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Sender:
    """From whom letters come. ``postal_address`` stands at their foot."""

    name: str
    address: str
    return_path: str
    title: str
    postal_address: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def words_of(kind: str, sender: Sender, values: dict[str, Any]) -> Words:
    """Render ``templates/email/<kind>``."""
    names = {"title": sender.title, "short_title": fitted(sender.title, _LONGEST_TITLE)}
    known = values | names | {"footer": " · ".join(sender.postal_address.splitlines())}
    text, markup = text_environment(), markup_environment()
    subject = " ".join(text.get_template(f"email/{kind}/subject.txt").render(known).split())
    body = text.get_template(f"email/{kind}/body.txt").render(known)
    html = markup.get_template(f"email/{kind}/body.html").render(known | {"subject": subject})
    return Words(subject, wrap(body), html)


def wrap(text: str) -> str:
    """Lines of at most 78 characters, further in below one that is set in; a link is never broken."""
    return "\n".join(_wrapped(line) if len(line) > WIDTH else line for line in text.split("\n"))


def _wrapped(line: str) -> str:
    words = line.lstrip(" ")
    margin = " " * (len(line) - len(words))
    return wrapped(words, margin * 2, margin)


def letter_bytes(
    words: Words, sender: Sender, to: str, letter_id: int, key: bytes, date: datetime, more: Sequence[bytes]
) -> bytes:
    """The message, with CRLF; ``more`` are further header fields. The same arguments make the same bytes, so a
    repetition carries the same Message-ID."""
    told = hashlib.blake2b(f"letter:{letter_id}".encode(), key=key[:64], digest_size=16).hexdigest()
    boundary = f"=_{told[:24]}"
    fields = [
        headers.date(date),
        headers.mailbox("From", sender.name, sender.address),
        headers.mailbox("To", "", to),
        headers.unstructured("Subject", words.subject),
        headers.structured("Message-ID", f"<letter.{told}@{sender.domain}>"),
        headers.structured("Auto-Submitted", "auto-generated"),
        *more,
        headers.structured("MIME-Version", "1.0"),
        headers.structured("Content-Type", "multipart/alternative;", f'boundary="{boundary}"'),
        headers.structured("Content-Transfer-Encoding", "7bit"),
    ]
    edge = f"--{boundary}".encode("ascii")
    part = b"\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return b"".join([
        *fields, b"\r\n",
        edge, part % b"plain", _encode(words.text),
        edge, part % b"html", _encode(words.html),
        edge, b"--\r\n",
    ])  # fmt: skip


def _encode(text: str) -> bytes:
    return splice.encode(text.rstrip("\n") + "\n", _NOTHING_TO_REPLACE)
