"""Letters in both forms: what an inbox shows beside their subject, and what dark mode must not hide."""

import html
import re
from dataclasses import replace
from typing import Any

import pytest

from newsletter.deliveries.letters import Sender, Words, words_of
from newsletter.verdicts.stamps import stamp
from tests.unit.issues.weeks import usual_material, values

SENDER = Sender("Weekly Verdicts", "news@example.com", "letters@example.com", "Weekly Verdicts", "1 Example Street")
VALUES: dict[str, dict[str, Any]] = {
    "confirm": {"link": "https://news.example.com/confirm/x"},
    "confirm_again": {"link": "https://news.example.com/confirm/x"},
    "sign_in": {"link": "https://news.example.com/editor/sign-in/x"},
    "welcome": {
        "latest": values(usual_material()),
        "latest_link": "https://news.example.com/issues/2026-W47",
        "tools_link": "https://news.example.com/tools",
        "stamp": stamp,
        "preferences_link": "https://news.example.com/preferences/x",
        "unsubscribe_link": "https://news.example.com/unsubscribe/x",
    },
    "notice": {"notice_subject": "The sending has paused", "paragraphs": ["Have a look."], "link": None},
}
every_kind = pytest.mark.parametrize("kind", VALUES)


def letter(kind: str, title: str = SENDER.title) -> Words:
    return words_of(kind, replace(SENDER, title=title), VALUES[kind])


@pytest.mark.parametrize("title", ["W", "Weekly Verdicts", "Weekly Verdicts on Tools of All Kinds " * 4])
@every_kind
def test_a_hidden_preheader_comes_first_and_is_not_in_the_text(kind: str, title: str) -> None:
    words = letter(kind, title.strip())
    found = re.search(r"<body[^>]*>\s*<div style=\"display:none[^>]*>(.*?)</div>", words.html, re.S)
    assert found is not None
    preheader = html.unescape(found[1])
    assert 40 <= len(preheader) <= 110
    assert preheader not in " ".join(words.text.split())


@every_kind
def test_dark_mode_turns_every_link_light(kind: str) -> None:
    """They carry the ink of light mode inline, which cannot be read on dark paper."""
    assert letter(kind).html.count(".paper a") >= 4
    assert letter(kind).html.count("[data-ogsc] .paper a") == 2


@pytest.mark.parametrize("kind", ["confirm", "sign_in", "welcome"])
def test_a_button_is_high_in_outlook_too(kind: str) -> None:
    """Its Windows versions heed no padding of links, but what they are told for the cell."""
    assert "mso-padding-alt:12px 24px" in letter(kind).html


def test_the_welcome_tells_what_the_latest_issue_says() -> None:
    words = letter("welcome")
    for body in (words.text, html.unescape(words.html)):
        assert "Larkspur 3" in body
        assert "▲ Ship · 4 ship / 0 skip" in body
        assert "https://news.example.com/issues/2026-W47" in body
        for tool in VALUES["welcome"]["latest"].items[:12]:
            assert re.search(rf"https://news.example.com/tools/{tool.slug}\b", body), tool.slug


def test_the_latest_issues_link_stands_below_its_subject_and_below_no_tool() -> None:
    said = "Larkspur 3: four ship, none skip\nhttps://news.example.com/issues/2026-W47\n\n  Larkspur 3: "
    assert said in letter("welcome").text


def test_the_welcome_before_the_first_issue_speaks_of_none() -> None:
    first = words_of("welcome", SENDER, VALUES["welcome"] | {"latest": None, "latest_link": None})
    assert "issues/" not in first.text + first.html


@pytest.mark.parametrize("name", ["W" * 200, "A name of many words " * 6])
def test_a_long_name_is_wrapped_below_itself(name: str) -> None:
    latest: Any = VALUES["welcome"]["latest"]
    long = replace(latest, items=(replace(latest.items[0], name=name.strip()), *latest.items[1:]))
    lines = words_of("welcome", SENDER, VALUES["welcome"] | {"latest": long}).text.split("\n")
    assert max(map(len, lines)) <= 78
    first = next(place for place, line in enumerate(lines) if line.startswith(f"  {name[:9]}"))
    assert re.match(r" {4}\S", lines[first + 1])
