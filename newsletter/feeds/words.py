"""Words and addresses as strangers write them, made fit to be stored, shown and followed."""

import html
import re
import unicodedata
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import nh3

MAX_TITLE = 300
MAX_SUMMARY = 600
MAX_ADDRESS = 2_000  # bytes, as imports of tools take them
_MAX_MARKUP = 20_000

_BREAKING = re.compile(r"<(?:br|/?p|/?div|/?li|/?h[1-6]|/?tr)\b", re.I)
_IN_NO_ADDRESS = re.compile(r'[\s<>"\\]')
_SURROGATE = re.compile("[\ud800-\udfff]")


def one_line(text: str, limit: int) -> str:
    """Text on one line without control, direction or zero-width characters, cut at a word."""
    line = " ".join(text[:_MAX_MARKUP].translate(_ON_A_LINE).split())
    if len(line) <= limit:
        return line
    return line[: limit - 1].rsplit(" ", 1)[0].rstrip(" ,;:–—-") + "…"


def text_of(markup: str, limit: int) -> str:
    """The words of an HTML fragment on one line; scripts and styles are left out."""
    spaced = _BREAKING.sub(lambda found: " " + found[0], _SURROGATE.sub("", markup[:_MAX_MARKUP]))
    return one_line(html.unescape(nh3.clean(spaced, tags=set())), limit)


def web_address(value: Any, base: str) -> str | None:
    """An absolute http or https address, or None: `javascript:` and its like never get further than this."""
    if not isinstance(value, str) or not value.strip():
        return None
    try:
        found = urljoin(base, "".join(c for c in value.strip() if unicodedata.category(c) != "Cc"))
        parts = urlsplit(found)
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        return None
    if _SURROGATE.search(found):  # half a character, which nothing can store or send
        return None
    found = _IN_NO_ADDRESS.sub(lambda odd: quote(odd[0]), found)
    return found if len(found.encode()) <= MAX_ADDRESS else None


class _OnALine(dict[int, str | int | None]):
    """What a character is on a line of text, by its number, as ``str.translate`` asks: itself, a space, or nothing."""

    def __missing__(self, number: int) -> str | int | None:
        found = _on_a_line(chr(number), number)
        if number < 1 << 16:  # what nearly all texts are written in; the others are asked for again
            self[number] = found
        return found


def _on_a_line(c: str, number: int) -> str | int | None:
    """Zero-width joiners stay: emoji and several scripts are written with them."""
    if c.isspace() or unicodedata.category(c) == "Cc":
        return " "
    if c in "\u200c\u200d":
        return number
    return None if unicodedata.category(c) in ("Cf", "Cs", "Co", "Cn") else number


_ON_A_LINE = _OnALine()
