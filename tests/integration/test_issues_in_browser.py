"""The mail in a real browser: nothing overflows and everything can be read, on phones, in the dark, without styles."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from newsletter.deliveries.letters import words_of
from tests.mail_pictures import LOOKS, WIDTHS, looking
from tests.unit.deliveries.test_letters import SENDER, VALUES
from tests.unit.issues.mails import NAMES, mail, week
from tests.unit.issues.weeks import WEEKS

LONG = pytest.mark.long

pytestmark = [pytest.mark.browser]

# Every visible text with the colours that are behind it; a WCAG contrast for each. Where the page is turned round, so
# are the colours, as the filters invert(1) and hue-rotate(180deg) do it (Filter Effects 1, 9.6).
CONTRAST = """turned => {
  const round = ([r, g, b]) => [[-0.574, 1.43, 0.144], [0.426, 0.43, 0.144], [0.426, 1.43, -0.856]]
    .map(row => row[0] * (255 - r) + row[1] * (255 - g) + row[2] * (255 - b)).map(c => Math.min(Math.max(c, 0), 255));
  const channels = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const luminance = colour => (turned ? round(colour) : colour.slice(0, 3)).map(c => c / 255)
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


def opened(chromium: Browser, name: str, look: str, width: int) -> Page:
    page = chromium.new_page(viewport={"width": width, "height": 900})
    page.set_content(looking(mail(name).html, look))
    return page


@pytest.mark.parametrize(
    "name", [name if not name.startswith("hostile") else pytest.param(name, marks=LONG) for name in NAMES]
)
@pytest.mark.parametrize("look", LOOKS)
def test_nothing_overflows_and_every_text_can_be_read(chromium: Browser, name: str, look: str) -> None:
    page = opened(chromium, name, look, WIDTHS[0])
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width
        found: list[Any] = page.evaluate(CONTRAST, look == "inverted")
        assert found == [], width
    page.close()


@pytest.mark.parametrize(
    ("name", "look"),
    [
        (name, look) if look == "light" or (name, look) == ("usual", "dark") else pytest.param(name, look, marks=LONG)
        for name in WEEKS
        for look in LOOKS
    ],
)
def test_axe_finds_nothing(chromium: Browser, name: str, look: str) -> None:
    page = opened(chromium, name, look, 600)
    found = Axe().run(page).response["violations"]
    page.close()
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []


@pytest.mark.parametrize("kind", ["confirm", "welcome", "notice"])
def test_letters_fit_a_phone_whatever_stands_in_them_and_axe_finds_nothing(chromium: Browser, kind: str) -> None:
    long = {"latest": week("hostile usual"), "paragraphs": ["https://feed.example/" + "x" * 300]}
    page = chromium.new_page(viewport={"width": 320, "height": 900})
    page.set_content(words_of(kind, SENDER, VALUES[kind] | long).html)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert page.evaluate(CONTRAST, False) == []
    found = Axe().run(page).response["violations"]
    page.close()
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []


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
