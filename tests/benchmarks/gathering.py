"""200 feeds of 50 entries on loopback: the first round reads them all, the second is all 304.

``python -m tests.benchmarks.gathering`` prints seconds, and the peak memory of this process and its readers together.
"""

import contextlib
import resource
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from db.engine import make_engine
from db.migrate import migrate
from newsletter import settings as settings_module
from newsletter.clock import Clock
from newsletter.feeds.fetch import fetch_feeds
from newsletter.feeds.watch import Watch, watch_feeds
from newsletter.releases.collect import collect_releases

FEEDS, ENTRIES = 200, 50
NOW = datetime(2026, 11, 18, 9, 0, tzinfo=UTC)
_TEXT = "It reads what a team writes and answers with the page that says so. <b>Free</b> for small teams. " * 12


def feed(number: int) -> bytes:
    """An RSS feed as launch sites write them, about 80 KB."""
    items = "".join(
        f"<item><title>Tool {number}-{i} – a helper for task {i}</title><link>https://t{number}-{i}.example.com/</link>"
        f"<guid isPermaLink='false'>{number}:{i}</guid><pubDate>{format_datetime(NOW - timedelta(hours=i))}</pubDate>"
        f"<description><![CDATA[<p>{_TEXT}</p>]]></description></item>"
        for i in range(ENTRIES)
    )
    return (
        f"<?xml version='1.0'?><rss version='2.0'><channel><title>Feed {number}</title>{items}</channel></rss>".encode()
    )


class _Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = feed(int(self.path.strip("/")))
        tag = f'"{sha256(body).hexdigest()[:16]}"'
        unchanged = self.headers.get("If-None-Match") == tag
        self.send_response(304 if unchanged else 200)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", "0" if unchanged else str(len(body)))
        self.end_headers()
        if not unchanged:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    """Serve from another process, so that its memory and time are not ours."""
    if "--serve" in sys.argv:
        serving = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
        print(serving.server_port, flush=True)
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        sys.stdin.read()
        return
    import subprocess

    with (
        subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.gathering", "--serve"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        ) as server,
        tempfile.TemporaryDirectory() as folder,
    ):  # fmt: skip
        assert server.stdout is not None
        measure(int(server.stdout.readline()), Path(folder))
        assert server.stdin is not None
        server.stdin.close()


def measure(port: int, folder: Path) -> None:
    given = {"NEWSLETTER_DATABASE_URL": f"sqlite:///{folder}/bench.db", "NEWSLETTER_FETCH_PRIVATE": "true"}
    settings = settings_module.load(given, folder)
    engine = make_engine(settings.database_url)
    migrate(engine, NOW)
    watch_feeds(engine, [Watch(f"http://127.0.0.1:{port}/{number}") for number in range(FEEDS)], NOW)
    readers: dict[int, int] = {}
    threading.Thread(target=watch_readers, args=(readers,), daemon=True).start()
    for name, at in (("first round", NOW), ("second round, all 304", NOW + timedelta(days=1))):
        began = time.monotonic()
        fetched = fetch_feeds(engine, settings, Clock(at))
        middle = time.monotonic()
        collected = collect_releases(engine, settings, Clock(at))
        done = time.monotonic()
        states = sorted({result.status for result in fetched.feeds})
        print(f"{name}: {done - began:.1f} s (fetching {middle - began:.1f}, collecting {done - middle:.1f}), "
              f"{collected.new_releases} new releases, feeds {', '.join(states)}")  # fmt: skip
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    largest = sorted(readers.values())[-2:]
    print(
        f"peak memory: {own // 1024} MB here, {' and '.join(f'{size // 1024} MB' for size in largest)} in the readers"
    )
    engine.dispose()


def watch_readers(peaks: dict[int, int]) -> None:
    """Kilobytes by process, of the processes that this one started; what getrusage says of children counts the moment
    before they became readers too."""
    while True:
        for listed in Path("/proc/self/task").glob("*/children"):
            with contextlib.suppress(OSError, StopIteration):
                for child in map(int, listed.read_text().split()):
                    lines = Path(f"/proc/{child}/status").read_text().splitlines()
                    peaks[child] = int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
        time.sleep(0.1)


if __name__ == "__main__":
    main()
