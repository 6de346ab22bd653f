"""What readers wait for, with 10,000 tools, an issue and 1,000,000 subscribers in one database.

``python -m tests.benchmarks.readers [ROWS] [postgres]`` prints how fast tools and subscribers come in and in how much
memory, and then, over HTTP from `newsletter serve`, the median and the worst of each page. Where PostgreSQL is asked
for, a server of its own runs beside.
"""

import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Engine

from db.engine import make_engine, reading
from db.keys import newest_link_key
from db.migrate import migrate
from db.tools import tool_by_slug
from newsletter import settings as settings_module
from newsletter.issues.approve import approve_issue
from newsletter.issues.publish import publish_issue
from newsletter.subscribers.tokens import Link, sign_link, sign_tool
from newsletter.tools.import_tools import import_tools
from tests.conftest import complete_environment
from tests.databases import PostgresServer, find_postgres
from tests.fakes.sample_week import NOW, PANEL, WEEK, set_out

ROWS, TOOLS = 1_000_000, 10_000
ROUNDS = 40
COMMAND = [sys.executable, "-m", "newsletter.cli.main"]
CATEGORIES = ("Developer Tools", "Video", "Writing", "Data", "Agents", "Models")
WORDS = ("agent", "code", "model", "video", "voice", "note", "search", "index", "cloud", "fast", "data", "graph")
PAGES = (
    "/", "/tools", "/tools?sort=community", "/tools?sort=newest", "/tools?q=agent", "/tools?q=agent+voice",
    "/tools?q=tool-9999", "/tools?q=nothing-like-it", "/tools?category=Video&call=split",
    "/tools?call=ship&sort=newest", "/tools/tool-55", "/tools/curly", "/compare/tool-55-vs-tool-9000", "/issues",
    f"/issues/{WEEK}", f"/issues/{WEEK}.txt", "/about", "/bookmarks", "/subscribe", "/embed", "/feed.atom",
    "/feed.json", "/sitemap.xml", "/nothing-here",
)  # fmt: skip


@contextmanager
def database(folder: Path, kind: str) -> Iterator[str]:
    if kind != "postgres":
        url = f"sqlite:///{folder}/newsletter.db"
        engine = make_engine(url)
        migrate(engine, NOW)
        engine.dispose()
        yield url
        return
    programs = find_postgres()
    assert programs is not None, "PostgreSQL is not installed"
    with PostgresServer(programs) as server:
        yield server.new_database(NOW)


def catalogue() -> str:
    """Tools as wide as real ones, about 2 KB each with their takes; always the same."""
    chance = random.Random(1)
    return json.dumps({"tools": [_tool(number, chance) for number in range(TOOLS)]})


def _tool(number: int, chance: random.Random) -> dict[str, Any]:
    takes = [
        {"panelist": panelist, "score": chance.randrange(101), "call": chance.choice(("ship", "skip")),
         "text": _text(chance, 30)}
        for panelist in PANEL
        if chance.random() < 0.8
    ]  # fmt: skip
    name = f"{_text(chance, 2).title()} {number}"
    return {
        "slug": f"tool-{number}", "name": name, "tagline": _text(chance, 8), "description": _text(chance, 120),
        "url": f"https://t{number}.example/", "aliases": [f"{name} Pro"], "category": chance.choice(CATEGORIES),
        "pricing": "Free", "takes": takes, "votes": {"ship": chance.randrange(50), "skip": chance.randrange(50)},
    }  # fmt: skip


def _text(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(WORDS, k=words))


def readers(rows: int) -> Iterator[str]:
    yield "email,name,consent_at,consent_source,categories\n"
    for number in range(rows):
        chosen = "Developer Tools;Agents" if number % 3 == 0 else ""
        domain = f"mail{number % 997}.example.com"
        yield f"reader{number}@{domain},Reader {number},2026-03-01T10:00:00Z,the old list,{chosen}\n"


def measure_imports(engine: Engine, folder: Path, environment: dict[str, str], rows: int) -> None:
    began = time.perf_counter()
    import_tools(engine, catalogue(), NOW)
    print(f"import of {TOOLS:,} tools: {time.perf_counter() - began:.1f} s")
    file = folder / "readers.csv"
    with file.open("w") as out:
        out.writelines(readers(rows))
    began, idle = time.perf_counter(), os.times()
    command = [*COMMAND, "subscribers", "import", str(file)]
    with subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL) as running:
        most = _memory_of(running)
    seconds, busy = time.perf_counter() - began, os.times()
    worked = busy.children_user + busy.children_system - idle.children_user - idle.children_system
    assert running.returncode == 0
    print(f"import of {rows:,} subscribers: {rows / seconds:,.0f} rows/s, {worked:.1f} s of CPU, {most:.0f} MB at most")


def _memory_of(running: "subprocess.Popen[bytes]") -> float:
    """The most that a process held until it ended, in MB (Linux)."""
    most = 0.0
    while running.poll() is None:
        with suppress(OSError):
            found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{running.pid}/status").read_text())
            most = max(most, int(found[1]) / 1024 if found else 0)
        time.sleep(0.1)
    return most


def measure_pages(web: httpx.Client, engine: Engine, rows: int) -> None:
    for path in PAGES:
        timed(lambda _, path=path: web.get(path), path, 404 if path == "/nothing-here" else 200)  # type: ignore[misc]
    with reading(engine) as connection:
        key = newest_link_key(connection)
        tool = tool_by_slug(connection, "tool-55")
    assert tool is not None
    tokens = [sign_link(Link(10 + turn * (rows // ROUNDS)), *key) for turn in range(ROUNDS)]
    vote = sign_tool(tool.id, *key)
    one_click = {"List-Unsubscribe": "One-Click"}
    timed(lambda turn: web.get(f"/preferences/{tokens[turn]}"), "GET /preferences")
    timed(lambda turn: web.post(f"/preferences/{tokens[turn]}", data={"category": "Agents"}), "POST /preferences")
    timed(lambda turn: web.get(f"/preferences/{tokens[turn]}/export"), "GET …/export")
    timed(lambda turn: web.get(f"/vote/{tokens[turn]}.{vote}"), "GET /vote")
    timed(lambda turn: web.post(f"/vote/{tokens[turn]}.{vote}", data={"call": "ship"}), "POST /vote")
    timed(lambda turn: web.post(f"/bookmark/{tokens[turn]}.{vote}"), "POST /bookmark")
    timed(lambda turn: web.get(f"/unsubscribe/{tokens[turn]}"), "GET /unsubscribe")
    timed(lambda turn: web.post(f"/unsubscribe/{tokens[turn]}", data=one_click), "one-click unsubscribe")
    timed(lambda turn: web.post("/subscribe", data={"email": f"new{turn}@example.org"}), "POST /subscribe")
    timed(lambda turn: web.post(f"/preferences/{tokens[turn]}/erase"), "POST …/erase")


def timed(ask: Callable[[int], httpx.Response], name: str, status: int = 200) -> None:
    times, size = [], 0
    for turn in range(ROUNDS):
        began = time.perf_counter()
        answer = ask(turn)
        times.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == status, (name, answer.status_code)
        size = len(answer.content)
    print(f"{name:<34} median {statistics.median(times):6.1f} ms, worst {max(times):6.1f} ms, {size:>9,} bytes")


@contextmanager
def serving(folder: Path, environment: dict[str, str]) -> Iterator[httpx.Client]:
    command = [*COMMAND, "serve", "--port", "8769", "--no-scheduler"]
    serve = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url="http://127.0.0.1:8769", trust_env=False, timeout=60) as web:
            _until_up(web)
            yield web
    finally:
        serve.terminate()
        serve.wait(30)


def _until_up(web: httpx.Client) -> None:
    for _ in range(300):
        try:
            web.get("/healthz")
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError("newsletter serve did not come up")


def main(arguments: tuple[str, ...] = ()) -> None:
    rows = next((int(word) for word in arguments if word.isdecimal()), ROWS)
    with tempfile.TemporaryDirectory() as name, database(Path(name), arguments[-1] if arguments else "") as url:
        folder = Path(name)
        settings = settings_module.load(complete_environment(url), folder)
        engine = make_engine(url)
        set_out(engine, settings)
        approve_issue(engine, WEEK, "ed@example.com", settings, NOW)
        publish_issue(engine, WEEK, settings, NOW)
        environment = os.environ | complete_environment(url)
        measure_imports(engine, folder, environment, rows)
        with serving(folder, environment) as web:
            measure_pages(web, engine, rows)
        engine.dispose()


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
