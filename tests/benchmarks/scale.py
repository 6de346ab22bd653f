"""What an issue costs as its list grows: publishing in one statement, and sending with flat cost and memory."""

import sys
import tempfile
import time
from pathlib import Path

from db.engine import make_engine
from newsletter import settings as settings_module
from newsletter.issues.publish import publish_issue
from tests.benchmarks.sending import OFFERS, installation, ours, sink
from tests.integration.sending import NOW, WEEK


def publishing(folder: Path, count: int) -> float:
    """Seconds that fixing so many recipients takes on SQLite."""
    environ = installation(folder, count)
    engine = make_engine(environ["NEWSLETTER_DATABASE_URL"])
    settings = settings_module.load(environ, folder)
    began = time.perf_counter()
    report = publish_issue(engine, WEEK, settings, NOW)
    seconds = time.perf_counter() - began
    engine.dispose()
    assert report.recipients == count
    return seconds


def main(largest: int = 1_000_000) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = 1000
        with sink(folder, *OFFERS) as port:
            while count <= min(largest, 100_000):
                print(ours(folder / f"send{count}", count, port, name=f"sending to {count:,}"))
                count *= 10
        print(f"publishing to {largest:,}: {publishing(folder / 'publish', largest):.1f} s")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
