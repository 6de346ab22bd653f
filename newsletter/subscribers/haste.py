"""What looks like a machine: forms filled too fast, fields that people do not see, too many from one place.

Nobody is turned away for it. A stamp in the form says when it was shown; what looks hasty waits some minutes, and only
a filled honeypot gets no mail. A form without a stamp is one of another site's own making: the limits alone hold it.
"""

import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

MIN_FILL = timedelta(seconds=2)
HONEYPOT = "remarks"  # programs fill every text input; browsers' autofill has no idea of this one
_SHORTEST, _SPREAD = timedelta(minutes=3), timedelta(minutes=3)
_MAC = 32


def make_stamp(purpose: str, shown_at: datetime, secret_keys: Sequence[str]) -> str:
    """The hidden field of a form, signed: ``SECONDS.MAC`` with milliseconds."""
    moment = f"{shown_at.timestamp():.3f}"
    return f"{moment}.{_mac(purpose, moment, secret_keys[0])}"


def read_stamp(purpose: str, stamp: str, secret_keys: Sequence[str]) -> datetime | None:
    """When the form was shown, or None for a stamp that no key of ours made."""
    moment, dot, mac = stamp.rpartition(".")
    if not dot or not stamp.isascii():
        return None
    if not any(hmac.compare_digest(_mac(purpose, moment, key), mac) for key in secret_keys):
        return None
    return datetime.fromtimestamp(float(moment)).astimezone()


def is_hasty(stamp: str | None, now: datetime, secret_keys: Sequence[str]) -> bool:
    """Whether a form was filled in under two seconds, or carries a stamp that is not ours. Times are real."""
    if not stamp:
        return False
    shown_at = read_stamp("form", stamp, secret_keys)
    return shown_at is None or now - shown_at < MIN_FILL


def delay(suspicious: bool, chance: float) -> timedelta:
    """How long a letter waits: nothing, or 3 to 6 minutes, spread by ``chance`` (0 to 1) so that they do not leave at
    once."""
    return _SHORTEST + _SPREAD * chance if suspicious else timedelta(0)


def _mac(purpose: str, moment: str, key: str) -> str:
    return hmac.digest(key.encode(), f"stamp:{purpose}:{moment}".encode(), "sha256").hex()[:_MAC]
