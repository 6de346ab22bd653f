"""SQLite's write-ahead log: what was deleted stays in it until a checkpoint."""

from sqlalchemy import Engine

from db.engine import PATIENCE, is_sqlite

_WAIT_MS = 200  # a checkpoint waits for readers as long as a writer would; a page that erases cannot


def empty_the_log(engine: Engine) -> bool:
    """Write the log into the database and cut it to nothing; True when done, or where there is none.

    False while a reader or writer holds it. `secure_delete` has overwritten what was deleted in the database itself.
    """
    if not is_sqlite(engine):
        return True
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_WAIT_MS}")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        busy, _, _ = cursor.fetchone() or (0, 0, 0)
        cursor.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000:.0f}")
        cursor.close()
        return not busy
    finally:
        raw.close()
