"""The copy of the embedded database that the service makes every night, in a folder that others may write to."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from db.backups import is_of
from newsletter.errors import NewsletterError
from scheduler.engine import Context

# Of several installations in one folder, all but the first number theirs.
_COPIES = ("????-??-??.db", "????-??-??.[0-9]*.db")
_LOOK_SECONDS = 1.0


def back_up(context: Context, due_at: datetime) -> Mapping[str, Any]:
    """Copy the embedded database into the folder of backups, and keep the newest copies. Those of other installations
    in that folder are left alone, whatever they are called."""
    from newsletter.operations import backup

    database = Path(str(context.engine.url.database))
    folder = context.settings.backups or database.with_name(f"{database.stem}-backups")
    with _folder_of_backups(context, folder):
        for left in folder.glob(".????-??-??.*.unfinished*"):  # by a service that was killed in the middle
            left.unlink()
        names = (f"{due_at:%Y-%m-%d}{number}.db" for number in ("", *(f".{other}" for other in range(2, 1000))))
        free = (name for name in names if not (folder / name).exists() or is_of(folder / name, database))
        report = backup.back_up(context.engine, folder / next(free), now=context.clock.now())
        others = sorted(
            path for rest in _COPIES for path in folder.glob(rest) if path != report.path and is_of(path, database)
        )
        for old in others[: max(len(others) - context.settings.backups_kept + 1, 0)]:
            old.unlink()
    return {"file": str(report.path), "bytes": report.bytes}


@contextmanager
def _folder_of_backups(context: Context, folder: Path) -> Iterator[None]:
    """Made where there is none. Another installation whose night is the same waits until this one is done there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        why = f"{error.strerror}; NEWSLETTER_BACKUPS names another"
        raise NewsletterError(f"the folder for backups, {folder}, cannot be used: {why}") from None
    try:
        with suppress(OSError):  # file systems of a network may have no locks
            while not _locked(handle):
                if context.stop.wait(_LOOK_SECONDS):
                    raise NewsletterError("the service stops while another installation backs up into the same folder")
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
