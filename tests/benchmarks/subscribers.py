"""1,000,000 subscribers in SQLite: the import, one-click unsubscribing, and the subscriber pages among them.

``python -m tests.benchmarks.subscribers [ROWS]`` prints rows a second, the peak memory of the importing process, and
the median time of each page over HTTP.
"""

import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from db.engine import make_engine, reading
from db.keys import newest_link_key
from db.migrate import migrate
from newsletter import settings as settings_module
from newsletter.clock import Clock, real_now
from newsletter.subscribers.tokens import Link, sign_link
from newsletter.web.app import create_app
from tests.fakes.running_app import RunningApp

ROWS = 1_000_000
TURNS = 200
KEY = "a-key-that-only-benchmarks-know"


def lines(rows: int) -> Iterator[str]:
    yield "email,name,consent_at,consent_source,categories\n"
    for number in range(rows):
        chosen = "Developer Tools;Agents" if number % 3 == 0 else ""
        domain = f"mail{number % 997}.example.com"
        yield f"reader{number}@{domain},Reader {number},2026-03-01T10:00:00Z,the old list,{chosen}\n"


def measure_import(folder: Path, rows: int) -> None:
    file = folder / "readers.csv"
    with file.open("w") as out:
        out.writelines(lines(rows))
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "newsletter.cli.main", "subscribers", "import", str(file)],
        env=os.environ | {"NEWSLETTER_DATABASE_URL": f"sqlite:///{folder}/newsletter.db"},
        cwd=folder, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"import: {rows / seconds:,.0f} rows/s ({seconds:.1f} s, {used.ru_utime + used.ru_stime:.1f} CPU seconds)")
    print(f"import: peak memory {used.ru_maxrss / 1024:.0f} MB")


def median(ask: Callable[[int], httpx.Response], name: str) -> None:
    times = []
    for turn in range(TURNS):
        began = time.perf_counter()
        answer = ask(turn)
        times.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, answer.text
    print(f"{name}: median {statistics.median(times):.1f} ms, worst {max(times):.1f} ms")


def measure_pages(folder: Path, rows: int) -> None:
    url = f"sqlite:///{folder}/newsletter.db"
    settings = settings_module.load({"NEWSLETTER_DATABASE_URL": url, "NEWSLETTER_SECRET_KEY": KEY}, folder)
    engine = make_engine(url)
    with reading(engine) as connection:
        key = newest_link_key(connection)
    tokens = [sign_link(Link(1 + turn * (rows // TURNS)), *key) for turn in range(TURNS)]
    app = create_app(settings, engine, Clock())
    with RunningApp(app) as running, httpx.Client(base_url=running.url, trust_env=False) as web:
        median(lambda turn: web.get("/"), "GET /")
        median(lambda turn: web.get(f"/preferences/{tokens[turn]}"), "GET /preferences")
        median(lambda turn: web.post(f"/preferences/{tokens[turn]}", data={"category": "Agents"}), "POST /preferences")
        one_click = {"List-Unsubscribe": "One-Click"}
        median(lambda turn: web.post(f"/unsubscribe/{tokens[turn]}", data=one_click), "one-click unsubscribe")
        median(lambda turn: web.post("/subscribe", data={"email": f"new{turn}@example.org"}), "POST /subscribe")
    engine.dispose()


def main(arguments: list[str]) -> None:
    rows = int(arguments[0]) if arguments and re.fullmatch(r"\d+", arguments[0]) else ROWS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine = make_engine(f"sqlite:///{folder}/newsletter.db")
        migrate(engine, real_now())
        engine.dispose()
        measure_import(folder, rows)
        measure_pages(folder, rows)


if __name__ == "__main__":
    main(sys.argv[1:])
