"""Letters in both forms: what an inbox shows beside their subject, and what dark mode must not hide."""

import html
import re
from typing import Any

import pytest

from newsletter.deliveries.letters import Sender, Words, words_of

SENDER = Sender("Weekly Verdicts", "news@example.com", "letters@example.com", "Weekly Verdicts", "1 Example Street")
VALUES: dict[str, dict[str, Any]] = {
    "confirm": {"link": "https://news.example.com/confirm/x"},
    "sign_in": {"link": "https://news.example.com/editor/sign-in/x"},
    "welcome": {
        "latest_link": "https://news.example.com/issues/2026-W47",
        "preferences_link": "https://news.example.com/preferences/x",
        "unsubscribe_link": "https://news.example.com/unsubscribe/x",
    },
    "notice": {"notice_subject": "The sending has paused", "paragraphs": ["Have a look."], "link": None},
}
pytestmark = pytest.mark.parametrize("kind", VALUES)


def letter(kind: str) -> Words:
    return words_of(kind, SENDER, VALUES[kind])


def test_a_hidden_preheader_comes_first_and_is_not_in_the_text(kind: str) -> None:
    found = re.search(r"<body[^>]*>\s*<div style=\"display:none[^>]*>(.*?)</div>", letter(kind).html, re.S)
    assert found is not None
    preheader = html.unescape(found[1])
    assert 40 <= len(preheader) <= 110
    assert preheader not in " ".join(letter(kind).text.split())


def test_dark_mode_turns_every_link_light(kind: str) -> None:
    """They carry the ink of light mode inline, which cannot be read on dark paper."""
    assert letter(kind).html.count(".paper a") >= 4
    assert letter(kind).html.count("[data-ogsc] .paper a") == 2
