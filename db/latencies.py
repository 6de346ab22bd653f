"""How long relays took to answer for messages: a histogram that all sending processes add to and that only grows."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, select

from db.models import RelayLatency
from db.rows import columns_of
from db.upsert import insert_or


class Latency(NamedTuple):
    """Of one relay: how many messages took more seconds than the bound before and no more than ``up_to``, infinity for
    what is beyond all bounds; and how many seconds they took in all."""

    relay: str
    up_to: float
    messages: int
    seconds: float


def add(connection: Connection, found: Iterable[Latency]) -> None:
    """Always in the same order: PostgreSQL would find senders that each wait for a row of the other in a deadlock."""
    statement = insert_or(connection, RelayLatency)
    more = {
        "messages": RelayLatency.messages + statement.excluded.messages,
        "seconds": RelayLatency.seconds + statement.excluded.seconds,
    }
    key = [RelayLatency.relay, RelayLatency.up_to]
    upsert = statement.on_conflict_do_update(index_elements=key, set_=more)
    for row in sorted(found):
        connection.execute(upsert, row._asdict())


def so_far(connection: Connection) -> list[Latency]:
    """By relay and bound, in their order."""
    wanted = select(*columns_of(RelayLatency, Latency)).order_by(RelayLatency.relay, RelayLatency.up_to)
    return [Latency(*row) for row in connection.execute(wanted)]
