"""The embedded database as one file: copied while it is written to, checked, and put back.

A backup is a SQLite database that any tool opens, followed by a seal: a line of ours and the SHA-256 of all before it.
SQLite does not look at what stands behind its last page, so the seal is in nobody's way, and a backup that lost its end
on its way, or a single bit, is told from a whole one.
"""

import hashlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path

_SEAL = b"\nweekly-verdicts backup sha256="
_SEAL_LENGTH = len(_SEAL) + 64 + 1
_CHUNK = 1 << 20
# Of these columns every schema since the first has all.
SAME_KEY = """
    SELECT (SELECT secret FROM main.keys WHERE purpose = 'addresses' ORDER BY id LIMIT 1)
        = (SELECT secret FROM old.keys WHERE purpose = 'addresses' ORDER BY id LIMIT 1)
"""


class BadBackup(ValueError):
    """The file is no whole backup; the words finish "FILE …"."""


def may_replace(path: Path) -> bool:
    """A backup and an empty file give way to a newer one, and nothing else: to root anything could be replaced."""
    size = path.stat().st_size
    return size == 0 or _end(path, size).startswith(_SEAL)


def is_of(backup: Path, database: Path) -> bool:
    """Whether it is a backup of this database's installation; no, where it cannot be read."""
    try:
        if not _end(backup, backup.stat().st_size).startswith(_SEAL):
            return False
        with closing(sqlite3.connect(read_only(backup), uri=True)) as connection:
            return attach_its_own(connection, database)
    except (sqlite3.Error, OSError):
        return False


def is_anothers(backup: Path, database: Path) -> bool:
    """Whether it is a backup of another installation than this database's; no, where either cannot be read."""
    try:
        with closing(sqlite3.connect(f"{read_only(backup)}&immutable=1", uri=True)) as connection:
            return _attach(connection, database) is False
    except sqlite3.Error:
        return False


def attach_its_own(connection: sqlite3.Connection, database: Path) -> bool:
    """Attach another database as ``old``, and tell whether both are one installation's. No, where it cannot be read."""
    return _attach(connection, database) is True


def _attach(connection: sqlite3.Connection, database: Path) -> bool | None:
    """The same, but None where it cannot be read: `init` makes a key, under which addresses are hashed, for each."""
    try:
        connection.execute("ATTACH DATABASE ? AS old", (read_only(database),))
        found = connection.execute(SAME_KEY).fetchone()[0]
    except sqlite3.Error:
        return None
    return None if found is None else bool(found)


def copy_out(database: Path, target: Path) -> str:
    """Write a sealed copy of a database, as it stands at one instant, to a new file; returns its schema revision.

    Writers go on meanwhile. Raises sqlite3.Error and OSError; the target is then not there.
    """
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.close(handle)
    try:
        with (
            closing(sqlite3.connect(read_only(database), uri=True)) as source,
            closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
            revision = _revision(copy)
        seal(target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return revision


def seal(path: Path) -> None:
    """Append the seal and make sure that all of it has reached the disk."""
    digest = _digest(path, path.stat().st_size)
    with path.open("ab") as file:
        file.write(_SEAL + digest.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def check(path: Path) -> str:
    """The schema revision of a whole backup. Raises BadBackup for anything else, OSError where it cannot be read."""
    size = path.stat().st_size
    end = _end(path, size)
    if not end.startswith(_SEAL):
        raise BadBackup("is no backup made by `newsletter backup`, or its end is missing")
    if _digest(path, size - _SEAL_LENGTH) != end[len(_SEAL) : -1].decode("ascii", "replace"):
        raise BadBackup("is damaged: its contents are not what was backed up")
    try:
        with closing(sqlite3.connect(f"{read_only(path)}&immutable=1", uri=True)) as backup:
            if backup.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
                raise BadBackup("is damaged: SQLite finds its pages inconsistent")
            return _revision(backup)
    except sqlite3.DatabaseError:
        raise BadBackup("holds no newsletter database") from None


def _end(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, size - _SEAL_LENGTH))
        return file.read(_SEAL_LENGTH)


def unpack(backup: Path, target: Path) -> None:
    """Write a checked backup to a new file, as a database to work on; folder and file are for their owner alone.

    Raises sqlite3.Error and OSError; the target is then not there.
    """
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        _pour(f"{read_only(backup)}&immutable=1", target)
    except BaseException:
        remove(target)
        raise


def put_back(restored: Path, database: Path) -> None:
    """Replace the contents of a database by those of another, in one transaction.

    Connections that others hold stay valid and see the restored contents. A file there that is no database any more is
    set aside as ``….broken``. Raises sqlite3.OperationalError when somebody else is writing; a file that was not there
    before is then not there.
    """
    if database.is_file() and not _opens(database):
        os.replace(database, database.with_name(f"{database.name}.broken"))
        for rest in ("-wal", "-shm"):
            database.with_name(database.name + rest).unlink(missing_ok=True)
    is_new = not database.exists()
    os.close(os.open(database, os.O_RDWR | os.O_CREAT, 0o600))
    try:
        _pour(read_only(restored), database)
    except BaseException:
        if is_new:
            remove(database)
        raise


def remove(database: Path) -> None:
    """A database with what SQLite keeps beside it. A read-only disk refuses to remove even what is not there."""
    for rest in ("", "-wal", "-shm", "-journal"):
        path = database.with_name(database.name + rest)
        if path.exists():
            path.unlink()


def read_only(database: Path) -> str:
    """The URI by which SQLite opens a file and never writes to it."""
    return f"file:{_quoted(database)}?mode=ro"


def _pour(source_uri: str, database: Path) -> None:
    with (
        closing(sqlite3.connect(source_uri, uri=True)) as source,
        closing(sqlite3.connect(database, timeout=10)) as target,
    ):
        target.execute("PRAGMA journal_mode = WAL")
        source.backup(target)
        target.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _opens(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        return True  # locked, not broken
    except sqlite3.DatabaseError:
        return False
    return True


def _revision(connection: sqlite3.Connection) -> str:
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if row is None:
        raise sqlite3.DatabaseError("no schema revision")
    return str(row[0])


def _digest(path: Path, length: int) -> str:
    digest, left = hashlib.sha256(), length
    with path.open("rb") as file:
        while left > 0 and (chunk := file.read(min(_CHUNK, left))):
            digest.update(chunk)
            left -= len(chunk)
    return digest.hexdigest()


def _quoted(path: Path) -> str:
    return path.absolute().as_posix().replace("%", "%25").replace("?", "%3f").replace("#", "%23")
