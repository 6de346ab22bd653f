"""The return path of a delivery: where its bounce comes back to, and which delivery that says.

The local part is ``b-`` and 29 characters of lower-case base32 over 18 bytes: key id (1), delivery id (5), and the
first 12 bytes of HMAC-SHA256 over those six under that link key. Base32, because some relays fold the case of a local
part on its way back; 31 characters in all, so that it stays below the 64 of RFC 5321 and one part of a message.
"""

import hmac
import re
from base64 import b32decode, b32encode
from collections.abc import Mapping

PREFIX = "b-"
_MAC = 12
_LENGTH = 29
_TOKEN = re.compile(rf"(?<![a-z0-9]){PREFIX}([a-z2-7]{{{_LENGTH}}})(?![a-z2-7])", re.I | re.ASCII)


def sign_return_path(delivery_id: int, key_id: int, key: bytes) -> str:
    """The local part of a delivery's return path; ids are below 2**40, key ids below 256."""
    body = key_id.to_bytes(1) + delivery_id.to_bytes(5)
    return PREFIX + b32encode(body + _mac(body, key)).decode().rstrip("=").lower()


def verify_return_path(text: str, keys: Mapping[int, bytes]) -> int | None:
    """The delivery that an address, or text with one in it, was signed for; None when no key of ours made it.

    Takes the first token in ``text`` that verifies, in whatever case it comes back.
    """
    for found in _TOKEN.finditer(text):
        raw = _decode(found[1])
        if raw is None:
            continue
        body, mac = raw[:-_MAC], raw[-_MAC:]
        key = keys.get(body[0])
        if key is not None and hmac.compare_digest(_mac(body, key), mac):
            return int.from_bytes(body[1:])
    return None


def _mac(body: bytes, key: bytes) -> bytes:
    return hmac.digest(key, b"return" + body, "sha256")[:_MAC]


def _decode(text: str) -> bytes | None:
    """Every character counts: spare bits that are not zero are no token of ours."""
    padded = text.upper() + "=" * (-len(text) % 8)
    try:
        raw = b32decode(padded)
    except ValueError:
        return None
    return raw if b32encode(raw).decode() == padded else None
