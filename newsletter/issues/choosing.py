"""Which blocks of an issue a reader's mail carries.

A mail carries the frame, the pick of the week, and what the reader's selection keeps. Where the week has nothing for a
selection, it is no mail at all: the pick alone is not what that reader asked for.
"""

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from newsletter.issues.content import Block
from newsletter.issues.words import in_its_place
from newsletter.subscribers.selections import Selection
from newsletter.subscribers.text import one_line
from newsletter.tools.field_values import LONGEST_CATEGORY

# What stands in these sections is about tools of earlier weeks, so it does not make a mail by itself.
NOT_OF_THIS_WEEK = frozenset({"changed"})


def choose(blocks: Sequence[Block], selection: Selection) -> tuple[int, ...]:
    """The places of the blocks that a mail with this selection carries, in order."""
    wanted = _wanted(selection)
    fits = [_fits(block, selection, wanted) for block in blocks]
    led = {block.section for block, fit in zip(blocks, fits, strict=True) if fit and block.section and not block.heads}
    return tuple(
        place
        for place, (block, fit) in enumerate(zip(blocks, fits, strict=True))
        if block.pinned or (block.section in led if block.heads else fit)
    )


@lru_cache(maxsize=4096)
def spelled(category: str) -> str:
    """A category as it is compared: without regard to capitals, and to what nobody sees (zero-width spaces, letters
    that are composed of two characters), for forms, lists and the catalogue write these differently."""
    return unicodedata.normalize("NFC", as_offered(category)).casefold()


def as_offered(category: str) -> str:
    """A category as readers choose it."""
    return one_line(in_its_place(category), LONGEST_CATEGORY)


def carries_tools(blocks: Sequence[Block], selection: Selection) -> bool:
    """Has the week anything for this selection? Who gets nothing of what they chose gets no mail."""
    wanted = _wanted(selection)
    return any(_is_of_the_week(block) and _fits(block, selection, wanted) for block in blocks)


def _wanted(selection: Selection) -> frozenset[str]:
    return frozenset(map(spelled, selection.categories))


def _fits(block: Block, selection: Selection, wanted: frozenset[str]) -> bool:
    if block.whole is not None:
        return block.whole != selection.leaves_out
    if block.category is not None:
        if wanted and spelled(block.category) not in wanted:
            return False
        if selection.min_ship_percent and (block.ship_percent or 0) < selection.min_ship_percent:
            return False
    if block.panelist is not None:
        return block.panelist in selection.panelists if selection.panelists else not block.followers_only
    return True


def _is_of_the_week(block: Block) -> bool:
    return block.category is not None and block.section not in NOT_OF_THIS_WEEK
