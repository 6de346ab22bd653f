"""Erase: a keyed hash in the suppression list is all that stays, so that an import cannot bring the address back."""

import time
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from db.engine import transaction
from db.keys import address_key
from db.readers import drop_vote, tools_voted_by
from db.readership import erase_mentions, erase_traces
from db.states import SuppressionReason
from db.subscribers import add_event, subscriber_by_hash, subscriber_by_id
from db.suppressions import blank_suppression, suppress
from db.tools import lock_tool, set_counts
from db.wal import empty_the_log
from newsletter.readers.community import recounted
from newsletter.readers.identity import subscriber_reader
from newsletter.subscribers.addresses import hash_address

_TRIES = 5


@dataclass(frozen=True, slots=True)
class EraseReport:
    """``known``: there was somebody to erase. ``files_clean``: the database's files hold nothing of them any more;
    False while a long reader keeps SQLite's log busy, and then the next checkpoint does it."""

    known: bool
    files_clean: bool


def erase(engine: Engine, subscriber_id: int, *, now: datetime) -> EraseReport:
    """Forget a subscriber. Doing it again finds nobody."""
    with transaction(engine) as connection:
        subscriber = subscriber_by_id(connection, subscriber_id)
        if subscriber is None:
            return EraseReport(False, True)
        email_hash = hash_address(subscriber.email, address_key(connection))
        _take_back_votes(connection, subscriber_reader(subscriber_id))
        erase_traces(connection, subscriber_id, subscriber.email)
        suppress(connection, email_hash, None, SuppressionReason.ERASED, now)
        blank_suppression(connection, email_hash)
        add_event(connection, "erased", None, now)
    return EraseReport(True, _clean_files(engine))


def erase_address(engine: Engine, email: str, *, now: datetime) -> EraseReport:
    """Forget an address, whether it has subscribed or is merely suppressed; either way its hash stays suppressed."""
    with transaction(engine) as connection:
        email_hash = hash_address(email, address_key(connection))
        subscriber = subscriber_by_hash(connection, email_hash)
        if subscriber is None:
            known = blank_suppression(connection, email_hash)
            erase_mentions(connection, email)
    if subscriber is not None:
        return erase(engine, subscriber.id, now=now)
    return EraseReport(known, _clean_files(engine))


def _take_back_votes(connection: Connection, voter: str) -> None:
    """The tools' counts follow, and their places among the others."""
    for tool_id in tools_voted_by(connection, voter):
        tool = lock_tool(connection, tool_id)
        if tool is not None:
            set_counts(connection, [recounted(tool, gone=drop_vote(connection, tool_id, voter), come=None)])


def _clean_files(engine: Engine) -> bool:
    """SQLite keeps old pages in its log until a checkpoint; readers may hold that up for a moment."""
    for _ in range(_TRIES):
        if empty_the_log(engine):
            return True
        time.sleep(0.05)
    return False
