"""Strangers' connections: cut when they keep the service waiting, and the longest waiting when there are too many.

Uvicorn waits without end for a request to arrive and for an answer to be taken. A thousand idle connections would so
hold every file that the process may open, those of its database and of its relays among them.
"""

import asyncio
import resource
from collections.abc import Iterable
from functools import cache

from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE = 30.0  # seconds: for a request to begin in full, for more of its body, for more of the answer to be taken
BACKLOG = 256  # connections that are accepted in one go
_MOST = 4096  # connections; each keeps some kilobytes


@cache
def most_connections() -> int:
    """A quarter of the files that this process may open; their number is raised as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = 4 * _MOST if hard == resource.RLIM_INFINITY else min(hard, 4 * _MOST)
    if soft != resource.RLIM_INFINITY and soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return files // 4


class Connection(H11Protocol):
    """Uvicorn's, which knows since when it has waited."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.moved = self.loop.time()
        self._unsent = 0
        super().connection_made(transport)
        if len(self.connections) > most_connections():
            self._make_room()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._asked:  # what is no whole head yet moves nothing
            self.moved = self.loop.time()

    def on_response_complete(self) -> None:
        self.moved = self.loop.time()
        super().on_response_complete()

    def is_stuck(self, now: float) -> bool:
        """Whether its client has kept it waiting for longer than PATIENCE."""
        unsent = self.transport.get_write_buffer_size()
        if unsent != self._unsent or not self._waits_for_its_client:
            self._unsent, self.moved = unsent, now
        return now - self.moved > PATIENCE

    def cut(self) -> None:
        self.connections.discard(self)
        self.transport.abort()

    @property
    def _asked(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def _waits_for_its_client(self) -> bool:
        wants_more = self._asked and self.cycle.more_body and not self.flow.read_paused  # paused, it waits for us
        return not self._asked or wants_more or self.transport.get_write_buffer_size() > 0

    def _make_room(self) -> None:
        """Of those that wait for their clients an eighth goes, since to look for them costs more than to cut them."""
        waiting = [one for one in self.connections if isinstance(one, Connection) and one._waits_for_its_client]
        waiting.sort(key=lambda one: one.moved)
        for one in waiting[: len(waiting) // 8 + 1]:
            one.cut()


def cut_stuck(connections: Iterable[object], now: float) -> None:
    for one in list(connections):
        if isinstance(one, Connection) and one.is_stuck(now):
            one.cut()
