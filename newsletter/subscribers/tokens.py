"""The tokens that stand in links: what they say, how they are made and how they are checked.

A *link token* is 32 characters of base64url over 24 bytes: key id (1), issue id (3), subscriber id (5), and the first
15 bytes of HMAC-SHA256 over those nine under that key. The length is fixed, so that a message can be cut at it, every
character counts, so that no flipped bit passes, and it never expires, so that the oldest mail lets its reader leave.
One token serves all links of a reader in an issue: whoever holds the mail holds them all anyway.

A *tool reference* follows a link token where a link also names a tool (``TOKEN.REF``). It is the same for all readers
of an issue and carries its own check.

A *one-time token* (confirmation, sign-in) is 256 bits derived from a row's id and nonce under the secret key: the
database keeps only its hash, mail hands over the id.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

LINK_TOKEN_LENGTH = 32
_MAC = 15
_REF_MAC = 9
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class Link(NamedTuple):
    """What a link token says. ``issue_id`` is 0 for links that no issue carried."""

    subscriber_id: int
    issue_id: int = 0


def sign_link(link: Link, key_id: int, key: bytes) -> str:
    """The token of a reader's links in an issue; ids are below 2**40 and 2**24, key ids below 256."""
    body = (key_id << 64 | link.issue_id << 40 | link.subscriber_id).to_bytes(9)
    token = b2a_base64(body + hmac_sha256(key, b"link", body)[:_MAC], newline=False)
    return token.translate(_URL_SAFE).decode()


def verify_link(token: str, keys: Mapping[int, bytes]) -> Link | None:
    """The link that a token says, or None when no key of ours made it."""
    raw = _decode(token, LINK_TOKEN_LENGTH)
    if raw is None:
        return None
    body, mac = raw[:-_MAC], raw[-_MAC:]
    key = keys.get(body[0])
    if key is None or not hmac.compare_digest(hmac_sha256(key, b"link", body)[:_MAC], mac):
        return None
    return Link(int.from_bytes(body[4:9]), int.from_bytes(body[1:4]))


def sign_tool(tool_id: int, key_id: int, key: bytes) -> str:
    """The 20 characters that name a tool behind a link token."""
    body = key_id.to_bytes(1) + tool_id.to_bytes(5)
    return urlsafe_b64encode(body + hmac_sha256(key, b"tool", body)[:_REF_MAC]).decode()


def verify_tool(reference: str, keys: Mapping[int, bytes]) -> int | None:
    """The tool's id, or None."""
    raw = _decode(reference, 20)
    if raw is None:
        return None
    body, mac = raw[:-_REF_MAC], raw[-_REF_MAC:]
    key = keys.get(body[0])
    if key is None or not hmac.compare_digest(hmac_sha256(key, b"tool", body)[:_REF_MAC], mac):
        return None
    return int.from_bytes(body[1:6])


def verify_tool_link(token: str, keys: Mapping[int, bytes]) -> tuple[Link, int] | None:
    """Reads ``TOKEN.REF``: whose link it is and which tool it names."""
    head, _, reference = token.partition(".")
    link, tool_id = verify_link(head, keys), verify_tool(reference, keys)
    return (link, tool_id) if link is not None and tool_id is not None else None


def one_time_token(purpose: str, row_id: int, nonce: bytes, secret_keys: Sequence[str]) -> str:
    """256 bits for a confirmation or sign-in link, derived under the newest secret key."""
    message = f"{purpose}:{row_id}:".encode() + nonce
    return urlsafe_b64encode(hmac.digest(secret_keys[0].encode(), message, "sha256")).decode().rstrip("=")


def hash_token(token: str) -> bytes:
    """What the database keeps of a one-time token or a session; the token has 256 bits, so a plain hash will do."""
    return hashlib.sha256(token.encode()).digest()


def hmac_sha256(key: bytes, purpose: bytes, body: bytes) -> bytes:
    """HMAC-SHA256 of ``purpose + body``. Three stand in every message, so what the key alone decides is hashed once.

    hmac.digest gives up the interpreter lock each time, which among busy threads costs ten times the hashing.
    """
    inside, outside = _keyed(key, purpose)
    inner, outer = inside.copy(), outside.copy()
    inner.update(body)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(maxsize=64)
def _keyed(key: bytes, purpose: bytes) -> "tuple[hashlib._Hash, hashlib._Hash]":
    """The two hashes of RFC 2104 as they stand before the text."""
    block = (key if len(key) <= 64 else hashlib.sha256(key).digest()).ljust(64, b"\0")
    return hashlib.sha256(bytes(b ^ 0x36 for b in block) + purpose), hashlib.sha256(bytes(b ^ 0x5C for b in block))


def _decode(token: str, length: int) -> bytes | None:
    # Of an address in a plain text, Thunderbird and others take a hyphen at the end for the writer's punctuation.
    token = token.ljust(length, "-")
    if len(token) != length or not token.isascii():
        return None
    try:
        raw = urlsafe_b64decode(token)
    except ValueError:
        return None
    return raw if urlsafe_b64encode(raw).decode() == token else None
