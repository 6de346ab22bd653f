"""How fast: sizes and waits as values. Counting happens at the socket, the shared counts lie in the database."""

from datetime import datetime

from newsletter.setting_values import Relay

STRETCH_SECONDS = 0.25  # how much of a relay's rate a process takes at once


def share(relay: Relay, processes: int) -> int:
    """Of a relay's connections, those that one of so many processes opens; the lock files hold the sum."""
    return max(-(-relay.connections // processes), 1)


def stretch(rate: float) -> int:
    """How many messages a process may reserve at once of a rate in messages a second."""
    return max(int(rate * STRETCH_SECONDS), 1)


def connect_delay(tries: int) -> float:
    """Seconds before a relay is tried again: 0.8, 3.2, 12.8, then 30."""
    return float(min(0.2 * 4**tries, 30.0))


def average(sent: int, began_at: datetime | None, ended_at: datetime | None) -> float | None:
    """Messages a second between two instants; None where they are one, or there are none."""
    seconds = (ended_at - began_at).total_seconds() if began_at and ended_at else 0.0
    return sent / seconds if seconds > 0 else None
