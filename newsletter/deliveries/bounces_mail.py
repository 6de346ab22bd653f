"""A returned mail, opened: its headers, its words, its machine-readable parts, and what it encloses.

Bytes come from strangers: nothing here trusts their structure, everything is capped, and no input raises.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import policy
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser, Parser
from email.utils import parseaddr
from html import unescape
from itertools import islice
from typing import Any, NamedTuple

from newsletter.deliveries.bounces_words import says

MAX_BYTES = 1_000_000
_MAX_TEXT = 60_000
_MAX_HEADER = 4000
_MAX_PARTS = 60
_MAX_BLOCKS = 51  # the report's own, and fifty of recipients; a message of ours has one
_MAX_GAPS = 5000  # empty lines, two of a row counting as one

_OF_LISTS = ("mailing-list", "x-beenthere", "x-google-group-id", "x-mailing-list", "x-mailman-version", "x-ml-name")
STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")

# Of vacation programs, too. Sendmail, and Postfix where it hands mail to a command, write a name for it.
_NULL_SENDER = re.compile(r"<>|<?mailer-daemon(?:@[\w.-]+)?>?", re.I)
_GAP = re.compile(rb"(?:\r\n|\r(?!\n)|\n){2}")
_RECIPIENT = re.compile(r"^((?:original|final)-recipient)[ \t]*:", re.I | re.M)
_BLOCK = re.compile(r"<(/)?(script|style|head)\b(?(1)\s*>)", re.I)

Fields = dict[str, list[str]]
"""Header-like fields by lower-case name, unfolded."""


def first(fields: Fields, name: str) -> str:
    """The first field of a name; '' where there is none."""
    return next(iter(fields.get(name, ())), "")


class Arrived(NamedTuple):
    """A mail as it came: where from, its bytes, and the how-many-eth it is of an mbox."""

    source: str
    raw: bytes
    number: int = 1

    @property
    def name(self) -> str:
        return f"{self.source}#{self.number}" if self.number > 1 else self.source


class Unread(NamedTuple):
    """A mail that cannot be taken, or not be marked as read; ``why`` is a clause for people."""

    source: str
    why: str


@dataclass(frozen=True, slots=True)
class OpenedMail:
    """``words`` is the notice for people, without the mail that it returns; ``enclosed`` are that mail's headers.
    ``receipt`` is whether it says that a person's program showed or deleted the mail (RFC 8098)."""

    headers: Fields
    words: str
    status_blocks: tuple[Fields, ...]
    feedback: Fields
    enclosed: Fields
    receipt: bool = False

    def header(self, name: str) -> str:
        return first(self.headers, name)

    @property
    def null_sender(self) -> bool:
        return _NULL_SENDER.fullmatch(self.header("return-path").replace(" ", "")) is not None

    @property
    def from_daemon(self) -> bool:
        return says("sender of returned mail", " ".join(self.header(name) for name in ("from", "sender")))

    @property
    def from_mail_system(self) -> bool:
        """Whether who writes can know what became of our mail. People forward bounces, vacation programs write in
        their name, with a null sender too, and anybody can be called Mail Delivery System."""
        report = "multipart/report" in self.header("content-type").lower()
        if report or "x-failed-recipients" in self.headers:
            return True
        addresses = " ".join(_address_in(self.header(name)) for name in ("from", "sender"))
        return self.from_daemon and (self.null_sender or says("sender of returned mail", addresses))

    @property
    def through_list(self) -> bool:
        """Whether a mailing list sent on what comes back. Some keep our return path; then what failed is one of their
        members. A mail of ours has one List-Id, goes out in bulk, and takes no posts."""
        lists = len(self.enclosed.get("list-id", ())) > 1 or any(name in self.enclosed for name in _OF_LISTS)
        posts = [value for value in self.enclosed.get("list-post", ()) if not value.lower().startswith("no")]
        return lists or bool(posts) or "list" in map(str.lower, self.enclosed.get("precedence", ()))

    @property
    def from_person(self) -> bool:
        """An answer, or something passed on, without any mark of a machine."""
        marked = self.null_sender or self.header("auto-submitted").lower() not in ("", "no")
        return not (marked or self.from_mail_system) and says("subject of an answer", self.header("subject"))


def _address_in(field: str) -> str:
    """The library goes one call deeper for each comment within a comment."""
    try:
        return parseaddr(field)[1]
    except RecursionError:
        return ""


class _Capped(policy.Compat32):
    """The library takes a header apart in the square of its length, each time that it is asked for a parameter."""

    def header_source_parse(self, sourcelines: Sequence[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(list(sourcelines))
        return name, value[:_MAX_HEADER]


def open_mail(raw: bytes) -> OpenedMail:
    """Take a mail apart. A leading mbox line is dropped; what is beyond a megabyte or 5,000 empty lines is not looked
    at."""
    raw = _without_gaps(raw[:MAX_BYTES].lstrip(b"\r\n \t\x00"))
    if raw.startswith((b"From ", b">From ")):
        raw = raw.partition(b"\n")[2]
    if raw.startswith((b"{", b"[")):  # JSON has no headers, though its first line can pass for one
        raw = b"\n" + raw
    try:
        _refuse_nested(raw)
        message = _with_its_parts(BytesParser(policy=_Capped()).parsebytes(raw))
        parts = list(_leaves(message))
    except (RecursionError, ValueError, LookupError, AttributeError, TypeError, MessageError):
        message, parts = Message(), []
    return _sorted_out(_fields_of(message), parts)


def _without_gaps(raw: bytes) -> bytes:
    """The library makes a message of whatever stands between two empty lines of a delivery status."""
    too_many = next(islice(_GAP.finditer(raw), _MAX_GAPS, None), None)
    return raw[: too_many.start()] if too_many else raw


def _refuse_nested(raw: bytes) -> None:
    """Every line is held against the boundaries of all parts that it stands in."""
    if raw.lower().count(b"multipart/") > _MAX_PARTS:
        raise ValueError("has too many parts within parts")


def _with_its_parts(message: Message) -> Message:
    """Some gateways announce another boundary than they write: then the first line that could be one is it."""
    body = message.get_payload()
    if message.get_content_maintype() == "multipart" and isinstance(body, str):
        found = re.search(r"^--(\S[^\r\n\"]{0,68}\S)[ \t]*\r?\nContent-", body, re.M | re.I)
        if found:
            head = f'Content-Type: multipart/mixed; boundary="{found[1]}"\n\n'
            message.set_payload(Parser(policy=_Capped()).parsestr(head + body).get_payload())
    return message


def _sorted_out(headers: Fields, parts: list[tuple[str, str]]) -> OpenedMail:
    words: list[str] = []
    blocks: list[Fields] = []
    feedback: Fields = {}
    enclosed = ""
    receipt = False
    for kind, text in parts:
        if kind in STATUS_TYPES:
            blocks.extend(_status_blocks(text))
        elif kind == "message/disposition-notification":
            receipt = True
        elif kind == "message/feedback-report":
            feedback = fields_in(text.replace("\n\n", "\n"))
        elif kind.startswith("message/") or kind == "text/rfc822-headers":
            enclosed = enclosed or text
        elif kind.startswith("text/"):
            words.append(text)
    notice, rest = split_notice("\n".join(words)[: 2 * _MAX_TEXT])
    if not blocks and "final-recipient:" in notice.lower():
        blocks = [block for block in _status_blocks(notice) if "final-recipient" in block]
    return OpenedMail(headers, notice[:_MAX_TEXT], tuple(blocks), feedback, _enclosed(enclosed or rest), receipt)


def _status_blocks(text: str) -> list[Fields]:
    """One per recipient; some mail systems leave out the blank line between them."""
    blocks: list[str] = []
    for group in re.split(r"\n(?:[ \t]*\n)+", text)[:_MAX_BLOCKS]:
        first = _RECIPIENT.search(group)
        blocks += re.split(rf"(?im)^(?={first[1]}[ \t]*:)", group) if first else [group]
    return [fields_in(block) for block in [block for block in blocks if block.strip()][:_MAX_BLOCKS]]


def _leaves(message: Message) -> Iterator[tuple[str, str]]:
    """(content type, text) of the parts that matter, in order; enclosed messages whole and not opened further.

    Some gateways enclose the report that they got in a notice of their own: then its parts count as the notice's.
    """
    waiting: list[Any] = [message]
    seen = 0
    while waiting and seen < _MAX_PARTS:
        part, seen = waiting.pop(0), seen + 1
        kind = part.get_content_type()
        payload = part.get_payload()
        if kind.startswith("message/") and "content-transfer-encoding" in part and (report := _decoded_report(part)):
            yield kind, report
        elif kind.startswith("message/") and isinstance(payload, list):
            yield kind, "\n\n".join(_whole(child) for child in payload[:_MAX_BLOCKS])
            waiting += [child for child in payload if child.get_param("report-type") == "delivery-status"]
        elif isinstance(payload, list):
            waiting[:0] = payload[:_MAX_PARTS]
        else:
            text = _text(part)
            yield (kind, _without_tags(text) if kind == "text/html" else text)


def _decoded_report(part: Any) -> str:
    """A report in base64 or quoted-printable, which RFC 6533 allows and the library does not decode; '' where it is in
    neither."""
    encoding = str(part["content-transfer-encoding"]).strip().lower()
    inside = part.get_payload()
    if encoding not in ("base64", "quoted-printable") or not isinstance(inside, list):
        return ""
    text = "\n\n".join(_whole(child) for child in inside[:_MAX_BLOCKS])[: 2 * _MAX_TEXT]
    bare = Message()
    bare["content-transfer-encoding"] = encoding
    bare.set_payload(text)
    return _text(bare)


def _whole(message: Message) -> str:
    """Headers as they stand (the library's own way to print them folds anew, at a cost that crafted mail can raise)."""
    head = "\n".join(f"{name}: {value}" for name, value in message.raw_items())
    raw = head.encode("utf-8", "surrogateescape")
    body = message.get_payload(decode=True)
    return _decoded(raw + b"\n\n" + body if isinstance(body, bytes) else raw, "utf-8")


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else str(part.get_payload()).encode("utf-8", "replace")
    charset = str(part.get_param("charset") or "utf-8")
    return _decoded(raw[: 2 * _MAX_TEXT], charset).replace("\r\n", "\n").replace("\r", "\n")


def _decoded(raw: bytes, charset: str) -> str:
    shifted = b"\x1b$B" in raw or b"\x1b$@" in raw  # Japanese in seven bits, whatever it is called
    for name in ("iso-2022-jp" if shifted else charset, charset, "utf-8"):
        try:
            return raw.decode(name)
        except (LookupError, ValueError):
            continue
    return raw.decode("latin-1")


def _without_tags(html: str) -> str:
    html = _without_blocks(html)
    html = re.sub(r"(?i)<(?:br|p|div|tr|li|h\d)\b[^<>]{0,500}>", "\n", html)
    # An address in angle brackets is text that a careless mailer forgot to escape.
    return unescape(re.sub(r"<(?![^<>@\s]{1,200}@[^<>@\s]{1,200}>)[^<>]{0,2000}>", " ", html))


def _without_blocks(html: str) -> str:
    """Without what browsers do not show; one pass, however many blocks are begun and not ended."""
    kept, end, begun = [], 0, None
    for found in _BLOCK.finditer(html):
        if begun is None and not found[1]:
            begun = found
        elif begun and found[1] and found[2].lower() == begun[2].lower():
            kept.append(html[end : begun.start()])
            end, begun = found.end(), None
    return " ".join([*kept, html[end:]])


def fields_in(text: str) -> Fields:
    """Fields of a header block, a delivery-status block or a feedback report; stops at nothing, skips other lines."""
    found: Fields = {}
    name = None
    for line in text.splitlines()[:2000]:
        if line[:1] in (" ", "\t") and name is not None:
            found[name][-1] += " " + line.strip()
        elif match := re.match(r"([A-Za-z0-9-]{1,80})[ \t]*:(.*)", line):
            name = match[1].lower()
            found.setdefault(name, []).append(match[2].strip())
        else:
            name = None
    return found


def _fields_of(message: Message) -> Fields:
    found: Fields = {}
    for name, value in message.raw_items():
        text = str(value).encode("ascii", "surrogateescape").decode("utf-8", "replace")
        found.setdefault(name.lower(), []).append(_header_text(text))
    return found


def _header_text(value: str) -> str:
    flat = " ".join(value[:_MAX_HEADER].split())
    if "=?" not in flat:
        return flat
    try:
        pieces = decode_header(flat)
        return "".join(_decoded(raw, name or "utf-8") if isinstance(raw, bytes) else raw for raw, name in pieces)
    except (ValueError, LookupError, MessageError):
        return flat


def _enclosed(text: str) -> Fields:
    return fields_in(re.split(r"\n[ \t]*\n", text.lstrip("\n"), maxsplit=1)[0])


# Where the words end and the returned mail begins, in mail that has no parts to say so.
_CUT = re.compile(
    r"^[ \t>]*(?:"
    r"-{2,}.{0,60}(?:copy of|original|returned|undelivered|unsent|message (?:header|text|follow)|below this line"
    r"|headers).{0,80}"
    r"|(?:Original|Returned|Undelivered|Unsent) (?:message|mail).{0,40}(?:follows?|below|headers?|as follows|text)?:?"
    r"|.{0,40}(?:message|headers?|mail).{0,20} (?:follows?|as follows|is (?:attached|enclosed|included) below).{0,30}"
    r"|Below (?:this line|is) .{0,60}|\*{3,} ?Original.{0,60}"
    r"|Received: (?:from|by|\().{0,900}|Return-Path: ?<.{0,300}|Message-ID: ?<.{0,300}"
    r")[ \t]*$",
    re.I | re.M,
)


def split_notice(text: str) -> tuple[str, str]:
    """(the notice, the returned mail) of words in which both stand; the notice is never cut away whole."""
    for found in _CUT.finditer(text):
        if re.search(r"@|\b[45]\d\d\b", text[: found.start()]):
            rest = text[found.start() :] if re.match(r"[ \t>]*[\w-]+: ", found[0]) else text[found.end() :]
            return text[: found.start()], rest.lstrip("\n")
    return text, ""
