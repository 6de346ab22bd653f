"""The shapes that a tool's fields take, and how each is read from JSON. Every reader raises Fault."""

import json
import re
import unicodedata
from datetime import date, datetime
from typing import Any, Self
from urllib.parse import urlsplit

from db.states import Call

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?", re.ASCII)
_PANELIST = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_CONTROLS_IN_TEXT = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]+")

# Of themselves: a zero-width space, a soft hyphen, a mark without its letter. A link of such words cannot be pressed.
_UNSEEN = ("Cf", "Mn", "Me", "Zs")
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"  # fillers of Hangul and a cell without dots, which count as letters

_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_IN_ADDRESS = re.compile(r'[\s\x00-\x20\x7f<>"\\]')

LONGEST_LINE = 500
LONGEST_TAGLINE = 600  # what is kept of an entry, whose words are the tagline of the tool that it brings
LONGEST_CATEGORY = 80
LONGEST_ADDRESS = 2_000
LONGEST_TEXT = 20_000
MOST_VOTES = 1_000_000_000


class Fault(ValueError):
    """What is wrong with a value, and where it stands once somebody who knows has said so."""

    def __init__(self, words: str, place: str = "") -> None:
        super().__init__(words)
        self.words = words
        self.place = place

    def at(self, place: str) -> Self:
        self.place = place
        return self

    def __str__(self) -> str:
        return f"{self.place.rstrip(':')}: {self.words}" if self.place else self.words


def kind(value: Any) -> str:
    """A value's type in JSON's words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    names = {str: "text", int: "a number", float: "a number", list: "a list"}
    return next((name for known, name in names.items() if isinstance(value, known)), "an object")


def line(value: Any, longest: int = LONGEST_LINE) -> str | None:
    """One line of text, or null; text that shows nothing is null."""
    if value is None:
        return None
    found = _CONTROLS.sub(" ", _text(value, longest)).strip()
    return found if any(unicodedata.category(c) not in _UNSEEN and c not in _BLANK for c in found) else None


def tagline(value: Any) -> str | None:
    return line(value, LONGEST_TAGLINE)


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Fault(f"must be true or false, not {kind(value)}")
    return value


def needed_line(value: Any) -> str:
    if value is None:
        raise Fault("must be text, not null")
    found = line(value)
    if found is None:
        raise Fault("is blank")
    return found


def category(value: Any) -> str:
    """A short line: readers choose it from a list, and the catalogue's indexes hold it."""
    found = needed_line(value)
    if len(found) > LONGEST_CATEGORY:
        raise Fault(f"is {len(found)} characters long; at most {LONGEST_CATEGORY} are taken")
    return found


def paragraphs(value: Any) -> str | None:
    """Text that may have line breaks, or null."""
    if value is None:
        return None
    return _CONTROLS_IN_TEXT.sub(" ", _text(value, LONGEST_TEXT).replace("\r\n", "\n")).strip() or None


def aliases(value: Any) -> tuple[str, ...]:
    """Names, each a line, and addresses, which may be longer than a line."""
    found = [
        web_address(item) if isinstance(item, str) and is_web_address(item) else needed_line(item)
        for item in a_list(value)
    ]
    return tuple(dict.fromkeys(found))


def slug(value: Any) -> str:
    found = _text(value, LONGEST_LINE)
    if not _SLUG.fullmatch(found):
        raise Fault(f"{shown(found)} is no slug; a slug has lower-case letters, digits and hyphens, 100 at most")
    return found


def web_address(value: Any) -> str:
    """An http or https address of a host, without spaces or credentials."""
    found = _text(value, LONGEST_ADDRESS).strip()
    if len(found.encode()) > LONGEST_ADDRESS:  # an index of PostgreSQL holds no longer ones
        raise Fault(f"is {len(found.encode()):,} bytes long; at most {LONGEST_ADDRESS:,} are taken")
    if not is_web_address(found):
        raise Fault(f"{shown(found)} is no web address; it must begin with https:// or http:// and name a host")
    return found


def is_web_address(text: str) -> bool:
    if _NOT_IN_ADDRESS.search(text):
        return False
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None


def panelist(value: Any) -> str:
    found = _text(value, LONGEST_LINE).strip().lower()
    if not _PANELIST.fullmatch(found):
        raise Fault(f"{shown(found)} is no panelist; a panelist's key is one lower-case word such as builder")
    return found


def call(value: Any) -> str:
    if value not in tuple(Call):
        raise Fault(f"must be ship or skip, not {shown(value)}")
    return str(value)


def score(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise Fault(f"must be a whole number from 0 to 100 or null, not {shown(value)}")
    if not 0 <= value <= 100:
        raise Fault(f"{shown(value)} is outside 0 to 100")
    return value


def day(value: Any) -> date | None:
    """A date; of an instant, its date as written."""
    if value is None:
        return None
    try:
        return datetime.fromisoformat(_text(value, LONGEST_LINE).strip()).date()
    except ValueError:
        raise Fault(f"must be a date such as 2026-11-10, not {shown(value)}") from None


def votes(value: Any) -> tuple[int | None, int | None]:
    """(ships, skips), None for the one that is not given."""
    if not isinstance(value, dict):
        raise Fault(f"must be an object with ship and skip, not {kind(value)}")
    unknown = value.keys() - {"ship", "skip"}
    if unknown:
        raise Fault(f"has an unknown field {sorted(unknown)[0]!r}; known are ship, skip")
    ships, skips = (_count(value[name], name) if name in value else None for name in ("ship", "skip"))
    return ships, skips


def a_list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Fault(f"must be a list, not {kind(value)}")
    return value


def shown(value: Any) -> str:
    """A value as a message quotes it: short, on one line, and NaN and Infinity as they are written in files."""
    text = json.dumps(value) if isinstance(value, float) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _count(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_VOTES:
        raise Fault(f"has {name} = {shown(value)}; it must be a whole number from 0")
    return value


def _text(value: Any, longest: int) -> str:
    if not isinstance(value, str):
        raise Fault(f"must be text, not {kind(value)}")
    if len(value) > longest:
        raise Fault(f"is {len(value):,} characters long; at most {longest:,} are taken")
    if _SURROGATE.search(value):
        raise Fault("has half of a surrogate pair, which is no character")
    return value
