"""Renders an issue, draft or frozen, as one reader gets it: the same code makes both, and the mail that is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart
from types import MappingProxyType

from sqlalchemy import Connection, Engine

from db import issues, subscribers
from db.engine import reading
from db.issues import IssueRow
from db.keys import address_key, link_keys, newest_link_key
from db.material import issue_material
from newsletter.clock import Week
from newsletter.deliveries.message import Envelope, Recipient, assemble
from newsletter.errors import BadInputError, NotFoundError
from newsletter.issues.choosing import carries_tools
from newsletter.issues.edition import edition, publication_of
from newsletter.issues.freezing import Edition, load_edition, make_edition
from newsletter.issues.values import IssueValues, load_values
from newsletter.named import issue_named
from newsletter.settings import Settings
from newsletter.subscribers.addresses import hash_address, parse_address
from newsletter.subscribers.selections import Selection


@dataclass(frozen=True)
class RenderedMail:
    """One message in its parts. ``html`` is '' for a reader who asked for plain text. ``content_hash`` names what all
    readers together get: an approval can be held to it. ``withheld``: the week has nothing of what the reader chose, so
    no mail goes to them."""

    subject: str
    text: str
    html: str
    message: bytes
    content_hash: str = ""
    withheld: bool = False


# Whom a mail is for that nobody gets: the archive's reader, a draft's, a test's. No subscriber has this id.
NOBODY = Recipient(0, 0, "reader@example.invalid")


def render_issue(
    engine: Engine,
    week: Week,
    settings: Settings,
    email: str | None = None,
    words: Mapping[str, str | None] | None = None,
    notes: Mapping[int, str] | None = None,
) -> RenderedMail:
    """An issue as ``email`` gets it, or as a reader who chose everything would.

    A frozen issue gives the same bytes whenever it is rendered; a draft's follow what it is made of. ``words``
    (subject, preheader, intro) and ``notes`` by tool are what an editor typed and did not store yet: the issue as it
    would be. Raises NotFoundError for an unknown issue or subscriber.
    """
    with reading(engine) as connection:
        issue = composed_issue(connection, week)
        if words:
            found = draft_edition(connection, _with_words(issue, words), settings, notes or {})
        else:
            found = load_or_make(connection, issue, settings)
        recipient, key_id = _recipient(connection, issue, found, email)
        key = link_keys(connection)[key_id]
    date = issue.started_at or issue.approved_at or issue.composed_at
    message = assemble(found.frozen, recipient, date=date, key_id=key_id, key=key)
    withheld = email is not None and not carries_tools(found.frozen.blocks, Selection.parse(recipient.selection))
    return replace(in_parts(found.values.subject, message), content_hash=found.content_hash, withheld=withheld)


def composed_issue(connection: Connection, week: Week, *, lock: bool = False) -> IssueRow:
    """Raises NotFoundError, which names the command that makes the draft."""
    issue = issues.issue_of_week(connection, str(week), lock=lock)
    if issue is None:
        raise NotFoundError(f"there is no issue {week}; `newsletter issues compose --week {week}` makes its draft")
    return issue


def read_issue(engine: Engine, week: Week, settings: Settings) -> tuple[IssueRow, IssueValues]:
    """What an issue says: as it was frozen, or as a draft stands now. Raises NotFoundError."""
    with reading(engine) as connection:
        issue = issue_named(connection, week)
        return issue, values_of(connection, issue, settings)


def values_of(connection: Connection, issue: IssueRow, settings: Settings) -> IssueValues:
    """What an issue says: as it was frozen, or as a draft stands now."""
    content = issues.content_of(connection, issue.id)
    if content is not None:
        return load_values(content.content["values"])
    return edition(issue_material(connection, issue), publication_of(settings))


def load_or_make(connection: Connection, issue: IssueRow, settings: Settings) -> Edition:
    """What the approval froze, or a draft's content as of now."""
    content = issues.content_of(connection, issue.id)
    if content is not None:
        return load_edition(content.content, content.segments)
    return draft_edition(connection, issue, settings)


def draft_edition(
    connection: Connection, issue: IssueRow, settings: Settings, notes: Mapping[int, str] = MappingProxyType({})
) -> Edition:
    """A draft's content as of now, with these notes by tool in place of those that are stored."""
    material = issue_material(connection, issue)
    items = [item._replace(note=notes.get(item.tool_id, item.note)) for item in material.items]
    values = edition(material._replace(items=items), publication_of(settings))
    return make_edition(values, Envelope.of(settings, issue.id, issue.week), *newest_link_key(connection))


def _with_words(issue: IssueRow, words: Mapping[str, str | None]) -> IssueRow:
    return issue._replace(
        subject=words.get("subject", issue.subject),
        preheader=words.get("preheader", issue.preheader),
        intro=words.get("intro", issue.intro),
    )


def in_parts(subject: str, message: bytes) -> RenderedMail:
    """A message taken apart, so that what is shown is what is sent."""
    parsed = message_from_bytes(message, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
    return RenderedMail(subject, _content(text), _content(html), message)


def _content(part: MIMEPart | None) -> str:
    return part.get_content().replace("\r\n", "\n") if part else ""


def _recipient(connection: Connection, issue: IssueRow, found: Edition, email: str | None) -> tuple[Recipient, int]:
    """The reader as the issue was addressed to them, or as they are now; and the link key of their links."""
    if email is None:
        return NOBODY, found.key_id
    try:
        address = parse_address(email)
    except ValueError as error:
        raise BadInputError(f"{email} is no address: {str(error).rstrip('.')}") from None
    reader = subscribers.subscriber_by_hash(connection, hash_address(address, address_key(connection)))
    if reader is None:
        raise NotFoundError(f"{email} is no subscriber; `newsletter subscribers list` shows them")
    sent = issues.delivery_to(connection, issue.id, reader.id)
    if sent is None:
        now = Recipient(reader.id, 0, reader.email, reader.name, reader.format, reader.selection)
        return now, newest_link_key(connection)[0]
    then = Recipient(reader.id, sent.id, sent.email, sent.name, sent.format, sent.selection)
    return then, sent.link_key_id
