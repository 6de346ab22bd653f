"""The addresses that mail comes back to, and which delivery each one names.

Both are 18 bytes in hexadecimal: key id (1), delivery id (5), and the first 12 bytes of HMAC-SHA256 over those six
under that link key. A *return path* (envelope sender, so bounces come to it) has them behind ``b-``, a *leave path*
(the mailto of List-Unsubscribe) behind ``u-``: whoever holds the mail holds both anyway, and making one token costs
half of making two. Hexadecimal, because some relays fold the case of a local part on its way; 38 characters in all,
well below the 64 of RFC 5321. Until W48 of 2026 it was base32, which takes twice as long to make.
"""

import hmac
import re
from base64 import b32decode, b32encode
from binascii import unhexlify
from collections.abc import Mapping

from newsletter.subscribers.tokens import hmac_sha256

RETURN, LEAVE = "b-", "u-"
_MAC = 12
_SHAPE = r"(?<![a-z0-9])(?:{prefix})([0-9a-f]{{36}}|[a-z2-7]{{29}})(?![a-z0-9])"
_RETURN_PATH = re.compile(_SHAPE.format(prefix=RETURN), re.I | re.ASCII)
_LEAVE_PATH = re.compile(_SHAPE.format(prefix=LEAVE), re.I | re.ASCII)


def sign_delivery(delivery_id: int, key_id: int, key: bytes) -> str:
    """What stands behind RETURN and behind LEAVE; ids are below 2**40, key ids below 256."""
    body = (key_id << 40 | delivery_id).to_bytes(6)
    return (body + hmac_sha256(key, b"return", body)[:_MAC]).hex()


def verify_return_path(text: str, keys: Mapping[int, bytes]) -> int | None:
    """The delivery that an address, or text with one in it, was signed for; None when no key of ours made it.

    Takes the first token in ``text`` that verifies, in whatever case it comes back.
    """
    return _verify(_RETURN_PATH, text, keys)


def has_return_path(text: str) -> bool:
    """Whether an address in it looks like a return path, whoever made it."""
    return _RETURN_PATH.search(text) is not None


def verify_leave_path(text: str, keys: Mapping[int, bytes]) -> int | None:
    """The delivery whose reader asks to leave, or None."""
    return _verify(_LEAVE_PATH, text, keys) or _verify(_LEAVE_PATH, text, keys, b"leave")  # of mails until W48 of 2026


def _verify(pattern: re.Pattern[str], text: str, keys: Mapping[int, bytes], purpose: bytes = b"return") -> int | None:
    for found in pattern.finditer(text):
        raw = _decode(found[1])
        if raw is None:
            continue
        body, mac = raw[:-_MAC], raw[-_MAC:]
        key = keys.get(body[0])
        if key is not None and hmac.compare_digest(hmac_sha256(key, purpose, body)[:_MAC], mac):
            return int.from_bytes(body[1:])
    return None


def _decode(text: str) -> bytes | None:
    """Every character counts: in base32, spare bits that are not zero are no token of ours."""
    if len(text) == 36:
        return unhexlify(text)
    padded = text.upper() + "=" * (-len(text) % 8)
    try:
        raw = b32decode(padded)
    except ValueError:
        return None
    return raw if b32encode(raw).decode() == padded else None
