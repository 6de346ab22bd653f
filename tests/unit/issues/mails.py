"""Mails made of weeks, and a reader of HTML that shares nothing with the code under test."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache
from html.parser import HTMLParser

from newsletter.deliveries.message import Envelope, Frozen, Recipient, assemble, freeze
from newsletter.issues.content import Rendered
from newsletter.issues.rendering import render
from newsletter.issues.values import IssueValues
from newsletter.subscribers.selections import Selection
from tests.unit.issues.weeks import LINKS, WEEKS, edited_material, hostile, values

ENVELOPE = Envelope(
    issue_id=1, week="2026-W47", title="Weekly Verdicts", from_name="Weekly Verdicts", from_address="news@example.com",
    public_url="https://news.example.com", postal_address="Example Press, 1 Example Street, 12345 Example City",
)  # fmt: skip
KEY = b"k" * 32
EVERYTHING = Selection()
VOID = {"meta", "img", "br", "hr", "link", "input"}

NAMES = [*WEEKS, "edited", *(f"hostile {name}" for name in WEEKS)]


@cache
def week(name: str) -> IssueValues:
    make = (WEEKS | {"edited": edited_material})[name.removeprefix("hostile ")]
    return hostile(make) if name.startswith("hostile") else values(make())


@cache
def rendered(name: str) -> Rendered:
    return render(week(name), LINKS)


@cache
def frozen(name: str) -> Frozen:
    return freeze(rendered(name), ENVELOPE)


@dataclass(frozen=True)
class Mail:
    """One message as a mail client takes it apart."""

    raw: bytes
    parsed: EmailMessage
    text: str
    html: str
    encoded_html: bytes


@cache
def mail(name: str, selection: Selection = EVERYTHING, format: str = "html") -> Mail:
    reader = Recipient(7, 70, "ada@example.org", "Ada", format, selection.key())
    raw = assemble(frozen(name), reader, date=datetime(2026, 11, 24, tzinfo=UTC), key_id=1, key=KEY)
    parsed = message_from_bytes(raw, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
    encoded = raw.partition(b"Content-Type: text/html")[2].partition(b"\r\n\r\n")[2].rpartition(b"\r\n--")[0]
    texts = [part.get_content().replace("\r\n", "\n") if part else "" for part in (text, html)]
    return Mail(raw, parsed, texts[0], texts[1], encoded)


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parent: "Element | None" = None
    children: list["Element"] = field(default_factory=list)
    text: str = ""

    def walk(self) -> Iterator["Element"]:
        yield self
        for child in self.children:
            yield from child.walk()

    def all(self, *tags: str) -> list["Element"]:
        return [element for element in self.walk() if element.tag in tags]

    @property
    def words(self) -> str:
        """Its text and that of all inside, in order enough to search in."""
        return " ".join(part for element in self.walk() if (part := " ".join(element.text.split())))

    @property
    def style(self) -> dict[str, str]:
        pairs = (part.split(":", 1) for part in self.attributes.get("style", "").split(";") if ":" in part)
        return {name.strip(): value.strip() for name, value in pairs}


class _Tree(HTMLParser):
    """Strict: every end tag must close the element that is open."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self.open = self.root
        self.comments: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self.open)
        self.open.children.append(element)
        if tag not in VOID:
            self.open = element

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self.open.tag == tag, f"</{tag}> closes <{self.open.tag}>"
        assert self.open.parent is not None
        self.open = self.open.parent

    def handle_data(self, data: str) -> None:
        self.open.text += data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def tree(html: str) -> Element:
    """The document as elements; fails on anything that is not balanced."""
    parser = _Tree()
    parser.feed(html)
    parser.close()
    assert parser.open is parser.root, f"<{parser.open.tag}> is never closed"
    return parser.root


def comments(html: str) -> list[str]:
    parser = _Tree()
    parser.feed(html)
    return parser.comments
