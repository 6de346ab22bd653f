"""What a sender decided and has not told an SQLite ledger yet: a file of its own beside the database, a line for each.

An outcome is safe from a killed process as soon as its line is written, which takes 4 µs; a commit takes 80, most of it
the same for one outcome as for hundreds, and keeps other writers waiting. So the ledger hears of outcomes by the
hundred, together with the next claim. Whoever takes over what a killed sender held reads its log first.

A line names no reader: where a reply has an address in it, the line is without the reply.
"""

import errno
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine

from db.engine import is_sqlite, transaction
from db.outcomes import Written, encoded, write_encoded
from db.ownership import lock_folder, open_lock

LARGEST = 1 << 20  # bytes; a log is emptied when it is larger, some 8,000 outcomes


class OutcomeLog:
    """The log of one sender, whose leases are in its ``owner``'s name. Not for several threads, but for ``flush``."""

    def __init__(self, engine: Engine, owner: str) -> None:
        self._engine, self._owner = engine, owner
        self._path, self._wal = _path(engine, owner), f"{engine.url.database}-wal"
        self._handle = open_lock(self._path, os.O_WRONLY | os.O_APPEND)
        self._size = 0
        self._untold: list[str] = []

    @property
    def untold(self) -> int:
        """How many outcomes the ledger has not heard of."""
        return len(self._untold)

    def append(self, outcomes: Sequence[Written], at: datetime) -> None:
        """Raises OSError where the disk does not take them; none of them is written then."""
        rows = encoded(outcomes, at)
        lines = "\n".join(rows)
        if "@" in lines:
            silent = (row._replace(reply=None) if "@" in (row.reply or "") else row for row in outcomes)
            lines = "\n".join(encoded(silent, at))
        data = f"{lines}\n".encode()
        try:
            if os.write(self._handle, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            os.ftruncate(self._handle, self._size)
            raise OSError(error.errno, error.strerror, str(self._path)) from None
        self._size += len(data)
        self._untold += rows

    @contextmanager
    def telling(self, patience: float) -> Iterator[Connection]:
        """A transaction in which the ledger hears of all outcomes so far, and of what else the block does."""
        with transaction(self._engine, patience) as connection:
            if self._untold:
                write_encoded(connection, self._owner, self._untold)
            yield connection
        self._untold.clear()
        if self._size > LARGEST:
            with suppress(OSError):  # what is committed stays committed, and a log may be long
                self._empty()

    def _empty(self) -> None:
        self.flush()  # a power cut must not take a commit whose outcomes are in no log any more
        os.ftruncate(self._handle, 0)
        self._size = 0

    def flush(self) -> None:
        """Until claims and outcomes so far are on the disk: a power cut takes only what came later. The claims first,
        since an outcome counts only for who has claimed. SQLite holds no lock on its log that closing it would drop."""
        with suppress(FileNotFoundError):  # the last connection took it into the database and flushed that
            log = os.open(self._wal, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fdatasync(log)
            finally:
                os.close(log)
        os.fdatasync(self._handle)

    def close(self) -> None:
        """A log that the ledger knows nothing of stays, for whoever takes over."""
        os.close(self._handle)
        if not self._untold:
            self._path.unlink(missing_ok=True)


def tell_of_gone(connection: Connection, engine: Engine, owners: Iterable[str]) -> None:
    """Tell the ledger what senders that are gone had no time for. Their logs go once that is committed, with ``drop``.

    What it has heard already changes nothing: a lease ends with its outcome.
    """
    for owner in owners if is_sqlite(engine) else ():
        with suppress(FileNotFoundError):
            *lines, _ = _path(engine, owner).read_text("ascii", "replace").split("\n")  # what has no end was cut off
            newest = {number: line for line in lines if (number := _id(line)) is not None}
            write_encoded(connection, owner, newest.values())


def drop(engine: Engine, owners: Iterable[str]) -> None:
    for owner in owners:
        _path(engine, owner).unlink(missing_ok=True)


def _path(engine: Engine, owner: str) -> Path:
    return lock_folder(engine) / f"{owner}.outcomes"


def _id(line: str) -> int | None:
    """None for what a power cut left of a line."""
    try:
        return int(json.loads(line)[0])
    except (ValueError, LookupError, TypeError):
        return None
