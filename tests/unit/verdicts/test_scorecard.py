import pytest

from newsletter.verdicts.scorecard import scorecard, split_in_words, widest_split
from tests.unit.verdicts.takes import PANEL, FakeTake, take


def test_every_panelist_has_a_line_in_the_panels_order() -> None:
    lines = scorecard(PANEL, [take("creator", "skip", 12), take("builder", "ship", 88)])
    assert [line.name for line in lines] == ["Builder", "Skeptic", "Futurist", "Founder", "Creator"]
    assert [line.words for line in lines] == [
        "88/100 · ship", "No panel take", "No panel take", "No panel take", "12/100 · skip",
    ]  # fmt: skip


def test_a_call_without_a_score_is_the_call_alone() -> None:
    assert scorecard(PANEL, [take("founder", "skip")])[3].words == "skip"


def test_a_score_of_0_is_a_score() -> None:
    assert scorecard(PANEL, [take("builder", "skip", 0)])[0].words == "0/100 · skip"


def test_who_left_the_panel_still_has_a_line_at_the_end() -> None:
    assert scorecard(PANEL, [take("critic", "ship", 50)])[-1].name == "Critic"


def test_the_widest_split_is_between_a_ship_and_a_skip_whose_scores_lie_furthest_apart() -> None:
    lines = scorecard(PANEL, [take("builder", "ship", 70), take("skeptic", "skip", 60), take("founder", "skip", 20)])
    found = widest_split(lines)
    assert found is not None
    assert [line.panelist for line in found] == ["builder", "founder"]


def test_who_skips_with_the_higher_score_is_as_far_apart() -> None:
    lines = scorecard(PANEL, [take("builder", "ship", 20), take("skeptic", "skip", 90), take("founder", "ship", 95)])
    assert split_in_words(lines).endswith("Builder and Skeptic: 20 against 90, 70 points between them.")


def test_a_scored_pair_wins_over_a_pair_without_scores() -> None:
    lines = scorecard(PANEL, [take("builder", "ship"), take("skeptic", "skip", 60), take("founder", "ship", 65)])
    found = widest_split(lines)
    assert found is not None
    assert [line.panelist for line in found] == ["founder", "skeptic"]


def test_a_panel_of_one_mind_has_no_split() -> None:
    assert widest_split(scorecard(PANEL, [take("builder", "ship", 90), take("skeptic", "ship", 10)])) is None


@pytest.mark.parametrize(
    ("takes", "words"),
    [
        ([], ""),
        ([take("builder", "ship", 90)], ""),
        ([take("builder", "ship"), take("skeptic", "ship")], ""),
        ([take("builder", "ship", 83), take("skeptic", "skip", 49)],
         "The furthest apart are Builder and Skeptic: 83 against 49, 34 points between them."),
        ([take("builder", "ship", 60), take("skeptic", "skip", 61)],
         "The furthest apart are Builder and Skeptic: 60 against 61, 1 point between them."),
        ([take("builder", "ship"), take("skeptic", "skip", 49)], "Builder ships it and Skeptic skips it."),
        ([take("builder", "ship", 72), take("skeptic", "ship", 0), take("founder", "ship", 91)],
         "Nobody disagrees; the furthest apart are Founder and Skeptic: 91 against 0, 91 points between them."),
    ],
)  # fmt: skip
def test_the_reviewer_split_says_who_and_how_far(takes: list[FakeTake], words: str) -> None:
    assert split_in_words(scorecard(PANEL, takes)) == words
