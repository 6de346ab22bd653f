"""What an issue costs as its list grows: publishing in one statement, and sending with flat cost and memory."""

import sys
import tempfile
import time
from pathlib import Path

from db.engine import make_engine
from newsletter import settings as settings_module
from newsletter.issues.publish import publish_issue
from newsletter.subscribers.selections import Selection
from tests.benchmarks.sending import OFFERS, SEND, Measured, installation, ours, sink, timed
from tests.databases import PostgresServer, find_postgres
from tests.integration.sending import NOW, WEEK, subscribe

SIZE = 8_000
SELECTIONS = 30


def publishing(folder: Path, count: int, url: str = "") -> float:
    """Seconds that fixing so many recipients takes."""
    environ = installation(folder, count, SIZE, url)
    engine = make_engine(environ["NEWSLETTER_DATABASE_URL"])
    settings = settings_module.load(environ, folder)
    began = time.perf_counter()
    report = publish_issue(engine, WEEK, settings, NOW)
    seconds = time.perf_counter() - began
    engine.dispose()
    assert report.recipients == count
    return seconds


def growing(folder: Path, port: int, largest: int) -> None:
    """``more`` is what 1,000 more cost than the run before: it leaves the start out."""
    before: Measured | None = None
    count = min(1000, largest)
    while count <= largest:
        ran = ours(folder / f"send{count}", count, port, name=f"sending to {count:,}", size=SIZE)
        more = (ran.cpu - before.cpu) / (ran.messages - before.messages) * 1000 if before else ran.cpu_per_1000
        print(ran, f"{more:.3f} more  {ran.memory:.0f} MB", flush=True)
        before, count = ran, count * 10


def selections(folder: Path, port: int, count: int) -> None:
    """The same list with one selection and with thirty."""
    for many in (1, SELECTIONS):
        environ = installation(
            folder / f"selections{many}", 0, SIZE, NEWSLETTER_SMTP=f"smtp://127.0.0.1:{port}?tls=off"
        )
        engine = make_engine(environ["NEWSLETTER_DATABASE_URL"])
        for number in range(many):
            chosen = Selection(categories=("Developer Tools", f"Category {number}")).key()
            share = count // many
            subscribe(engine, share, selection=chosen, start=number * share)
        engine.dispose()
        print(timed(f"{many} selection(s), {count:,} messages", count, SEND, environ))


def main(largest: int = 1_000_000) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"publishing to {largest:,} on SQLite: {publishing(folder / 'publish', largest):.1f} s", flush=True)
        programs = find_postgres()
        if programs is not None:
            with PostgresServer(programs) as server:
                seconds = publishing(folder, largest, server.new_database(NOW))
                print(f"publishing to {largest:,} on PostgreSQL: {seconds:.1f} s", flush=True)
        with sink(folder, *OFFERS) as port:
            selections(folder, port, min(largest, 30_000))
            growing(folder, port, largest)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
