"""The addresses that mail comes back to, and which delivery each one names.

A *return path* (envelope sender, so bounces come to it) is ``b-`` and 29 characters of lower-case base32 over 18 bytes:
key id (1), delivery id (5), and the first 12 bytes of HMAC-SHA256 over those six under that link key. A *leave path*
(the mailto of List-Unsubscribe) is the same behind ``u-`` with a MAC of its own. Base32, because some relays fold the
case of a local part on its way; 31 characters in all, so that it stays well below the 64 of RFC 5321.
"""

import hmac
import re
from base64 import b32decode, b32encode
from collections.abc import Mapping

from newsletter.subscribers.tokens import hmac_sha256

_MAC = 12
_SHAPE = r"(?<![a-z0-9])(?:{prefix})([a-z2-7]{{29}})(?![a-z2-7])"
_RETURN = re.compile(_SHAPE.format(prefix="b-"), re.I | re.ASCII)
_LEAVE = re.compile(_SHAPE.format(prefix="u-"), re.I | re.ASCII)

# Ten bits at a time, because two of these are made for every message and base64.b32encode takes 9 microseconds each.
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


def sign_return_path(delivery_id: int, key_id: int, key: bytes) -> str:
    """The local part of a delivery's return path; ids are below 2**40, key ids below 256."""
    return "b-" + _sign(b"return", delivery_id, key_id, key)


def verify_return_path(text: str, keys: Mapping[int, bytes]) -> int | None:
    """The delivery that an address, or text with one in it, was signed for; None when no key of ours made it.

    Takes the first token in ``text`` that verifies, in whatever case it comes back.
    """
    return _verify(b"return", _RETURN, text, keys)


def sign_leave_path(delivery_id: int, key_id: int, key: bytes) -> str:
    """The local part that a reader writes to in order to unsubscribe by mail."""
    return "u-" + _sign(b"leave", delivery_id, key_id, key)


def verify_leave_path(text: str, keys: Mapping[int, bytes]) -> int | None:
    """The delivery whose reader asks to leave, or None."""
    return _verify(b"leave", _LEAVE, text, keys)


def _sign(purpose: bytes, delivery_id: int, key_id: int, key: bytes) -> str:
    body = key_id.to_bytes(1) + delivery_id.to_bytes(5)
    number = int.from_bytes(body + _mac(purpose, body, key)) << 6  # 150 bits, 30 characters; the last one is spare
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(140, -1, -10)])[:29]


def _verify(purpose: bytes, pattern: re.Pattern[str], text: str, keys: Mapping[int, bytes]) -> int | None:
    for found in pattern.finditer(text):
        raw = _decode(found[1])
        if raw is None:
            continue
        body, mac = raw[:-_MAC], raw[-_MAC:]
        key = keys.get(body[0])
        if key is not None and hmac.compare_digest(_mac(purpose, body, key), mac):
            return int.from_bytes(body[1:])
    return None


def _mac(purpose: bytes, body: bytes, key: bytes) -> bytes:
    return hmac_sha256(key, purpose, body)[:_MAC]


def _decode(text: str) -> bytes | None:
    """Every character counts: spare bits that are not zero are no token of ours."""
    padded = text.upper() + "=" * (-len(text) % 8)
    try:
        raw = b32decode(padded)
    except ValueError:
        return None
    return raw if b32encode(raw).decode() == padded else None
