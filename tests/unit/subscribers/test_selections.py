"""Two readers who chose the same have the same text."""

from hypothesis import given
from hypothesis import strategies as st

from newsletter.subscribers.selections import Selection

words = st.lists(st.text(min_size=1, max_size=8), max_size=4).map(tuple)


def test_choosing_nothing_is_everything() -> None:
    assert Selection().key() == ""
    assert Selection.parse("") == Selection()


@given(words, words, st.none() | st.integers(1, 100))
def test_a_selection_survives_its_text(names: tuple[str, ...], panelists: tuple[str, ...], least: int | None) -> None:
    chosen = Selection(names, panelists, least)
    again = Selection.parse(chosen.key())
    assert again.key() == chosen.key()
    assert set(again.categories) == set(names)
    assert again.min_ship_percent == least


@given(st.permutations(["a", "b", "c"]))
def test_order_and_repetition_do_not_matter(order: list[str]) -> None:
    assert Selection(tuple(order + order)).key() == Selection(("a", "b", "c")).key()
