"""The phrase book: what mail servers say, by what it means. The phrases stand in ``bounces_words.txt``."""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

_BOOK = Path(__file__).with_name("bounces_words.txt")
_NAME = re.compile(r"(\w+) = (.*)")
# Many servers write their language without its accents. What has no accent to lose stands beside.
_BARE = {ord(c): unicodedata.normalize("NFD", c)[0] for c in map(chr, range(0xC0, 0x250))} | dict(
    zip(map(ord, "øØłŁđĐıſ"), "oOlLdDis", strict=True)
)


def says(meaning: str, text: str) -> bool:
    """Whether a text has a phrase of that section. Raises KeyError for a section that the book does not have."""
    return _phrases()[meaning].search(_bare(text)) is not None


def without(meaning: str, text: str) -> str:
    """The text without the phrases of that section, and without accents."""
    return _phrases()[meaning].sub(" ", _bare(text))


def meanings() -> frozenset[str]:
    """The sections that there are."""
    return frozenset(_phrases())


def _bare(text: str) -> str:
    return text if text.isascii() else text.translate(_BARE)


@lru_cache(maxsize=1)
def _phrases() -> Mapping[str, re.Pattern[str]]:
    return read_book(_BOOK.read_text("utf-8"))


def read_book(text: str) -> dict[str, re.Pattern[str]]:
    """Section -> one pattern of all its phrases."""
    lists: dict[str, list[str]] = {}
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in _bare(text).splitlines():
        if not line or line.startswith("#"):
            continue
        if re.fullmatch(r"\[[a-z ]+\]", line):
            current = sections.setdefault(line[1:-1], [])
        elif not sections and (named := _NAME.fullmatch(line)):
            lists.setdefault(named[1], []).append(named[2])
        else:
            current.append(re.sub(r"\{([a-z]+)\}", lambda name: f"(?:{'|'.join(lists[name[1]])})", line))
    return {name: re.compile("|".join(phrases), re.I) for name, phrases in sections.items()}
