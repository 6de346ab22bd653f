"""How long relays took, from the memory of a sending process into the database, where all of them add up.

No mail waits for these or is lost with them: what the database does not take, for whatever reason, is tried again with
what comes next, and what it has not taken when the process ends is gone.
"""

import threading

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from db.engine import transaction
from db.latencies import Latency, add
from newsletter.deliveries.latencies import Latencies


class Notes:
    """Of one sending process. ``took`` costs half a microsecond. ``write`` blocks, in any thread, and takes what there
    is when it runs: a thread that never comes to it loses nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._latencies = Latencies()
        self._lock = threading.Lock()

    def took(self, relay: str, seconds: float) -> None:
        with self._lock:
            self._latencies.add(relay, seconds)

    def write(self, patience: float) -> None:
        """``patience`` is how many seconds another writer of SQLite is waited for."""
        with self._lock:
            found = [Latency(*row) for row in self._latencies.take()]
        if not found:
            return
        try:
            with transaction(self._engine, patience) as connection:
                add(connection, found)
        except SQLAlchemyError:
            with self._lock:
                self._latencies.put_back(found)
