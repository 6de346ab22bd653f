"""What a webhook is sent, how it is signed, and when it is tried again. Pure.

Headers and signature are those of the Standard Webhooks specification (symmetric, ``v1``), which libraries verify.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

EVENTS = ("subscribed", "unsubscribed", "bounced", "complained", "erased", "issue_sent")
PAUSED_AFTER = timedelta(hours=72)
_LONGEST_WAIT = timedelta(hours=6)
_SECRET = "whsec_"  # noqa: S105


def message(number: int, what: str, at: str, facts: Mapping[str, Any]) -> bytes:
    """The body: ``id`` is the same at every try, and grows from event to event."""
    document = {"id": number, "type": what, "timestamp": at, "data": facts}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def headers(secret: bytes, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """``now`` is real time; receivers refuse what is more than some minutes old."""
    stamp = str(int(now.timestamp()))
    mac = hmac.new(secret, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def shown_secret(secret: bytes) -> str:
    """As receivers' libraries take it."""
    return _SECRET + base64.b64encode(secret).decode()


def wait(failures: int) -> timedelta:
    """Before the next try, after so many failures in a row: 10 seconds, a minute, 6 minutes, … 6 hours."""
    return min(timedelta(seconds=10 * 6.0 ** min(failures - 1, 8)), _LONGEST_WAIT)
