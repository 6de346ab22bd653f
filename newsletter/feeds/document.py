"""What a feed says, whatever dialect it is in."""

from dataclasses import dataclass
from datetime import datetime

MAX_ENTRIES = 5_000


class NotAFeedError(ValueError):
    """These bytes are no feed; the message says what they are instead."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One item as the feed gives it: plain text of one line, http(s) addresses or None, UTC."""

    guid: str | None
    url: str | None
    title: str
    summary: str | None
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class Document:
    """A feed as it stood. ``ttl`` is the minutes that it asks to be left alone for. ``cut``: the document ends within
    its last entry, of which therefore only a piece was read."""

    form: str
    title: str | None
    site: str | None
    ttl: int | None
    entries: tuple[Entry, ...]
    cut: bool = False
