"""Counts for limits that hold across processes and machines.

Whoever is counted (a client's address, a network, a mailbox) is stored as a keyed hash. Windows are fixed slices of
real time: a limit of 100 an hour lets at most 200 through in any hour, which is all that a limit on a form needs.
"""

import hmac
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, select

from db.keys import address_key
from db.models import Hit
from db.upsert import insert_or


def hit(connection: Connection, what: str, who: str, window: timedelta, now: datetime) -> int:
    """Count one act of ``who`` and return how many there are in this window, this one included.

    ``now`` is real time. ``what`` names the limit, so that votes and sign-ups are counted apart.
    """
    row = {"bucket": _bucket(connection, what, who), "window_start": _window_start(now, window), "count": 1}
    statement = insert_or(connection, Hit).values(row)
    statement = statement.on_conflict_do_update(
        index_elements=[Hit.bucket, Hit.window_start], set_={"count": Hit.count + 1}
    )
    return int(connection.execute(statement.returning(Hit.count)).scalar_one())


def hits(connection: Connection, what: str, who: str, window: timedelta, now: datetime) -> int:
    """How many acts of ``who`` this window has seen; counts nothing."""
    wanted = select(Hit.count).where(
        Hit.bucket == _bucket(connection, what, who), Hit.window_start == _window_start(now, window)
    )
    return connection.execute(wanted).scalar() or 0


def forget_hits(connection: Connection, before: datetime) -> int:
    """Drop the counts of windows that began before an instant; returns how many."""
    return connection.execute(delete(Hit).where(Hit.window_start < before)).rowcount


def _bucket(connection: Connection, what: str, who: str) -> str:
    return f"{what}:{hmac.digest(address_key(connection), f'hit:{who}'.encode(), 'sha256')[:16].hex()}"


def _window_start(now: datetime, window: timedelta) -> datetime:
    seconds = int(window.total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, UTC)
