"""Two tools side by side: who stands left, what they share, where the panel parts them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from newsletter.english import counted, listed
from newsletter.verdicts.scorecard import Line

BETWEEN = "-vs-"
_LONGEST = 2 * 100 + len(BETWEEN)  # of two slugs


class HasPlace(Protocol):
    """``id`` grows in the order in which tools joined the catalogue."""

    @property
    def id(self) -> int: ...
    @property
    def slug(self) -> str: ...


Placed = TypeVar("Placed", bound=HasPlace)


class Described(HasPlace, Protocol):
    @property
    def name(self) -> str: ...
    @property
    def category(self) -> str: ...
    @property
    def pricing(self) -> str | None: ...
    @property
    def entry(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Row:
    """One panelist on both tools; ``distance`` is how many points their scores lie apart, None without both scores."""

    left: Line
    right: Line

    @property
    def name(self) -> str:
        return self.left.name

    @property
    def parts(self) -> bool:
        """This panelist ships one of the two and skips the other."""
        return None not in (self.left.call, self.right.call) and self.left.call != self.right.call

    @property
    def distance(self) -> int | None:
        if self.left.score is None or self.right.score is None:
            return None
        return abs(self.left.score - self.right.score)


@dataclass(frozen=True, slots=True)
class Comparison:
    """``shared`` are sentences about what both have; ``parting`` are those about where the panel parts them."""

    rows: tuple[Row, ...]
    shared: tuple[str, ...]
    parting: tuple[str, ...]


def in_order(one: Placed, other: Placed) -> tuple[Placed, Placed]:
    """The one that joined the catalogue first stands left."""
    return (one, other) if one.id <= other.id else (other, one)


def comparison_path(one: HasPlace, other: HasPlace) -> str:
    """The one address of a comparison, whichever way round it was asked for."""
    left, right = in_order(one, other)
    return f"/compare/{left.slug}{BETWEEN}{right.slug}"


def readings(pair: str) -> list[tuple[str, str]]:
    """Every way to read ``a-vs-b`` as two slugs, since a slug may hold ``-vs-`` itself; leftmost cut first. None of
    what is longer than two slugs, of which there would be as many copies as it has cuts."""
    if len(pair) > _LONGEST:
        return []
    cuts = [place for place in range(1, len(pair)) if pair.startswith(BETWEEN, place)]
    found = [(pair[:cut], pair[cut + len(BETWEEN) :]) for cut in cuts]
    return [(left, right) for left, right in found if right]


def compare(left: Described, right: Described, left_card: Sequence[Line], right_card: Sequence[Line]) -> Comparison:
    """Both scorecards in the panel's order. Panelists known to one card alone get a quiet line on the other."""
    others = {line.panelist: line for line in right_card}
    rows = [Row(line, others.pop(line.panelist, Line(line.panelist, line.name))) for line in left_card]
    rows += [Row(Line(line.panelist, line.name), line) for line in others.values()]
    return Comparison(tuple(rows), tuple(_shared(left, right, rows)), tuple(_parting(left, right, rows)))


def difference(left: Described, right: Described, left_card: Sequence[Line], right_card: Sequence[Line]) -> str:
    """Where the panel parts two tools, or else what they share, in one run of sentences."""
    found = compare(left, right, left_card, right_card)
    return " ".join(found.parting or found.shared)


def _shared(left: Described, right: Described, rows: Sequence[Row]) -> list[str]:
    said = []
    if left.category == right.category:
        said.append(f"Both are in {left.category}.")
    if left.pricing and left.pricing == right.pricing:
        said.append(f"Both cost the same: {left.pricing}.")
    elif left.entry and left.entry == right.entry:
        said.append(f"Both start the same way: {left.entry}.")
    for call in ("ship", "skip"):
        agreed = [row.name for row in rows if row.left.call == row.right.call == call]
        if agreed:
            said.append(f"{listed(agreed)} {_verb(call, len(agreed))} both.")
    return said


def _parting(left: Described, right: Described, rows: Sequence[Row]) -> list[str]:
    said = []
    apart = [row for row in rows if row.parts]
    for_left = [row.name for row in apart if row.left.call == "ship"]
    for_right = [row.name for row in apart if row.right.call == "ship"]
    for tool, other, names in ((left, right, for_left), (right, left, for_right)):
        if names:
            verb, skip = _verb("ship", len(names)), _verb("skip", len(names))
            said.append(f"{listed(names)} {verb} {tool.name} and {skip} {other.name}.")
    far = max((row for row in rows if row.distance), key=lambda row: row.distance or 0, default=None)
    if far is not None:
        said.append(
            f"{far.name} sees them furthest apart: {far.left.score} against {far.right.score}, "
            f"{counted(far.distance or 0, 'point')} between them."
        )
    return said


def _verb(verb: str, how_many: int) -> str:
    return f"{verb}s" if how_many == 1 else verb
