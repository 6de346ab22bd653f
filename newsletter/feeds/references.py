"""What begins with & in a feed's bytes, made what XML has: a document glued together by hand has what it has not.

A bare ampersand, a name of HTML's, half a character or the number of none makes the whole document one that no XML
reader takes. What reads it all the same turns "Q&A" into "Q&A;", skips what a document type elsewhere would explain,
and falls over numbers beyond Unicode's end.
"""

import re
from html.entities import html5

_HALVES = re.compile(rb"&#(?:x([0-9a-f]{4})|([0-9]{5}));(?:&#(?:x([0-9a-f]{4})|([0-9]{5}));)?", re.I)
_REFERENCE = re.compile(rb"<!\[CDATA\[(?:.*?\]\]>|.*)|<!--(?:.*?-->|.*)|(?:&(?=&))+|&(?:(#?\w+);)?", re.S)
_NUMBER = re.compile(rb"#(?:x([0-9a-f]+)|([0-9]+))", re.I)
_OF_XML = {b"amp", b"lt", b"gt", b"quot", b"apos"}


def sound(body: bytes) -> bytes:
    """The same document with references that an XML reader takes; one in two bytes a letter, or in escapes, stays."""
    joined = _HALVES.sub(_joined, body)
    return joined if b"\0" in joined or b"\x1b" in joined else _REFERENCE.sub(_named, joined)


def _named(found: re.Match[bytes]) -> bytes:
    name = found[1]
    if name is None:
        return b"&amp;" * len(found[0]) if found[0].startswith(b"&") else found[0]
    if number := _NUMBER.fullmatch(name):
        return _sound_number(found[0], *number.groups())
    known = "" if name in _OF_XML else html5.get(name.decode("ascii", "replace") + ";", "")
    return b"".join(b"&#%d;" % ord(letter) for letter in known) or found[0]


def _sound_number(written: bytes, in_hex: bytes | None, in_ten: bytes | None) -> bytes:
    """XML has neither controls, for which there is a space, nor what is no character at all."""
    digits = (in_hex or in_ten or b"").lstrip(b"0")
    number = 0x110000 if len(digits) > 7 else int(digits or b"0", 16 if in_hex else 10)
    if number < 0x20 and number not in (9, 10, 13):
        return b" "
    is_none = 0xD800 <= number < 0xE000 or number in (0xFFFE, 0xFFFF) or number > 0x10FFFF
    return b"&#65533;" if is_none else written


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
