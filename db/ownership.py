"""Who owns a lease, and whether it still lives: a lock that the system drops with its process.

Every sending process holds a flock on a file of its own in the installation's lock folder (beside an SQLite file, in
the temporary folder for PostgreSQL), and on PostgreSQL an advisory lock too. A process of the same lock folder is gone
when its flock is free; a sender on another machine is gone when its advisory lock is free.
"""

import errno
import fcntl
import hashlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, Engine, delete, insert, select, text
from sqlalchemy.exc import DBAPIError

from db.engine import is_sqlite, transaction
from db.models import Sender


class Owner(NamedTuple):
    """``name`` stands in leases; ``lock`` is ``ID-OF-THE-LOCK-FOLDER/FILE``."""

    name: str
    lock: str


@contextmanager
def owner(engine: Engine, now: datetime) -> Iterator[Owner]:
    """Registers this process as a sender until the block ends, or the process does."""
    folder = lock_folder(engine)
    name = f"{os.getpid()}-{secrets.token_hex(6)}"
    path = folder / f"{name}.sender"
    handle = open_lock(path)
    held: Connection | None = None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        held = None if is_sqlite(engine) else _hold_advisory(engine, name)
        found = Owner(name, f"{folder_id(folder)}/{path.name}")
        with transaction(engine) as connection:
            connection.execute(insert(Sender).values(name=name, lock=found.lock, started_at=now, seen_at=now))
        yield found
    finally:
        # The lock goes first and whatever happens: what an owner left while its database was away must be free.
        path.unlink(missing_ok=True)
        os.close(handle)
        with suppress(DBAPIError), transaction(engine) as connection:
            connection.execute(delete(Sender).where(Sender.name == name))
        if held is not None:
            # The server notices a closed session a little later; let go at once where that can be said.
            with suppress(DBAPIError):
                held.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": _number(name)})
            with suppress(DBAPIError):
                held.close()


def gone_owners(connection: Connection, engine: Engine, among: set[str]) -> tuple[set[str], set[str]]:
    """Of the named owners: those that are certainly gone, and those that are gone as far as the database can see.

    The latter ran on another machine: they may be cut off and still sending, so their lease has to be past too.
    """
    known = connection.execute(select(Sender.name, Sender.lock).where(Sender.name.in_(among)))
    locks = {row.name: row.lock for row in known}
    folder = lock_folder(engine)
    ours = folder_id(folder)
    certainly, seemingly = set(), set()
    for name in among:
        home, _, file = locks.get(name, "").partition("/")
        if name not in locks:
            certainly.add(name)  # it left in good order, but a database that was away took no leave of its leases
        elif home == ours:
            # Systems sweep their temporary folder of what is older than some days, and a service lives for longer.
            swept = not is_sqlite(connection) and not (folder / file).exists()
            if _advisory_is_free(connection, name) if swept else _is_free(folder / file):
                certainly.add(name)
        elif is_sqlite(connection) or _advisory_is_free(connection, name):
            seemingly.add(name)
    return certainly, seemingly


def forget_gone(connection: Connection, engine: Engine) -> set[str]:
    """Forget the processes that were killed; their names. What they held is as free as before."""
    certainly, _ = gone_owners(connection, engine, set(connection.scalars(select(Sender.name))))
    connection.execute(delete(Sender).where(Sender.name.in_(certainly)))
    return certainly


def lock_folder(engine: Engine) -> Path:
    """Made where it is missing; private to this user. Raises PermissionError where it is somebody else's."""
    if is_sqlite(engine):
        folder = Path(f"{engine.url.database}-locks")
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            handle = os.open(folder, os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
            _hand_over(handle, Path(str(engine.url.database)))
            os.close(handle)
        return folder
    known = hashlib.sha256(f"{engine.url.host}:{engine.url.port}:{engine.url.database}".encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"newsletter-{os.getuid()}-{known}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.lstat().st_uid != os.getuid():  # anybody may make a folder there
        raise PermissionError(
            errno.EPERM, "belongs to another user; remove it, or name another temporary folder in TMPDIR", str(folder)
        )
    return folder


def open_lock(path: Path, flags: int = os.O_RDWR) -> int:
    """A file of the lock folder, made where it is missing, and the folder's owner's."""
    handle = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    if os.fstat(handle).st_nlink == 1:  # another name of it may be somewhere else
        _hand_over(handle, path.parent)
    return handle


def _hand_over(handle: int, to_owner_of: Path) -> None:
    """What root makes is for the service's user, as SQLite's own files are: a command that an operator ran as root once
    would keep the service from sending."""
    if os.geteuid() == 0:
        with suppress(OSError):  # the database is not there yet, or this root may give nothing away
            owner = to_owner_of.stat()
            if owner.st_uid != 0:
                os.chown(handle, owner.st_uid, owner.st_gid)


def folder_id(folder: Path) -> str:
    """Tells this lock folder from one of the same name on another machine or in another container."""
    path = folder / "id"
    try:
        return path.read_text("ascii")
    except FileNotFoundError:
        fresh = folder / f"id.{secrets.token_hex(8)}"
        with os.fdopen(open_lock(fresh, os.O_WRONLY), "w", encoding="ascii") as file:
            file.write(secrets.token_hex(8))
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
        return path.read_text("ascii")


def _is_free(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        path.unlink(missing_ok=True)
        return True
    finally:
        os.close(handle)


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)


def _hold_advisory(engine: Engine, name: str) -> Connection:
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    connection.detach()  # closing it must end its session, which a pool would keep, and with it the lock
    # Of a machine that lost its power or its line the server hears nothing: it asks, and lets the lock go after 90 s.
    for setting, seconds in (("idle", 60), ("interval", 10), ("count", 3)):
        connection.execute(text(f"SET tcp_keepalives_{setting} = {seconds}"))
    connection.execute(text("SELECT pg_advisory_lock(:number)"), {"number": _number(name)})
    return connection


def _advisory_is_free(connection: Connection, name: str) -> bool:
    free = connection.scalar(text("SELECT pg_try_advisory_xact_lock(:number)"), {"number": _number(name)})
    return bool(free)
