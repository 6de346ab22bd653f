"""Takes the README's pictures from the demo: ``python -m tests.pictures`` (needs Chromium)."""

import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser

from tests.chromium import chromium_at, find_chromium

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"


def main() -> None:
    command = [sys.executable, "-m", "newsletter.cli.main", "demo", "--port", "0", "--smtp-port", "0"]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert demo.stdout is not None
        address = next(found[1] for line in demo.stdout if (found := re.search(r"(http://\S+)/demo", line)))
        with chromium_at(find_chromium()) as browser:
            take(browser, f"{address}/demo/inbox/0001/html", "mail", 640, 1400)
            take(browser, f"{address}/compare/corvid-7b-vs-corvid-34b", "comparison", 1040, 1400)
    finally:
        demo.terminate()
        demo.wait(30)


def take(browser: Browser, address: str, name: str, width: int, height: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": height})
    page.goto(address)
    page.screenshot(path=FOLDER / f"{name}.png")
    page.close()


if __name__ == "__main__":
    main()
