"""What begins with & in a feed's bytes, made what XML has: a document glued together by hand has what it has not.

A bare ampersand, a name of HTML's or half a character makes the whole document one that no XML reader takes. What
reads it all the same turns "Q&A" into "Q&A;", and skips what a document type elsewhere would explain.
"""

import re
from html.entities import name2codepoint

_HALVES = re.compile(rb"&#(?:x([0-9a-f]{4})|([0-9]{5}));(?:&#(?:x([0-9a-f]{4})|([0-9]{5}));)?", re.I)
_REFERENCE = re.compile(rb"<!\[CDATA\[(?:.*?\]\]>|.*)|<!--(?:.*?-->|.*)|&(?:(#?\w{1,32});)?", re.S)
_OF_XML = {b"amp", b"lt", b"gt", b"quot", b"apos"}


def sound(body: bytes) -> bytes:
    """The same document with references that an XML reader takes; one in two bytes a letter, or in escapes, stays."""
    joined = _HALVES.sub(_joined, body)
    return joined if b"\0" in joined or b"\x1b" in joined else _REFERENCE.sub(_named, joined)


def _named(found: re.Match[bytes]) -> bytes:
    name = found[1]
    if name is None:
        return b"&amp;" if found[0] == b"&" else found[0]
    number = None if name in _OF_XML else name2codepoint.get(name.decode("ascii", "replace"))
    return found[0] if number is None else b"&#%d;" % number


def _joined(found: re.Match[bytes]) -> bytes:
    """Some write an emoji as two references, to the halves that UTF-16 makes of it. XML has no such characters, and
    readers fall over them: two that belong together are one, and one that is alone is a replacement character."""
    first = _number(found[1], found[2])
    second = _number(found[3], found[4])
    if 0xD800 <= first < 0xDC00 and 0xDC00 <= second < 0xE000:
        return b"&#%d;" % (0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
    halves = [b"&#65533;" if 0xD800 <= number < 0xE000 else b"&#%d;" % number for number in (first, second) if number]
    return b"".join(halves)


def _number(in_hex: bytes | None, in_ten: bytes | None) -> int:
    return int(in_hex, 16) if in_hex else int(in_ten or b"0")
