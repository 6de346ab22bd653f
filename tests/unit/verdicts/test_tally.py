import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.verdicts.stamps import stamp
from newsletter.verdicts.tally import percent_of, tally, verdict_of
from tests.unit.verdicts.takes import take


def test_more_ships_than_skips_is_ship() -> None:
    verdict = tally([take("builder", "ship"), take("skeptic", "ship"), take("founder", "skip")])
    assert (verdict.call, verdict.counts, verdict.ship_percent) == ("ship", "2 ship / 1 skip", 67)


def test_fewer_ships_than_skips_is_skip() -> None:
    assert tally([take("builder", "skip"), take("skeptic", "ship"), take("founder", "skip")]).call == "skip"


def test_as_many_of_both_is_split() -> None:
    verdict = tally([take("builder", "skip"), take("skeptic", "ship")])
    assert (verdict.call, verdict.ship_percent) == ("split", 50)


def test_no_takes_are_no_verdict_and_no_percent() -> None:
    verdict = tally([])
    assert (verdict.call, verdict.takes, verdict.ship_percent) == (None, 0, None)


def test_scores_do_not_enter() -> None:
    assert tally([take("builder", "ship", 1), take("skeptic", "ship", 2), take("founder", "skip", 100)]).call == "ship"


def test_nobody_shipping_is_0_percent_and_not_nothing() -> None:
    assert verdict_of(0, 3).ship_percent == 0


@pytest.mark.parametrize(
    ("call", "shown"),
    [("ship", "▲ Ship"), ("skip", "▼ Skip"), ("split", "◆ Split"), (None, "○ No panel take yet")],
)
def test_a_stamp_has_a_shape_and_a_word(call: str | None, shown: str) -> None:
    assert stamp(call) == shown


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_the_call_agrees_with_the_percent(ships: int, skips: int) -> None:
    verdict = verdict_of(ships, skips)
    if verdict.takes:
        assert verdict.ship_percent == percent_of(ships, ships + skips)
        assert 0 <= verdict.ship_percent <= 100
        assert (verdict.call == "ship") == (ships > skips)
        assert (verdict.call == "split") == (ships == skips)
