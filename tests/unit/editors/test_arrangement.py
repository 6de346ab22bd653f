"""What editors decide about a draft, as values."""

from hypothesis import given
from hypothesis import strategies as st

from newsletter.issues import arrangement
from newsletter.issues.arrangement import Arrangement, Item, Pair, read


def placed(now: Arrangement) -> dict[int, int | None]:
    return {item.tool_id: item.position for item in now.items}


def shown(rule: list[int], now: Arrangement) -> list[int]:
    """The order that the rule and the editors' places make together, as issues/selection.py says."""
    places = placed(now)
    order = [tool_id for tool_id in rule if places.get(tool_id) is None]
    for place, tool_id in sorted((place, tool_id) for tool_id, place in places.items() if place is not None):
        order.insert(place - 1, tool_id)
    return order


def test_a_moved_item_holds_its_place_and_the_others_follow_the_rule() -> None:
    now = arrangement.move(Arrangement(), [1, 2, 3], 3, -1)
    assert placed(now) == {3: 2}
    assert shown([1, 2, 3], now) == [1, 3, 2]


def test_at_the_ends_an_item_stays() -> None:
    assert arrangement.move(Arrangement(), [1, 2], 1, -1) == Arrangement()
    assert arrangement.move(Arrangement(), [1, 2], 2, 1) == Arrangement()
    assert arrangement.move(Arrangement(), [1, 2], 9, 1) == Arrangement(), "what is not there does not move"


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(-5, 5)), max_size=20))
def test_any_moves_lead_to_the_order_that_the_editor_saw(moves: list[tuple[int, int]]) -> None:
    rule, now = [1, 2, 3, 4, 5, 6], Arrangement()
    for tool_id, by in moves:
        wished = shown(rule, now)
        here = wished.index(tool_id)
        wished.insert(min(max(here + by, 0), 5), wished.pop(here))
        now = arrangement.move(now, shown(rule, now), tool_id, by)
        assert shown(rule, now) == wished


def test_dropping_takes_the_pairs_of_the_item_along() -> None:
    now = Arrangement(items=(Item(1), Item(2)), pairs=(Pair(1, 2, "ada"), Pair(2, 3, "ada")))
    now = arrangement.drop(now, 1)
    assert now.item(1).dropped
    assert now.pairs == (Pair(2, 3, "ada"),)
    assert not arrangement.restore(now, 1).item(1).dropped


def test_a_tool_that_the_rule_brought_is_not_called_an_editors() -> None:
    now = arrangement.add(Arrangement(items=(Item(1, dropped=True),)), 1, "ada", released=True)
    assert now.item(1) == Item(1)
    assert arrangement.add(now, 2, "ada", released=False).item(2).added_by == "ada"


def test_an_arrangement_survives_being_stored() -> None:
    now = Arrangement("S", None, "I", (("send_at", "x"),), (Item(1, 2, True, "n", "ada"),), (Pair(1, 2, None),))
    assert read(now.document()) == now
