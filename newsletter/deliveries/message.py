"""An issue as wire bytes: frozen once, cut once per selection and format, joined per reader.

``freeze`` turns a Rendered issue into what an approval stores (the document goes to ``issue_contents.content`` under
``"message"``, the blocks' bytes to ``segments``). ``Frozen.cut`` joins the blocks that a selection keeps;
``Cut.message`` adds what is the reader's own: To, Message-ID, the unsubscribe links, and the link token in the body.
The same Frozen, Recipient and date make the same bytes, in any year.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from email.headerregistry import Address
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, Self

from newsletter.deliveries import headers, splice
from newsletter.deliveries.verp import LEAVE, RETURN, sign_delivery
from newsletter.issues.choosing import choose
from newsletter.issues.content import Block, Rendered
from newsletter.settings import Settings
from newsletter.subscribers.selections import Selection
from newsletter.subscribers.tokens import LINK_TOKEN_LENGTH, Link, sign_link

MOST_CUTS = 300  # kept at a time, of up to 100 KB each; making one takes as long as sending a message

_RULES = (
    "name",
    "tool",
    "category",
    "ship_percent",
    "panelist",
    "section",
    "heads",
    "pinned",
    "followers_only",
    "whole",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What stands around an issue's content, as it was when it was approved."""

    issue_id: int
    week: str
    title: str
    from_name: str
    from_address: str
    reply_to_name: str = ""
    reply_to_address: str = ""
    public_url: str
    postal_address: str = ""
    bounce_domain: str | None = None

    @classmethod
    def of(cls, settings: Settings, issue_id: int, week: str) -> Self:
        """From the settings as they are; where no From is set yet (drafts), a mailbox that cannot be mailed."""
        sender, reply = settings.from_, settings.reply_to
        return cls(
            issue_id=issue_id,
            week=week,
            title=settings.shown_title,
            from_name=(sender.display_name or settings.title or "") if sender else settings.title or "",
            from_address=_addr_spec(sender) if sender else "newsletter@localhost.invalid",
            reply_to_name=reply.display_name if reply else "",
            reply_to_address=_addr_spec(reply) if reply else "",
            public_url=settings.public_url,
            postal_address=settings.postal_address or "",
            bounce_domain=settings.bounce_domain,
        )

    @property
    def domain(self) -> str:
        """The domain of From: that of Message-ID, List-Id and Feedback-ID."""
        return self.from_address.rpartition("@")[2]


class Addressed(Protocol):
    """To whom, and what of it they read. ``selection`` is a Selection's key, ``format`` html or text."""

    @property
    def subscriber_id(self) -> int: ...
    @property
    def delivery_id(self) -> int: ...
    @property
    def email(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def format(self) -> str: ...
    @property
    def selection(self) -> str: ...


class Recipient(NamedTuple):
    """Addressed, of which no delivery is claimed: for a preview or a single copy."""

    subscriber_id: int
    delivery_id: int
    email: str
    name: str = ""
    format: str = "html"
    selection: str = ""


@dataclass(frozen=True, slots=True)
class Cut:
    """An issue for one selection and format: the fields that all its readers share, and the body between tokens."""

    fields: bytes
    pieces: tuple[bytes, ...]
    blocks: tuple[int, ...]
    size: int
    """Of fields, empty line and body with its tokens."""


@dataclass(frozen=True)
class Frozen:
    """An issue whose bytes are made. ``blocks`` carry their rules alone; ``texts`` and ``htmls`` run beside them."""

    envelope: Envelope
    subject: str
    preheader: str
    placeholder: str
    blocks: tuple[Block, ...]
    texts: tuple[bytes, ...]
    htmls: tuple[bytes, ...]
    _cuts: dict[tuple[str, str], Cut] = field(default_factory=dict, repr=False, compare=False)
    _fields: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)

    def document(self) -> dict[str, Any]:
        """What JSON can hold of it; ``segments`` holds the rest."""
        rules = [
            {name: getattr(block, name) for name in _RULES} | {"text": len(text), "html": len(html)}
            for block, text, html in zip(self.blocks, self.texts, self.htmls, strict=True)
        ]
        return {
            "envelope": asdict(self.envelope),
            "subject": self.subject,
            "preheader": self.preheader,
            "placeholder": self.placeholder,
            "blocks": rules,
        }

    @property
    def segments(self) -> bytes:
        """The blocks' bytes end to end: text and HTML of the first, of the second, …"""
        return b"".join(part for pair in zip(self.texts, self.htmls, strict=True) for part in pair)

    @classmethod
    def load(cls, document: Mapping[str, Any], segments: bytes) -> Self:
        """The inverse of ``document`` and ``segments``."""
        blocks, texts, htmls, at = [], [], [], 0
        for rules in document["blocks"]:
            blocks.append(Block(html="", text="", **{name: rules[name] for name in _RULES if name in rules}))
            texts.append(segments[at : at + rules["text"]])
            at += rules["text"]
            htmls.append(segments[at : at + rules["html"]])
            at += rules["html"]
        return cls(
            Envelope(**document["envelope"]),
            document["subject"],
            document["preheader"],
            document["placeholder"],
            tuple(blocks),
            tuple(texts),
            tuple(htmls),
        )

    @property
    def boundary(self) -> str:
        """Holds ``=_``, which quoted-printable never does, so no part can contain it (RFC 2045, 6.7)."""
        digest = hashlib.sha256(f"{self.envelope.week}:{self.placeholder}".encode()).hexdigest()
        return f"=_{digest[:24]}"

    def cut(self, selection: str, format: str) -> Cut:
        """The issue for one selection; kept, so asking for it again is a lookup. Of very many the oldest goes."""
        found = self._cuts.get((selection, format))
        if found is None:
            if len(self._cuts) >= MOST_CUTS:
                oldest, *_ = self._cuts  # in one step, since threads that sign ask for cuts, too
                self._cuts.pop(oldest, None)
            chosen = choose(self.blocks, Selection.parse(selection))
            found = self._cuts[selection, format] = self._make_cut(chosen, format)
        return found

    def _make_cut(self, chosen: Sequence[int], format: str) -> Cut:
        text = _whole_lines(b"".join(self.texts[place] for place in chosen))
        html = _whole_lines(b"".join(self.htmls[place] for place in chosen))
        body = text if format == "text" else self._alternatives(text, html)
        if format not in self._fields:
            self._fields[format] = shared_fields(self, format)
        fields, pieces = self._fields[format], splice.cut(body, self.placeholder)
        size = len(fields) + 2 + sum(map(len, pieces)) + LINK_TOKEN_LENGTH * (len(pieces) - 1)
        return Cut(fields, pieces, tuple(chosen), size)

    def _alternatives(self, text: bytes, html: bytes) -> bytes:
        edge = f"--{self.boundary}".encode("ascii")
        part = b"Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        return b"".join([
            edge, b"\r\n", part % b"plain", text, edge, b"\r\n", part % b"html", html, edge, b"--\r\n",
        ])  # fmt: skip


def freeze(rendered: Rendered, envelope: Envelope) -> Frozen:
    """Encode every block once."""
    return Frozen(
        envelope,
        headers.clean(rendered.subject),
        rendered.preheader,
        rendered.placeholder,
        tuple(Block(html="", text="", **{name: getattr(block, name) for name in _RULES}) for block in rendered.blocks),
        tuple(splice.encode(block.text, rendered.placeholder) for block in rendered.blocks),
        tuple(splice.encode(block.html, rendered.placeholder) for block in rendered.blocks),
    )


def shared_fields(frozen: Frozen, format: str) -> bytes:
    """The header fields that are the same for all readers of a format (mail rules: RFC 2369, 2919, 8058)."""
    envelope = frozen.envelope
    base = envelope.public_url
    content_type = (
        ("text/plain;", "charset=utf-8")
        if format == "text"
        else ("multipart/alternative;", f'boundary="{frozen.boundary}"')
    )
    fields = [
        headers.mailbox("From", envelope.from_name, envelope.from_address),
        headers.unstructured("Subject", frozen.subject),
        headers.structured("List-Id", *headers.phrase(envelope.title), f"<{list_id(envelope)}>"),
        headers.structured("List-Help", f"<{base}/about>"),
        headers.structured("List-Archive", f"<{base}/issues>"),
        headers.structured("List-Post", "NO"),
        headers.structured("Precedence", "bulk"),
        headers.structured("Feedback-ID", f"{envelope.week}:issue:weekly:{envelope.domain}"),
        headers.structured("MIME-Version", "1.0"),
        headers.structured("Content-Type", *content_type),
        headers.structured("Content-Transfer-Encoding", "quoted-printable" if format == "text" else "7bit"),
    ]
    if envelope.reply_to_address:
        fields.insert(1, headers.mailbox("Reply-To", envelope.reply_to_name, envelope.reply_to_address))
    return b"".join(fields)


def own_fields(envelope: Envelope, recipient: Addressed, token: str, date: datetime, key_id: int, key: bytes) -> bytes:
    """The fields that are a reader's own, and Date, which is not known before the sending starts."""
    path = delivery_token(envelope, recipient, key_id, key)
    template = own_template(envelope, date, mailto=bool(path))
    return (template % own_values(recipient, token, path)).encode()


@lru_cache(maxsize=16)
def own_template(envelope: Envelope, date: datetime, *, mailto: bool) -> str:
    """A reader's own fields with the names of ``own_values`` in ``%(…)s``, folded once per issue: what will stand
    there has the same length for all, but for To, which comes folded."""
    ways = [f"<{envelope.public_url}/unsubscribe/{_TOKEN}>"]
    if mailto:
        ways[0] += ","
        ways.append(f"<mailto:{LEAVE}{_PATH}@{envelope.bounce_domain}>")
    fields = b"".join([
        headers.date(date),
        b"To:\r\n",
        headers.structured("Message-ID", f"<{envelope.week}.{_ID}@{envelope.domain}>"),
        headers.structured("List-Unsubscribe", *ways),
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
    ]).decode("ascii")  # fmt: skip
    template = fields.replace("%", "%%").replace("To:\r\n", "To:%(to)s\r\n", 1)
    return template.replace(_ID, "%(id)s").replace(_TOKEN, "%(token)s").replace(_PATH, "%(path)s")


# Stand-ins as long as what replaces them; none can stand in an address.
_ID, _TOKEN, _PATH = "{message-id}".ljust(32, "}"), "{token}".ljust(LINK_TOKEN_LENGTH, "}"), "{path}".ljust(36, "}")


def own_values(recipient: Addressed, token: str, path: str) -> dict[str, str]:
    """What ``own_template`` leaves open; ``token`` is the ``link_token`` and ``path`` the ``delivery_token``."""
    return {
        "to": headers.mailbox_value("To", recipient.name, recipient.email),
        "id": message_digest(token),
        "token": token,
        "path": path,
    }


def list_id(envelope: Envelope) -> str:
    """RFC 2919: stays the same as long as the From mailbox does."""
    local, _, domain = envelope.from_address.rpartition("@")
    return f"{''.join(c if c.isascii() and c.isalnum() else '-' for c in local)}.{domain}"


def message_digest(token: str) -> str:
    """What makes a Message-ID deterministic for issue and subscriber, so that a receiver can drop a repetition. A
    Message-ID travels further than its mail, in replies, so it tells nothing of the link token that it is made from."""
    return hashlib.blake2b(token.encode("ascii"), digest_size=16).hexdigest()


def delivery_token(envelope: Envelope, recipient: Addressed, key_id: int, key: bytes) -> str:
    """What the return path and the leave path of a delivery share; empty where nothing can come back by them."""
    if envelope.bounce_domain is None or not recipient.delivery_id:
        return ""
    return sign_delivery(recipient.delivery_id, key_id, key)


def return_path(envelope: Envelope, path: str) -> str:
    """The VERP address of a delivery, or From where no bounce domain is set."""
    return f"{RETURN}{path}@{envelope.bounce_domain}" if path else envelope.from_address


def link_token(envelope: Envelope, recipient: Addressed, key_id: int, key: bytes) -> str:
    """What all links of this reader in this issue carry; ``key`` is the link key of that id."""
    return sign_link(Link(recipient.subscriber_id, envelope.issue_id), key_id, key)


def assemble(frozen: Frozen, recipient: Addressed, *, date: datetime, key_id: int, key: bytes) -> bytes:
    """The message of one reader, unsigned: header fields, an empty line, the body."""
    cut = frozen.cut(recipient.selection, recipient.format)
    token = link_token(frozen.envelope, recipient, key_id, key)
    own = own_fields(frozen.envelope, recipient, token, date, key_id, key)
    return b"".join([own, cut.fields, b"\r\n", token.encode("ascii").join(cut.pieces)])


def _whole_lines(body: bytes) -> bytes:
    """Ends in exactly one CRLF: no soft break may be a part's last line, and no empty lines follow the last."""
    while body.endswith((splice.SOFT_BREAK, b"\r\n\r\n")):
        body = body.removesuffix(splice.SOFT_BREAK) if body.endswith(splice.SOFT_BREAK) else body[:-2]
        if not body.endswith(b"\r\n"):
            body += b"\r\n"
    return body


def _addr_spec(mailbox: Address) -> str:
    return f"{mailbox.username}@{mailbox.domain}"
