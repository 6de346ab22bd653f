"""What the panel's takes add up to.

Ship when more panelists ship than skip, skip when fewer do, split when as many; nothing without takes. Scores do not
enter: a panelist who gives 61 and ships has said ship.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from db.states import Call
from newsletter.verdicts.takes import HasCall

SPLIT = "split"


@dataclass(frozen=True, slots=True)
class Verdict:
    """``call`` is ship, skip, split, or None where nobody has a take; ``ship_percent`` is ships ÷ takes, rounded."""

    call: str | None
    ships: int
    skips: int
    ship_percent: int | None

    @property
    def takes(self) -> int:
        return self.ships + self.skips

    @property
    def counts(self) -> str:
        """As readers see it: ``3 ship / 1 skip``."""
        return f"{self.ships} ship / {self.skips} skip"


def tally(takes: Iterable[HasCall]) -> Verdict:
    """Adds up the takes that stand; replaced ones are none of its business."""
    calls = [take.call for take in takes]
    return verdict_of(calls.count(Call.SHIP), calls.count(Call.SKIP))


def verdict_of(ships: int, skips: int) -> Verdict:
    """The verdict of takes that are counted already."""
    if not ships + skips:
        return Verdict(None, 0, 0, None)
    call = Call.SHIP.value if ships > skips else Call.SKIP.value if ships < skips else SPLIT
    return Verdict(call, ships, skips, percent_of(ships, ships + skips))


def percent_of(part: int, whole: int) -> int:
    """A whole percent, 0 to 100; halves go to the even number, as Python rounds. ``whole`` is above 0."""
    return round(100 * part / whole)
