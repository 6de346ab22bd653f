"""The mail in a real browser: nothing overflows and everything can be read, on phones, in the dark, without styles.

``PICTURES=docs/pictures pytest tests/integration/test_issues_in_browser.py`` also renews the pictures of docs/mail.md.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.unit.issues.mails import NAMES, mail

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PICTURES = os.environ.get("PICTURES")
WIDTHS = (320, 600, 800)
SHOWN = {("usual", "light", 600), ("usual", "dark", 600), ("usual", "light", 320), ("usual", "dark", 320),
         ("usual", "inverted", 600), ("usual", "bare", 600), ("crowded", "light", 600), ("lonely", "light", 600),
         ("talkative", "light", 600), ("talkative", "light", 320), ("usual", "light", 800)}  # fmt: skip

# Every visible text with the colours that are behind it; a WCAG contrast for each.
CONTRAST = """() => {
  const channels = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, place) => sum + c * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, style = getComputedStyle(element);
    if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
    const [low, high] = [luminance(channels(style.color)), luminance(ground(element))].sort((a, b) => a - b);
    const contrast = (high + 0.05) / (low + 0.05);
    if (contrast < 4.5) found.push([contrast, style.color, walker.currentNode.data.trim().slice(0, 60)]);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed; install it to run this")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def opened(chromium: Browser, name: str, mode: str, width: int) -> Page:
    """The mail as a client shows it: ``bare`` strips every <style>, ``inverted`` turns the light one round."""
    html = mail(name).html
    if mode == "bare":
        html = re.sub(r"<style.*?</style>", "", html, flags=re.S)
    page = chromium.new_page(
        viewport={"width": width, "height": 900}, color_scheme="dark" if mode == "dark" else "light"
    )
    page.set_content(html)
    if mode == "inverted":
        page.add_style_tag(content="html{filter:invert(1) hue-rotate(180deg)}")
    if PICTURES and (name, mode, width) in SHOWN:
        path = Path(PICTURES) / f"mail-{name}-{mode}-{width}.jpeg"
        page.screenshot(path=path, full_page=True, type="jpeg", quality=45)
    return page


@pytest.mark.parametrize("name", NAMES)
def test_nothing_overflows_at_any_width_with_or_without_styles(chromium: Browser, name: str) -> None:
    for width in WIDTHS:
        for mode in ("light", "bare", "inverted"):
            page = opened(chromium, name, mode, width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (mode, width)
            page.close()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_every_text_can_be_read_on_what_is_behind_it(chromium: Browser, name: str, mode: str) -> None:
    for width in (320, 600):
        page = opened(chromium, name, mode, width)
        found: list[Any] = page.evaluate(CONTRAST)
        page.close()
        assert found == []


def test_buttons_can_be_hit_with_a_thumb(chromium: Browser) -> None:
    page = opened(chromium, "usual", "light", 320)
    for button in page.locator(".b a").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    page.close()


def test_the_pair_stands_side_by_side_and_stacks_on_a_phone(chromium: Browser) -> None:
    for width, side_by_side in ((600, True), (320, False)):
        page = opened(chromium, "usual", "light", width)
        left = page.locator("h3", has_text="Pocketform 2B").first.bounding_box()
        right = page.locator("h3", has_text="Inkwell Vision").first.bounding_box()
        page.close()
        assert left is not None
        assert right is not None
        assert (abs(left["y"] - right["y"]) < 5) == side_by_side


def test_a_bar_is_as_long_as_its_score(chromium: Browser) -> None:
    page = opened(chromium, "usual", "light", 600)
    filled, rest = page.locator(".k-ship").first.bounding_box(), page.locator(".t-ship").first.bounding_box()
    page.close()
    assert filled is not None
    assert rest is not None
    assert abs(100 * filled["width"] / (filled["width"] + rest["width"]) - 69) < 1
