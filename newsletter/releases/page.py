"""What a web page says about itself: its title, its description and the address that it wants to be known by."""

import re
from contextlib import suppress
from dataclasses import dataclass
from html.parser import HTMLParser

from newsletter.feeds.charsets import wider
from newsletter.feeds.words import MAX_SUMMARY, MAX_TITLE, one_line, web_address

_READ = 200_000
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset=[\"']?\s*([\w-]{3,20})", re.I)
_TITLES = ("og:title", "twitter:title")
_DESCRIPTIONS = ("og:description", "description", "twitter:description")


@dataclass(frozen=True, slots=True)
class Page:
    """``title`` is empty where the page has none."""

    title: str
    description: str | None
    canonical: str | None


def read_page(body: bytes, content_type: str, url: str) -> Page:
    """Read the head of an HTML page; wrong encodings and unclosed tags are read as browsers read them."""
    reader = _Head()
    # The library's word for a marked section without a name, as "<![["; what came before it counts.
    with suppress(AssertionError):
        reader.feed(_decoded(body[:_READ], content_type))
    meta = reader.meta
    title = next((meta[name] for name in _TITLES if meta.get(name)), "") or reader.title
    description = next((meta[name] for name in _DESCRIPTIONS if meta.get(name)), "")
    return Page(
        title=one_line(title, MAX_TITLE),
        description=one_line(description, MAX_SUMMARY) or None,
        canonical=web_address(reader.canonical, url),
    )


class _Head(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title, self.canonical = "", ""
        self.meta: dict[str, str] = {}
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "title" and not self.title:
            self._in_title = True
        elif tag == "meta":
            name = (given.get("property") or given.get("name") or "").lower()
            self.meta.setdefault(name, given.get("content", ""))
        elif tag == "link" and "canonical" in given.get("rel", "").lower().split():
            self.canonical = self.canonical or given.get("href", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data


def _decoded(body: bytes, content_type: str) -> str:
    named = re.search(r"charset=[\"']?\s*([\w-]+)", content_type, re.I)
    declared = _CHARSET.search(body)
    encoding = named[1] if named else declared[1].decode("ascii") if declared else "utf-8"
    try:
        return body.decode(wider(encoding), "replace")
    except LookupError:
        return body.decode("utf-8", "replace")
