"""How long relays took, from the memory of a sending process into the database, where all of them add up.

No mail waits for these or is lost with them: what the database does not take, for whatever reason, is tried again with
what comes next, and what it has not taken when the process ends is gone.
"""

from collections import deque

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from db.engine import transaction
from db.latencies import Latency, add
from newsletter.deliveries.latencies import Latencies


class Notes:
    """Of one sending process. ``write`` blocks, in any thread but one at a time, and takes what there is when it runs:
    a thread that never comes to it loses nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._noted: deque[tuple[str, float]] = deque()  # one thread adds at its end while another takes from its front
        self._latencies = Latencies()

    def took(self, relay: str, seconds: float) -> None:
        """Costs a tenth of a microsecond; what can wait is done by ``write``."""
        self._noted.append((relay, seconds))

    def write(self, patience: float) -> None:
        """``patience`` is how many seconds another writer of SQLite is waited for."""
        while self._noted:
            self._latencies.add(*self._noted.popleft())
        found = [Latency(*row) for row in self._latencies.take()]
        if not found:
            return
        try:
            with transaction(self._engine, patience) as connection:
                add(connection, found)
        except SQLAlchemyError:
            self._latencies.put_back(found)
