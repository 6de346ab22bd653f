from hypothesis import given
from hypothesis import strategies as st

from newsletter.tools.catalogue import LAST, community_order, panel_order

COUNT = st.integers(0, 1_000_000_000)


def test_a_higher_percent_stands_higher_however_few_said_so() -> None:
    assert panel_order(1, 0) > panel_order(4, 1)


def test_among_equals_more_takes_stand_higher() -> None:
    assert panel_order(5, 0) > panel_order(1, 0)
    assert community_order(20, 20) > community_order(1, 1)


def test_unjudged_tools_come_behind_those_with_0_percent() -> None:
    assert panel_order(0, 1) > panel_order(0, 0) == LAST


@given(COUNT, COUNT)
def test_an_order_fits_32_bits(ships: int, skips: int) -> None:
    assert -1 <= community_order(ships, skips) < 2**31
