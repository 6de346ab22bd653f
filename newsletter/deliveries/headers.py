"""Header fields as bytes: folded and encoded here, because the standard library rewrites what must stay as it is.

``EmailMessage`` turns a long List-Unsubscribe into an encoded word and lets ``=?…?=`` in a feed's title become a header
of its own (CVE-2024-6923). So text is data here: what is not plain ASCII, or could be taken for an encoded word, is
encoded (RFC 2047); addresses and URLs never are (RFC 5322, 2369). Every field ends in CRLF, no line passes 78 octets
where a fold is legal, an encoded word has at most 75 octets and whole characters.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

LINE = 78
HARD_LIMIT = 998
_WORD = 75
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SURROGATES = re.compile("[\ud800-\udfff]")
_PLAIN = re.compile(r"[ -~]*", re.ASCII)
_NO_ADDRESS = re.compile(r"[\s<>\x00-\x1f\x7f]")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+", re.ASCII)
# What RFC 2047, 5 (3) lets stand for itself in a Q word inside a phrase; the strictest place rules everywhere.
_Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")


def clean(text: str) -> str:
    """One line of text: control characters become spaces, lone surrogates U+FFFD, the ends are trimmed."""
    return _SURROGATES.sub("\ufffd", _CONTROLS.sub(" ", text)).strip()


def unstructured(name: str, text: str) -> bytes:
    """A field of free text such as Subject, whatever the text is."""
    text = clean(text)
    if not _PLAIN.fullmatch(text) or "=?" in text:
        return _words(name, encoded_words(text, LINE - len(name) - 2))
    lines = _fold(name, re.findall(r" *[^ ]+", text))
    if any(len(line) > LINE for line in lines):
        return _words(name, encoded_words(text, LINE - len(name) - 2))
    return "".join(line + "\r\n" for line in lines).encode("ascii")


def structured(name: str, *tokens: str) -> bytes:
    """A field of ASCII tokens that may stand on lines of their own, such as List-Id or a list of URIs.

    Raises ValueError for what cannot stand in a header as it is.
    """
    for token in tokens:
        if not _PLAIN.fullmatch(token) or len(token) > HARD_LIMIT - LINE:
            raise ValueError(f"{name} cannot carry {token[:60]!r}")
    return "".join(line + "\r\n" for line in _fold(name, _spaced(tokens))).encode("ascii")


def mailbox(name: str, display: str, address: str) -> bytes:
    """``Display <address>`` or the bare address. A non-ASCII local part stays UTF-8 and needs SMTPUTF8 (RFC 6532)."""
    return f"{name}:{mailbox_value(name, display, address)}\r\n".encode()


def mailbox_value(name: str, display: str, address: str) -> str:
    """What stands behind the colon of that field, folded for its name."""
    if _NO_ADDRESS.search(address):
        raise ValueError(f"{name} cannot carry an address with spaces, brackets or control characters")
    if len(name) + len(display) + len(address) + 5 <= LINE:  # as nearly all are
        if not display:
            return f" {address}"
        if "=?" not in display and _ATOMS.fullmatch(display):
            return f" {display.strip()} <{address}>"
    display = clean(display)
    tokens = [*phrase(display, LINE - len(name) - 2), f"<{address}>"] if display else [address]
    return "\r\n".join(_fold(name, _spaced(tokens)))[len(name) + 1 :]


def phrase(text: str, first: int = LINE - 1) -> list[str]:
    """A display name as atoms, one quoted string, or encoded words; ``first`` is the room on the first line."""
    if _PLAIN.fullmatch(text) and "=?" not in text and "  " not in text:
        if _ATOMS.fullmatch(text) and all(len(word) <= _WORD for word in text.split(" ")):
            return text.split(" ")
        quoted = '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
        if len(quoted) <= min(first, _WORD):
            return [quoted]
    return encoded_words(text, first)


@lru_cache(maxsize=16)
def date(instant: datetime) -> bytes:
    return f"Date: {format_datetime(instant.astimezone(UTC).replace(microsecond=0))}\r\n".encode("ascii")


def encoded_words(text: str, first: int) -> list[str]:
    """RFC 2047 Q words in UTF-8, whole characters in each; the first has at most ``first`` octets."""
    words, current, room = [], "", min(first, _WORD) - len("=?utf-8?q??=")
    for character in text:
        encoded = _q(character)
        if len(current) + len(encoded) > room:
            words.append(f"=?utf-8?q?{current}?=")
            current, room = "", _WORD - len("=?utf-8?q??=")
        current += encoded
    return [*words, f"=?utf-8?q?{current}?="]


def _q(character: str) -> str:
    if character == " ":
        return "_"
    return "".join(chr(byte) if byte in _Q_SAFE else f"={byte:02X}" for byte in character.encode())


def _words(name: str, words: Sequence[str]) -> bytes:
    return (f"{name}: " + "\r\n ".join(words) + "\r\n").encode("ascii")


def _spaced(tokens: Iterable[str]) -> list[str]:
    return [token if place == 0 else " " + token for place, token in enumerate(tokens)]


def _fold(name: str, pieces: Sequence[str]) -> list[str]:
    """Lines of at most 78 where the pieces allow it; each piece but the first begins with white space."""
    lines = [f"{name}: "]
    for place, piece in enumerate(pieces):
        if place and len(lines[-1]) + len(piece) > LINE:
            lines.append(piece)
        elif place == 0 and len(lines[0]) + len(piece) > LINE and len(piece) < LINE:
            lines[0] = f"{name}:"
            lines.append(" " + piece)
        else:
            lines[-1] += piece
    return lines
