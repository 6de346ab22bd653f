"""The public pages with 10,000 tools in SQLite, asked of the app itself: median milliseconds by the clock and of CPU.

``python -m tests.benchmarks.pages`` prints how long the import takes, twice, and then each page. On a busy machine the
CPU's figures are those that mean something.
"""

import asyncio
import json
import random
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from db.engine import make_engine
from db.migrate import migrate
from newsletter import settings as settings_module
from newsletter.clock import Clock
from newsletter.tools.import_tools import import_tools
from newsletter.web.app import create_app

TOOLS, ROUNDS = 10_000, 30
NOW = datetime(2026, 11, 18, 9, 0, tzinfo=UTC)
PANEL = ("builder", "skeptic", "futurist", "founder", "creator")
CATEGORIES = ("Developer Tools", "Video", "Writing", "Data", "Agents", "Models")
WORDS = ("agent", "code", "model", "video", "voice", "note", "search", "index", "cloud", "fast", "data", "graph")
PAGES = (
    "/", "/tools", "/tools?sort=community", "/tools?sort=newest", "/tools?q=agent", "/tools?q=agent+voice",
    "/tools?q=tool-9999", "/tools?q=nothing-like-it", "/tools?category=Video&call=split",
    "/tools?call=ship&sort=newest",
    "/tools/tool-55", "/compare/tool-55-vs-tool-9000", "/issues", "/about", "/bookmarks", "/feed.atom", "/sitemap.xml",
)  # fmt: skip


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


async def _measure(app: Any) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
        for path in PAGES:
            taken, worked = [], []
            for _ in range(ROUNDS):
                began, idle = time.perf_counter(), time.process_time()
                answer = await client.get(path)
                taken.append((time.perf_counter() - began) * 1000)
                worked.append((time.process_time() - idle) * 1000)
                assert answer.status_code == 200, path
            figures = f"{statistics.median(taken):7.1f} ms  {statistics.median(worked):7.1f} ms of CPU"
            print(f"{path:<36} {figures}  {len(answer.content):>8,} bytes")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/newsletter.db"
        environment = {"NEWSLETTER_DATABASE_URL": url, "NEWSLETTER_SECRET_KEY": "a-key-for-benchmarks-alone"}
        settings = settings_module.load(environment, Path(folder))
        engine = make_engine(url)
        migrate(engine, NOW)
        text = catalogue()
        for what in ("import of 10,000 tools", "import of the same again"):
            began, idle = time.perf_counter(), time.process_time()
            import_tools(engine, text, NOW)
            figures = f"{time.perf_counter() - began:7.1f} s   {time.process_time() - idle:7.1f} s of CPU"
            print(f"{what:<36} {figures}")
        asyncio.run(_measure(create_app(settings, engine, Clock(NOW, running=False))))
        engine.dispose()


if __name__ == "__main__":
    main()
