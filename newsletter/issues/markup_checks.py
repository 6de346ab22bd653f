"""What the finished HTML of an issue shows: its size, its colours, its pictures, and what clients drop of it."""

import re
from html.parser import HTMLParser

from newsletter.issues import budget
from newsletter.issues.content import Rendered
from newsletter.issues.css_support import unsupported
from newsletter.issues.findings import Finding
from newsletter.issues.theme import LEAST_CONTRAST, contrast, turned

MOST_STYLES = 12_000
_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.S)
# Gmail drops a whole block of styles for one of these.
_DROPS_ALL = re.compile(r"var\(|--[a-z]|position\s*:|rgba?\([^)]*/")
_COLOUR = re.compile(r"#[0-9a-f]{6}", re.I)
_VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})


def check_rendered(rendered: Rendered) -> list[Finding]:
    html = "".join(block.html for block in rendered.blocks)
    return [*_check_size(rendered), *_check_styles(html), *_check_images(html), *_check_contrast(html)]


def _check_size(rendered: Rendered) -> list[Finding]:
    size = max(budget.sizes(rendered.blocks, rendered.placeholder))
    if size < budget.LIMIT:
        return []
    message = f"The HTML has {size:,} bytes, more than {budget.LIMIT:,}; Gmail would clip it."
    return [Finding("error", "size", message, "Shorten the intro and the notes, or drop some items.")]


def _check_styles(html: str) -> list[Finding]:
    found = [
        Finding("warning", "style", f"{clients} drop {feature}.", "Take it out of templates/email.")
        for feature, clients in unsupported(html)
    ]
    styles = " ".join(_STYLE.findall(html))
    if len(styles) >= MOST_STYLES:
        message = f"The style sheets have {len(styles):,} characters; Gmail drops those above {MOST_STYLES:,}."
        found.append(Finding("error", "style", message, "Shorten templates/email."))
    if dropped := _DROPS_ALL.search(styles):
        message = f"Gmail drops a style sheet that holds {dropped[0]!r}."
        found.append(Finding("error", "style", message, "Take it out of templates/email."))
    return found


def _check_images(html: str) -> list[Finding]:
    found = []
    for image in re.findall(r"<img\b[^>]*>", html):
        lacks = [name for name in ("alt", "width", "height") if not re.search(rf'\b{name}="[^"]+"', image)]
        if lacks:
            message = f"{image[:80]} has no {' and no '.join(lacks)}."
            found.append(Finding("error", "images", message, "Give it words and sizes."))
    return found


def _check_contrast(html: str) -> list[Finding]:
    """Of every text in light and under forced inversion; the author's dark is the theme's (theme.unreadable)."""
    walk = _Colours()
    walk.feed(html)
    return [
        Finding(
            "error",
            "contrast",
            f"“{words}” has a contrast of {found:.1f} : 1 {look}, and text needs {LEAST_CONTRAST} : 1.",
            "Change the colours.",
        )
        for (ink, ground), words in walk.pairs.items()
        for look, found in (
            ("in light", contrast(ink, ground)),
            ("under inversion", contrast(turned(ink), turned(ground))),
        )
        if found < LEAST_CONTRAST
    ]


class _Colours(HTMLParser):
    """Which colours texts have, and what is behind them, by inline styles; with the first such text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pairs: dict[tuple[str, str], str] = {}
        self._open: list[tuple[str, str, str, bool]] = [("", "#000000", "#ffffff", True)]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            return
        given = dict(attrs)
        declared = [part.partition(":") for part in (given.get("style") or "").lower().split(";")]
        style = {name.strip(): value.strip() for name, _, value in declared}
        _, ink, ground, shown = self._open[-1]
        behind = style.get("background-color") or style.get("background") or (given.get("bgcolor") or "").lower()
        shown = shown and style.get("display") != "none" and tag not in ("head", "style", "title")
        self._open.append((tag, _colour(style.get("color", ""), ink), _colour(behind, ground), shown))

    def handle_endtag(self, tag: str) -> None:
        if any(name == tag for name, *_ in self._open[1:]):
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        _, ink, ground, shown = self._open[-1]
        words = " ".join(data.split())
        if shown and words:
            self.pairs.setdefault((ink, ground), words[:60])


def _colour(value: str, otherwise: str) -> str:
    found = _COLOUR.search(value)
    return found[0].lower() if found else otherwise
