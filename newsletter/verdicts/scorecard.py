"""One line for every panelist in the panel's order, so that readers learn its shape; a missing take is a line too."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from newsletter.english import counted
from newsletter.verdicts.stamps import NO_TAKE
from newsletter.verdicts.takes import HasTake


class HasKey(Protocol):
    @property
    def key(self) -> str: ...
    @property
    def name(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Line:
    """``call`` is None where the panelist has no take."""

    panelist: str
    name: str
    call: str | None = None
    score: int | None = None
    text: str = ""

    @property
    def words(self) -> str:
        """``88/100 · ship``, ``skip`` for a call without a score, ``No panel take``."""
        if self.call is None:
            return NO_TAKE
        return self.call if self.score is None else f"{self.score}/100 · {self.call}"


def scorecard(panel: Sequence[HasKey], takes: Iterable[HasTake]) -> list[Line]:
    """``panel`` is in its order; takes of panelists who left the panel come last."""
    given = {take.panelist: take for take in takes}
    names = {member.key: member.name for member in panel}
    order = [*names, *(key for key in given if key not in names)]
    return [_line(key, names.get(key, key.capitalize()), given.get(key)) for key in order]


def _line(key: str, name: str, take: HasTake | None) -> Line:
    return Line(key, name) if take is None else Line(key, name, take.call, take.score, take.text)


def widest_split(lines: Iterable[Line]) -> tuple[Line, Line] | None:
    """The two who disagree most about a tool: one ships, one skips, and their scores lie furthest apart,
    whichever of the two is the higher.

    Calls without a score count as 100 (ship) and 0 (skip) only where no scored pair disagrees.
    """
    ships = [line for line in lines if line.call == "ship"]
    skips = [line for line in lines if line.call == "skip"]
    pairs = [(ship, skip) for ship in ships for skip in skips]
    if not pairs:
        return None
    scored = [pair for pair in pairs if pair[0].score is not None and pair[1].score is not None]
    return max(scored or pairs, key=_distance)


def split_in_words(lines: Sequence[Line]) -> str:
    """Who disagrees most, and how far; '' where fewer than two have said anything that can be set side by side."""
    pair = widest_split(lines)
    if pair is None:
        scored = sorted((line for line in lines if line.score is not None), key=lambda line: -(line.score or 0))
        if len(scored) < 2:
            return ""
        return f"Nobody disagrees; {_apart('the furthest apart are', scored[0], scored[-1])}"
    ship, skip = pair
    if ship.score is None or skip.score is None:
        return f"{ship.name} ships it and {skip.name} skips it."
    return _apart("The furthest apart are", ship, skip)


def _apart(words: str, one: Line, other: Line) -> str:
    """For two lines with a score."""
    points = abs((one.score or 0) - (other.score or 0))
    return (
        f"{words} {one.name} and {other.name}: {one.score} against {other.score}, "
        f"{counted(points, 'point')} between them."
    )


def _distance(pair: tuple[Line, Line]) -> int:
    high = 100 if pair[0].score is None else pair[0].score
    low = 0 if pair[1].score is None else pair[1].score
    return abs(high - low)
