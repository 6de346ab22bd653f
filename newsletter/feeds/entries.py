"""Bytes of a feed -> its entries, whatever dialect they are in and however broken they are.

RSS 0.9x-2.0, Atom and RDF go through feedparser, which reads more malformed feeds than anything else; JSON Feed 1.1 is
read by json_feed.py. Crafted input costs feedparser seconds and memory, so this runs in a process that can be killed
(parse.py). Measured: 600 entries in 0.2 s without feedparser's own HTML clean-up, which nh3 does here on what is kept.
"""

import calendar
import html
import io
import re
from datetime import UTC, datetime
from time import struct_time
from typing import Any

from newsletter.feeds.charsets import believed
from newsletter.feeds.dates import is_off_the_earth, read_date
from newsletter.feeds.document import MAX_ENTRIES, Document, Entry, NotAFeedError
from newsletter.feeds.json_feed import read_json_feed
from newsletter.feeds.references import sound
from newsletter.feeds.words import MAX_SUMMARY, MAX_TITLE, one_line, text_of, web_address

_PERIODS = {"hourly": 60, "daily": 1440, "weekly": 10_080, "monthly": 43_200, "yearly": 525_600}
_ADVERTISED = re.compile(rb"<link\b[^<>]*type=[\"']?application/(?:rss\+xml|atom\+xml|feed\+json)[\"'\s>][^>]*", re.I)
_ENTRY = re.compile(rb"<(?:\w{1,20}:)?(?:item|entry)[\s>]", re.I)
_END_OF_ENTRY = re.compile(rb"</(?:\w{1,20}:)?(?:item|entry)\s*>", re.I)
_PAGE = re.compile(r"(?:https?:/)?/", re.I)
# What nobody writes about in a title, other than "<b>" or "List<T>"; feedparser wants a closing tag of a kind it knows.
_MARKUP = re.compile(r"<(?:br|wbr)\s*/?>|<[a-z]+\d?\s+[a-z-]+\s*=|</(?:script|style)\s*>", re.I)
_HREF = re.compile(rb"href=[\"']?([^\"'\s>]+)", re.I)


def read_document(body: bytes, content_type: str, url: str) -> Document:
    """Read a feed fetched from ``url``. Raises NotAFeedError."""
    if not body.strip():
        raise NotAFeedError("the answer is empty")
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        return read_json_feed(body, url)
    import feedparser

    # A stream, because feedparser would take bytes for the name of a file.
    # No address of its own, or ids would be made addresses: other ones when the feed moves.
    content_type, body = believed(content_type, body)
    parsed = feedparser.parse(
        io.BytesIO(sound(body)),
        response_headers={"content-type": content_type},
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    if not parsed.entries and (not parsed.version or _is_broken(parsed)):
        raise NotAFeedError(_what_it_is(body, url, parsed))
    head = parsed.feed
    return Document(
        form=parsed.version or "unknown",
        title=one_line(_plain(head, "title"), MAX_TITLE) or None,
        site=web_address(head.get("link"), url),
        ttl=_ttl(head),
        entries=tuple(_entry(item, url) for item in parsed.entries[:MAX_ENTRIES]),
        cut=len(parsed.entries) <= MAX_ENTRIES and _is_cut(body),
    )


def _is_cut(body: bytes) -> bool:
    """Does the last entry begin and not end, although others do?"""
    ends = [found.start() for found in _END_OF_ENTRY.finditer(body)]
    return bool(ends) and any(begin.start() > ends[-1] for begin in _ENTRY.finditer(body, ends[-1]))


def _entry(item: Any, base: str) -> Entry:
    guid = one_line(item.get("id") or "", 1_000) or None
    # RSS takes a guid for a page unless told otherwise, and feedparser every id; most are neither.
    is_no_page = item.get("link") == item.get("id") and not _PAGE.match(guid or "")
    link = None if is_no_page else web_address(item.get("link"), base)
    if link is None:
        links = (web_address(other.get("href"), base) for other in item.get("links", ()))
        link = next((found for found in links if found), None)
    return Entry(guid, link, one_line(_plain(item, "title"), MAX_TITLE), _summary(item), _published(item))


def _summary(item: Any) -> str | None:
    for value in (item.get("summary"), *(part.get("value") for part in item.get("content", ()))):
        if isinstance(value, str) and (found := text_of(value, MAX_SUMMARY)):
            return found
    return None


def _plain(item: Any, name: str) -> str:
    value = item.get(name) or ""
    kind = (item.get(name + "_detail") or {}).get("type", "text/plain")
    is_markup = kind in ("text/html", "application/xhtml+xml") or _MARKUP.search(value)
    return text_of(value, MAX_TITLE * 2) if is_markup else value


_DATES = ("published", "updated", "created")
# Of dates that begin with a number feedparser reads these whole; of others the piece that looks like ISO 8601 to it:
# "2026/11/26" would be the first of the month, and "26-11-2026" the 20th.
_READ_WHOLE = re.compile(
    r"\s*(?:\D|\d{4}(?:-(?:0\d|1[0-2])(?:-\d\d(?!\d)|\s*$)|-\d{3}(?!\d)|\d{10}\s*$|\s*$)"
    r"|\d{1,2}[\s-](?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[\s-])",
    re.I,
)


def _published(item: Any) -> datetime | None:
    # dict.get: feedparser's own answers "updated" with "published" and warns about it.
    for name in _DATES:
        text, parsed = dict.get(item, name), dict.get(item, f"{name}_parsed")
        if isinstance(text, str) and (found := read_date(text)):
            return found
        if not isinstance(text, str) or is_off_the_earth(text):
            continue
        if isinstance(parsed, struct_time) and _READ_WHOLE.match(text):
            try:
                return datetime.fromtimestamp(calendar.timegm(parsed), UTC)
            except (OverflowError, ValueError, OSError):
                continue
    return None


def _ttl(head: Any) -> int | None:
    """Minutes: RSS ``ttl``, or ``sy:updatePeriod`` divided by ``sy:updateFrequency``."""
    ttl = str(head.get("ttl") or "").strip()
    if ttl.isdecimal() and ttl.isascii():
        return min(int(ttl[:9]), 1_000_000) or None
    period = _PERIODS.get(str(head.get("sy_updateperiod") or "").strip().lower())
    frequency = str(head.get("sy_updatefrequency") or "1").strip()
    if period is None or not (frequency.isdecimal() and frequency.isascii()):
        return None
    return max(period // max(int(frequency[:6]), 1), 1)


def _is_broken(parsed: Any) -> bool:
    """Servers that label a feed as plain text, or not at all, send whole feeds all the same."""
    import feedparser

    return bool(parsed.bozo) and not isinstance(parsed.get("bozo_exception"), feedparser.NonXMLContentType)


def _what_it_is(body: bytes, url: str, parsed: Any) -> str:
    if re.search(rb"<(?:!doctype\s+html|html|body)\b", body[:4_000], re.I):
        found = _HREF.search(link[0]) if (link := _ADVERTISED.search(body)) else None
        advertised = web_address(html.unescape(found[1].decode("utf-8", "replace")), url) if found else None
        return "this is a web page, not a feed" + (f"; it says its feed is at {advertised}" if advertised else "")
    if parsed.version:
        return f"the feed is broken and has no entries ({one_line(str(parsed.get('bozo_exception')), 120)})"
    return "this is neither RSS, Atom nor JSON Feed"
