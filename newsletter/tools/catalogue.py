"""How the catalogue is listed: its orders and its sortings, as values."""

from enum import StrEnum

from newsletter.verdicts.tally import percent_of

_MOST_TAKES = 999
_MOST_VOTES = 9_999_999

LAST = -1
"""The order of a tool that nobody has judged: behind those with 0 %."""


class Sorting(StrEnum):
    PANEL = "panel"
    COMMUNITY = "community"
    NEWEST = "newest"


class Filter(StrEnum):
    """By what the panel said; ``none`` is for tools without a take."""

    SHIP = "ship"
    SKIP = "skip"
    SPLIT = "split"
    NONE = "none"


def panel_order(ships: int, skips: int) -> int:
    """Grows with panel ship %; among equals, more takes stand higher."""
    return _order(ships, skips, _MOST_TAKES)


def community_order(ships: int, skips: int) -> int:
    """Grows with community %; among equals, more votes stand higher. Fits 32 bits."""
    return _order(ships, skips, _MOST_VOTES)


def _order(ships: int, skips: int, most: int) -> int:
    count = ships + skips
    return percent_of(ships, count) * (most + 1) + min(count, most) if count else LAST
