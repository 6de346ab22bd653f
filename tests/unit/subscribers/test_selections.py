"""Two readers who chose the same have the same text."""

from hypothesis import given
from hypothesis import strategies as st

from newsletter.subscribers.selections import Selection, as_field, from_field

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


@given(words)
def test_what_was_chosen_survives_a_field_of_a_file(names: tuple[str, ...]) -> None:
    assert from_field(as_field(names)) == list(names)


def test_a_semicolon_in_a_name_stands_behind_a_backslash() -> None:
    assert from_field(r"Audio\; Video; A\B;;C") == ["Audio; Video", r" A\B", "C"]


@given(st.permutations(["a", "b", "c"]))
def test_order_and_repetition_do_not_matter(order: list[str]) -> None:
    assert Selection(tuple(order + order)).key() == Selection(("a", "b", "c")).key()
