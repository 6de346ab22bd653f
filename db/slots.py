"""A relay's connections and rate, counted for all that send: connections of this machine, the rate of every machine."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, case, update

from db.engine import shared_now
from db.models import RelayRate
from db.ownership import open_lock
from db.upsert import insert_or

_LONGEST_SECONDS, _LONGEST_PLACES = 30.0, 1000


@contextmanager
def connection_slot(folder: Path, relay: str, connections: int) -> Iterator[bool]:
    """Holds one of a relay's connections, by a lock that goes with its process; False when all are taken."""
    handle = _free_slot(folder, relay, connections)
    try:
        yield handle is not None
    finally:
        if handle is not None:
            os.close(handle)


def _free_slot(folder: Path, relay: str, connections: int) -> int | None:
    known = hashlib.sha256(relay.encode()).hexdigest()[:16]
    for number in range(connections):
        handle = open_lock(folder / f"{known}-{number}.slot")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
        else:
            return handle
    return None


def reserve(connection: Connection, queue: str, count: int, rate: float) -> float:
    """Take the next ``count`` places in a queue; returns in how many seconds the first of them is.

    A queue that seems to be longer than any can be was written before the clock was put back: it begins anew.
    """
    now = shared_now(connection).timestamp()
    connection.execute(insert_or(connection, RelayRate).values(relay=queue, next_at=now).on_conflict_do_nothing())
    longest = _LONGEST_SECONDS + _LONGEST_PLACES * count / rate
    start = case((RelayRate.next_at.between(now, now + longest), RelayRate.next_at), else_=now)
    after: float = connection.execute(
        update(RelayRate)
        .where(RelayRate.relay == queue)
        .values(next_at=start + count / rate)
        .returning(RelayRate.next_at)
    ).scalar_one()
    return after - count / rate - now
