import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.verdicts.comparison import Comparison, compare, comparison_path, in_order, readings
from newsletter.verdicts.scorecard import scorecard
from tests.unit.verdicts.takes import PANEL, FakeTake, FakeTool, take

OLD, NEW = FakeTool(1, "pocketform"), FakeTool(2, "inkwell-vision")


def sheet(left: list[FakeTake], right: list[FakeTake], one: FakeTool = OLD, other: FakeTool = NEW) -> Comparison:
    return compare(one, other, scorecard(PANEL, left), scorecard(PANEL, right))


def test_the_one_that_joined_first_stands_left() -> None:
    assert in_order(NEW, OLD) == in_order(OLD, NEW) == (OLD, NEW)
    assert comparison_path(NEW, OLD) == "/compare/pocketform-vs-inkwell-vision"


@pytest.mark.parametrize(
    ("pair", "found"),
    [
        ("a-vs-b", [("a", "b")]),
        ("a-vs-b-vs-c", [("a", "b-vs-c"), ("a-vs-b", "c")]),
        ("a-vs-vs-b", [("a", "vs-b"), ("a-vs", "b")]),
        ("vs-vs-vs", [("vs", "vs")]),
        ("-vs-b", []),
        ("a-vs-", []),
        ("a", []),
        ("", []),
        (f"{'a' * 100}-vs-{'b' * 100}", [("a" * 100, "b" * 100)]),
    ],
)
def test_an_address_can_be_read_in_several_ways(pair: str, found: list[tuple[str, str]]) -> None:
    assert readings(pair) == found


@given(st.from_regex(r"[a-z0-9-]{1,12}", fullmatch=True), st.from_regex(r"[a-z0-9-]{1,12}", fullmatch=True))
def test_every_pair_of_slugs_is_among_the_readings_of_its_address(left: str, right: str) -> None:
    assert (left, right) in readings(f"{left}-vs-{right}")


def test_an_address_longer_than_two_slugs_is_read_in_no_way_at_all() -> None:
    """One of 60,000 letters could be read in 15,000 ways, a gigabyte of them."""
    assert readings("-vs-" * 15_000) == readings("a" * 101 + "-vs-" + "b" * 100) == []


def test_what_both_have_is_shared() -> None:
    one, other = FakeTool(1, "a", pricing="Free"), FakeTool(2, "b", pricing="Free")
    both = [take("builder", "ship"), take("skeptic", "ship")]
    assert sheet(both, both, one, other).shared == (
        "Both are in Developer Tools.",
        "Both cost the same: Free.",
        "Builder and Skeptic ship both.",
    )


def test_what_the_panel_sees_otherwise_parts_them() -> None:
    found = sheet(
        [take("builder", "ship", 80), take("skeptic", "ship", 70), take("founder", "skip", 30)],
        [take("builder", "skip", 20), take("skeptic", "ship", 69), take("founder", "ship", 60)],
    )
    assert found.parting == (
        "Builder ships Pocketform and skips Inkwell Vision.",
        "Founder ships Inkwell Vision and skips Pocketform.",
        "Builder sees them furthest apart: 80 against 20, 60 points between them.",
    )


def test_a_missing_take_parts_nobody() -> None:
    found = sheet([take("builder", "ship", 80)], [])
    assert found.parting == ()
    assert (found.rows[0].left.words, found.rows[0].right.words) == ("80/100 · ship", "No panel take")


def test_a_panelist_known_to_one_side_alone_has_a_quiet_line_on_the_other() -> None:
    found = sheet([], [take("critic", "skip", 5)])
    assert [(row.name, row.left.words, row.right.words) for row in found.rows][-1] == (
        "Critic", "No panel take", "5/100 · skip",
    )  # fmt: skip
