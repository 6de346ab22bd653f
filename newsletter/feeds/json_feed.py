"""JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/), read leniently: wrong types count as absent."""

import json
from datetime import datetime
from typing import Any

from newsletter.feeds.dates import read_date
from newsletter.feeds.document import MAX_ENTRIES, Document, Entry, NotAFeedError
from newsletter.feeds.words import MAX_SUMMARY, MAX_TITLE, one_line, text_of, web_address


def read_json_feed(body: bytes, url: str) -> Document:
    """Raises NotAFeedError for JSON that is none."""
    try:
        document = json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        raise NotAFeedError("this is neither a feed nor valid JSON") from None
    items = document.get("items") if isinstance(document, dict) else None
    version = str(document.get("version", ""))
    if not isinstance(items, list) or not ("jsonfeed.org/version/" in version or "title" in document):
        raise NotAFeedError("this is JSON, but not a JSON Feed")
    return Document(
        form="json" + version.rpartition("/")[2].replace(".", "")[:4],
        title=one_line(_text(document, "title"), MAX_TITLE) or None,
        site=web_address(document.get("home_page_url"), url),
        ttl=None,
        entries=tuple(_entry(item, url) for item in items[:MAX_ENTRIES] if isinstance(item, dict)),
    )


def _entry(item: dict[str, Any], base: str) -> Entry:
    guid = item.get("id")
    links = (web_address(item.get(name), base) for name in ("url", "external_url"))
    page = guid if isinstance(guid, str) and guid.startswith(("http://", "https://")) else None
    markup = _text(item, "summary") or _text(item, "content_html")
    summary = text_of(markup, MAX_SUMMARY) if markup else one_line(_text(item, "content_text"), MAX_SUMMARY)
    return Entry(
        guid=one_line(str(guid), 1_000) or None if isinstance(guid, (str, int, float)) else None,
        url=next(filter(None, links), None) or web_address(page, base),
        title=one_line(_text(item, "title"), MAX_TITLE),
        summary=summary or None,
        published_at=_date(item.get("date_published")) or _date(item.get("date_modified")),
    )


def _date(value: object) -> datetime | None:
    """A text as the format wants it, or a number that counts from 1970."""
    return read_date(str(value)) if isinstance(value, (str, int, float)) else None


def _text(item: dict[str, Any], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""
