"""Who votes and saves: ``browser:ID`` for a browser that we have met, ``subscriber:ID`` for one that came by a link in
the mail. A browser shows it in a cookie, signed under the secret key; whoever makes one up is nobody."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

_BROWSER = "browser:"
_SUBSCRIBER = "subscriber:"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a vote or a bookmark comes from, as web/client.py tells it, and the real time."""

    household: str
    network: str
    at: datetime


def new_browser(random: bytes) -> str:
    """``random`` is 16 bytes or more from a good source."""
    return _BROWSER + urlsafe_b64encode(random[:16]).decode().rstrip("=")


def subscriber_reader(subscriber_id: int) -> str:
    return f"{_SUBSCRIBER}{subscriber_id}"


def subscriber_of(reader: str) -> int | None:
    """The subscriber that a reader is, or None for a browser."""
    return int(reader.removeprefix(_SUBSCRIBER)) if reader.startswith(_SUBSCRIBER) else None


def sign_reader(reader: str, secret_keys: Sequence[str]) -> str:
    """What the cookie holds, signed under the newest key."""
    return f"{reader}.{_signature(reader, secret_keys[0])}"


def verify_reader(cookie: str, secret_keys: Sequence[str]) -> str | None:
    """The reader that a cookie names, or None where no key of ours signed it."""
    reader, _, signature = cookie.rpartition(".")
    if not cookie.isascii() or not reader.startswith((_BROWSER, _SUBSCRIBER)):
        return None
    signed = [hmac.compare_digest(_signature(reader, key), signature) for key in secret_keys]
    return reader if any(signed) else None


def _signature(reader: str, key: str) -> str:
    digest = hmac.digest(key.encode(), b"reader:" + reader.encode(), "sha256")
    return urlsafe_b64encode(digest[:18]).decode()
