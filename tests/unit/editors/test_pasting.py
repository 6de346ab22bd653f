"""Several takes pasted at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.editors.pasting import given_take, read_takes
from newsletter.editors.roles import may_enter_take
from newsletter.errors import BadInputError
from newsletter.tools.reading import read_take

PANEL = [("builder", "Builder"), ("skeptic", "Skeptic"), ("founder", "Founder")]


def test_takes_begin_with_panelist_score_and_call() -> None:
    text = (
        "Builder 88 ship: Installs in a minute.\nAnd runs.\n\nskeptic - skip\nThe price moved.\nFOUNDER (45/100) Ship"
    )
    told = [(take.panelist, take.score, take.call, take.text) for take in read_takes(text, PANEL)]
    assert told == [
        ("builder", 88, "ship", "Installs in a minute.\nAnd runs."),
        ("skeptic", None, "skip", "The price moved."),
        ("founder", 45, "ship", ""),
    ]


@pytest.mark.parametrize(
    ("head", "score", "text"),
    [
        ("Builder: ship (88): nice", 88, "nice"),
        ("Builder - Ship, 88/100 - nice", 88, "nice"),
        ("Builder ships 88 %: nice", 88, "nice"),
        ("Builder (88, ship): nice", 88, "nice"),
        ("Builder ship 88", 88, ""),
        ("Builder ship: 3 of 4 tests run", None, "3 of 4 tests run"),
        ("Builder ship 2 days early", None, "2 days early"),
        ("Builder: ship 24-hour support", None, "24-hour support"),
        ("Builder ship – 3–5 tools less", None, "3–5 tools less"),
        ("Builder ship 10:30, it ran", None, "10:30, it ran"),
        ("Builder 88 ship (2): nice", 88, "(2): nice"),
    ],
)
def test_a_score_stands_before_the_call_or_behind_it(head: str, score: int | None, text: str) -> None:
    (take,) = read_takes(head, PANEL)
    assert (take.score, take.call, take.text) == (score, "ship", text)


def test_a_sentence_about_another_panelist_is_part_of_the_take() -> None:
    text = "Builder 88 ship: It runs.\nSkeptic skips this, and I see why.\nFounder ships nothing without a price."
    (take,) = read_takes(text, PANEL)
    assert take.text == text.partition(": ")[2]
    heads = "Builder ships: It runs.\nSkeptic skips\nFounder - ships it"
    assert [take.text for take in read_takes(heads, PANEL)] == ["It runs.", "", "it"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no take"),
        ("Nobody 88 ship", "line 1"),
        ("Skeptic skips this, for one", "line 1"),
        ("Builder 101 ship", "between 0 and 100"),
        ("Builder ship\nBuilder skip", "twice"),
        ("Builder ship " + "x" * 20_001, "20,000"),
    ],
)
def test_what_cannot_be_read_is_refused_whole(text: str, why: str) -> None:
    with pytest.raises(BadInputError, match=why):
        read_takes(text, PANEL)


def test_a_take_is_stored_as_an_import_of_it_would_be() -> None:
    (take,) = read_takes("Builder 88 ship:\tA table\tof two columns.\n\n- kept\n", PANEL)
    assert take.text == "A table of two columns.\n\n- kept"
    given = {"panelist": "builder", "score": 88, "call": "ship", "text": take.text}
    assert read_take("builder", given) == take


def test_a_take_says_ship_or_skip() -> None:
    with pytest.raises(BadInputError, match="ship or skip"):
        given_take("builder", "maybe", 50, "")


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        takes = read_takes(text, PANEL)
    except BadInputError:
        return
    assert all(take.call in ("ship", "skip") for take in takes)


def test_panelists_enter_their_own_takes_alone() -> None:
    assert may_enter_take("editor", None, "builder")
    assert may_enter_take("panelist", "builder", "builder")
    assert not may_enter_take("panelist", "builder", "skeptic")
    assert not may_enter_take("panelist", None, "builder")
