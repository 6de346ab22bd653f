"""What a mail's body has to satisfy, rule by rule, on four weeks, with plain and with hostile texts."""

import re
from itertools import pairwise

import pytest

from newsletter.issues.choosing import carries_tools
from newsletter.issues.theme import DARK, LIGHT
from newsletter.subscribers.selections import Selection
from tests.unit.issues.mails import NAMES, Element, comments, mail, rendered, tree, week

pytestmark = pytest.mark.parametrize("name", NAMES)

FOLLOWS_ALL = Selection(panelists=("builder", "creator", "founder", "futurist", "skeptic"))


def body(name: str) -> Element:
    return tree(mail(name).html)


def styles(name: str) -> str:
    return " ".join(re.findall(r"<style[^>]*>(.*?)</style>", mail(name).html, re.S))


def test_text_comes_first_and_html_last(name: str) -> None:
    parts = list(mail(name).parsed.iter_parts())
    assert mail(name).parsed.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert all(part.get_content_charset() == "utf-8" for part in parts)


def test_who_asked_for_text_gets_text_alone(name: str) -> None:
    found = mail(name, format="text")
    assert found.parsed.get_content_type() == "text/plain"
    assert found.text.strip() == mail(name).text.strip()


def test_the_message_is_seven_bit_and_its_lines_are_short(name: str) -> None:
    raw = mail(name).raw
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_the_plain_part_is_wrapped_and_has_no_entities_or_markup(name: str) -> None:
    text = mail(name).text
    long = [line for line in text.splitlines() if len(line) > 78 and not re.fullmatch(r"\s*https?://\S+", line)]
    assert long == []
    if not name.startswith("hostile"):
        assert not re.search(r"&\w+;|&#\d+;|</?\w", text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)


def test_every_item_stands_in_both_parts_with_its_verdict_and_a_link(name: str) -> None:
    values, found = week(name), mail(name)
    words, flat = tree(found.html).words, " ".join(found.text.split())
    links = {link.attributes["href"] for link in tree(found.html).all("a")}
    for tool in values.items:
        address = f"https://news.example.com/tools/{tool.slug}"
        assert address in links
        assert address in found.text
        assert " ".join(tool.name.split())[:60] in words
        assert tool.verdict.counts in words
        assert tool.verdict.counts in flat


def test_the_first_forty_of_also_released_are_named_and_the_rest_are_counted(name: str) -> None:
    values, words = week(name), body(name).words
    for tool in values.also[:40]:
        assert " ".join(tool.name.split())[:60] in words
    if len(values.also) > 40:
        assert f"{len(values.also) - 40} more" in words
        assert "https://news.example.com/issues/2026-W47" in mail(name).html


def test_unsubscribe_and_preferences_stand_in_both_parts(name: str) -> None:
    for part in (mail(name).text, mail(name).html):
        for path in ("unsubscribe", "preferences"):
            assert re.search(rf"https://news\.example\.com/{path}/[\w-]{{32}}\b", part)
        assert "12345 Example City" in part


def test_the_html_stays_under_80_000_bytes_whatever_is_selected(name: str) -> None:
    for selection in (Selection(), FOLLOWS_ALL):
        found = mail(name, selection)
        assert len(found.html.encode()) < 80_000
        assert len(found.encoded_html) < 80_000


def test_all_style_elements_together_are_small_and_plain(name: str) -> None:
    css = styles(name)
    assert len(css) < 12_000
    assert not re.search(r"var\(|--[a-z]|position\s*:|rgba?\([^)]*/|@import|@font-face", css)
    depth, inside_at_rule = 0, False
    for token in re.findall(r"@[\w-]+|[{}]", css):
        if token == "{":
            depth += 1
        elif token == "}":
            depth -= 1
            inside_at_rule = inside_at_rule and depth > 0
        else:
            assert not inside_at_rule, "an at-rule inside an at-rule makes Gmail drop the block"
            inside_at_rule = True
    assert depth == 0


def test_no_inline_style_uses_what_clients_drop(name: str) -> None:
    for element in body(name).walk():
        assert not {"position", "float", "display:flex"} & element.style.keys()
        assert "flex" not in element.style.get("display", "")


def test_every_layout_table_says_so(name: str) -> None:
    assert all(table.attributes.get("role") == "presentation" for table in body(name).all("table"))
    ghosts = [text for text in comments(mail(name).html) if "<table" in text]
    assert ghosts
    assert all(text.count("<table") == text.count('role="presentation"') for text in ghosts)
    assert any("width:600px" in text for text in ghosts)


def test_dark_mode_is_declared_and_ruled(name: str) -> None:
    metas = {meta.attributes.get("name"): meta.attributes.get("content") for meta in body(name).all("meta")}
    assert metas["color-scheme"] == "light dark"
    assert "prefers-color-scheme:dark" in styles(name)
    assert "[data-ogsc]" in styles(name)
    assert f"body{{background-color:{DARK.page}!important}}" in styles(name), "behind the mail it is dark as well"


def test_images_have_sizes_and_words(name: str) -> None:
    for image in body(name).all("img"):
        assert {"width", "height", "alt"} <= image.attributes.keys()
        assert image.attributes["src"].startswith("https://")


def test_language_direction_title_and_headings(name: str) -> None:
    root = body(name)
    (html,) = root.all("html")
    assert (html.attributes["lang"], html.attributes["dir"]) == ("en", "ltr")
    wrapper = next(element for element in root.all("div") if element.attributes.get("lang"))
    assert (wrapper.attributes["lang"], wrapper.attributes["dir"]) == ("en", "ltr")
    assert root.all("title")[0].text == week(name).subject
    levels = [int(heading.tag[1]) for heading in root.all("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_text_is_large_enough(name: str) -> None:
    for element in body(name).walk():
        if not element.text.strip() or element.tag in ("style", "title") or _hidden(element):
            continue
        size = _inherited(element, "font-size")
        assert size is None or float(re.findall(r"[\d.]+", size)[0]) >= (12 if element.tag != "p" else 13), element.text


def test_link_texts_differ_where_the_links_do(name: str) -> None:
    said: dict[str, str] = {}
    for link in body(name).all("a"):
        words = link.words
        assert words
        assert said.setdefault(words, link.attributes["href"]) == link.attributes["href"], words


def test_links_go_where_they_say(name: str) -> None:
    for link in body(name).all("a"):
        assert re.match(r"https?://", link.attributes["href"])
        assert not re.search(r"/(click|track|open|redirect)/", link.attributes["href"])


def test_buttons_are_tall(name: str) -> None:
    for link in body(name).all("a"):
        style = link.style
        if style.get("display") == "inline-block":
            padding = int(style["padding"].split("px")[0])
            line = int(re.findall(r"/(\d+)px", style["font"])[0])
            assert 2 * padding + line >= 44


def test_verdicts_are_said_in_words_and_not_by_colour_alone(name: str) -> None:
    words = body(name).words
    for tool in week(name).items:
        assert {"ship": "▲ Ship", "skip": "▼ Skip", "split": "◆ Split"}[tool.verdict.call or ""] in words


def test_the_preheader_is_hidden_first_and_not_in_the_plain_part(name: str) -> None:
    (page,) = body(name).all("body")
    first = page.children[0]
    assert first.style["display"] == "none"
    preheader = " ".join(first.text.split())
    assert 40 <= len(preheader) <= 110
    assert preheader == " ".join(rendered(name).preheader.split())
    assert preheader not in " ".join(mail(name).text.split())


def test_nothing_runs_submits_loads_or_tracks(name: str) -> None:
    root = body(name)
    assert not root.all("script", "form", "iframe", "link", "object", "embed", "input", "svg")
    assert not [element for element in root.walk() if any(key.startswith("on") for key in element.attributes)]
    assert "url(" not in mail(name).html.replace("url(&", "")
    assert "googleapis" not in mail(name).html


def test_every_block_and_the_rest_are_balanced(name: str) -> None:
    for panelist in ("builder", "skeptic"):
        for category in {tool.category for tool in week(name).items} or {"Developer Tools"}:
            selection = Selection(categories=(category,), panelists=(panelist,))
            if carries_tools(rendered(name).blocks, selection):
                html = mail(name, selection).html
                tree(html)
                assert html.count("<!--[if") == html.count("<![endif]-->")


def test_contrast_is_enough_in_light_in_dark_and_inverted(name: str) -> None:
    for palette in (LIGHT, DARK):
        pairs = [(palette.ink, palette.paper), (palette.muted, palette.paper), (palette.muted, palette.page)]
        for tone in (palette.ship, palette.skip, palette.split, palette.none):
            pairs += [(tone.ink, tone.tint), (tone.ink, palette.paper)]
        for ink, ground in pairs:
            assert _contrast(ink, ground) >= 4.5
            if palette is LIGHT:  # what is dark already is left alone
                assert _contrast(_inverted(ink), _inverted(ground)) >= 4.5


def _hidden(element: Element | None) -> bool:
    while element is not None:
        if element.style.get("display") == "none" or element.tag == "head":
            return True
        element = element.parent
    return False


def _inherited(element: Element | None, name: str) -> str | None:
    while element is not None:
        style = element.style
        if "font" in style:
            return style["font"].partition("px")[0].split()[-1]
        if name in style:
            return style[name] if style[name] not in ("0px", "1px") or element.text.strip("\xa0 ") else None
        element = element.parent
    return None


def _channels(colour: str) -> list[float]:
    return [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]


def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _inverted(colour: str) -> str:
    """What clients do that turn lightness round and keep the hue."""
    red, green, blue = _channels(colour)
    shift = 1 - max(red, green, blue) - min(red, green, blue)
    return "#" + "".join(f"{round(255 * min(max(c + shift, 0), 1)):02x}" for c in (red, green, blue))
