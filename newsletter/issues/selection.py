"""The rule that orders an issue and picks what it features. Each decision comes with its reason in words.

Order: the verdict first (ship, split, skip); then panel ship %, how many panelists looked, their mean score, readers'
votes, freshness; then the name. An editor's place overrides it.

- The *pick of the week* is the first tool in that order that the panel ships. A week without one has no pick, unless an
  editor puts a split tool first.
- The *biggest split* is the tool, other than the pick, on which most panelists stand on each side, then the one whose
  scores lie furthest apart.
- *Head to head* is the pair of one category that leaves a reader the realest choice: neither is skipped, the panel
  looked at both well, their verdicts differ, panelists take different sides; then how well both rank. Two tools that
  the panel skips are no choice. Two sizes of one product are one only where the week has no other.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from newsletter.issues.values import ToolValue
from newsletter.verdicts.comparison import in_order
from newsletter.verdicts.scorecard import Line, widest_split

_VERDICTS = {"ship": 0, "split": 1, "skip": 2}
# Comparing every pair of a category costs its square; lower ranks make no better pair.
_PAIRED = 30
# What tells the sizes and editions of one product apart, beside tokens with a digit in them ("4B", "2.5").
_EDITIONS = {"air", "base", "edge", "flash", "large", "lite", "max", "medium", "micro", "mini", "nano", "plus"}
_EDITIONS |= {"preview", "pro", "small", "tiny", "turbo", "ultra", "xl"}


def rank(tool: ToolValue) -> tuple[object, ...]:
    """Sorts the best first."""
    verdict = tool.verdict
    scores = _scores(tool.takes)
    return (
        _VERDICTS.get(verdict.call or "", 3),
        -(verdict.ship_percent or 0),
        -verdict.takes,
        -(sum(scores) / len(scores) if scores else 0),
        -_votes(tool),
        _newest_first(tool.newest),
        tool.name.casefold(),
        tool.id,
    )


def rank_without_takes(tool: ToolValue) -> tuple[object, ...]:
    """The newest first, those that come late last."""
    return (tool.late, _newest_first(tool.newest), tool.name.casefold(), tool.id)


def arranged(ranked: Sequence[ToolValue], positions: Mapping[int, int]) -> list[ToolValue]:
    """The rule's order with every tool that an editor placed (by id, from 1) in its place."""
    free = [tool for tool in ranked if tool.id not in positions]
    placed = [(positions[tool.id], tool) for tool in ranked if tool.id in positions]
    for position, tool in sorted(placed, key=lambda found: found[0]):
        free.insert(max(position - 1, 0), tool)
    return free


def pick_of_the_week(order: Sequence[ToolValue], positions: Mapping[int, int]) -> ToolValue | None:
    if not order:
        return None
    first = order[0]
    if first.verdict.call == "split" and positions.get(first.id) == 1:
        return first
    return next((tool for tool in order if tool.verdict.call == "ship"), None)


def biggest_split(order: Sequence[ToolValue], pick: ToolValue | None) -> ToolValue | None:
    split = [tool for tool in order if tool is not pick and tool.verdict.ships and tool.verdict.skips]
    return max(split, key=_disagreement, default=None)


def head_to_head(order: Sequence[ToolValue]) -> tuple[ToolValue, ToolValue] | None:
    """The pair, the tool that joined the catalogue first on the left; None where no two tools make a choice."""
    places = {tool.id: place for place, tool in enumerate(order)}
    pairs = [
        (one, other)
        for one, other in combinations(order[:_PAIRED], 2)
        if one.category == other.category and _is_choice(one, other)
    ]
    best = max(pairs, key=lambda pair: _choice(pair[0], pair[1], places), default=None)
    return None if best is None else in_order(*best)


def why_item(tool: ToolValue) -> str:
    """Why the rule puts a reviewed tool where it stands."""
    verdict = tool.verdict
    scores = _scores(tool.takes)
    mean = f", mean score {round(sum(scores) / len(scores))}" if scores else ""
    return f"{verdict.counts}, {verdict.ship_percent} % ship{mean}; {came_from(tool)}"


def came_from(tool: ToolValue) -> str:
    """Which feeds brought it."""
    feeds = list(dict.fromkeys(release.feed for release in tool.releases if release.feed))
    if not tool.releases:
        return "added by an editor"
    late = ", seen late" if tool.late else ""
    return f"announced in {', '.join(feeds)}{late}" if feeds else f"announced by hand{late}"


def _scores(lines: Iterable[Line]) -> list[int]:
    """Those that were given: a take may have none."""
    return [line.score for line in lines if line.score is not None]


def _votes(tool: ToolValue) -> int:
    """No votes say nothing: they stand in the middle, not at the end."""
    return 50 if tool.community.percent is None else tool.community.percent


def _disagreement(tool: ToolValue) -> tuple[int, int, int]:
    verdict = tool.verdict
    pair = widest_split(tool.takes)
    scores = _scores(pair or ())
    spread = abs(scores[0] - scores[1]) if len(scores) == 2 else 0
    return min(verdict.ships, verdict.skips), -abs(verdict.ships - verdict.skips), spread


def _choice(one: ToolValue, other: ToolValue, places: Mapping[int, int]) -> tuple[int, ...]:
    theirs = {line.panelist: line.call for line in other.takes}
    parted = sum(theirs.get(line.panelist, line.call) != line.call for line in one.takes)
    calls = {one.verdict.call, other.verdict.call}
    looked_at = min(one.verdict.takes, other.verdict.takes, 3)
    apart = _product(one.name) != _product(other.name)
    return (apart, "skip" not in calls, looked_at, len(calls), parted, -places[one.id] - places[other.id])


def _is_choice(one: ToolValue, other: ToolValue) -> bool:
    return {one.verdict.call, other.verdict.call} != {"skip"}


def _product(name: str) -> tuple[str, ...]:
    """A name without its size, version and edition: "Pocketform 2B" and "Pocketform Mini" are one product's."""
    words = name.casefold().replace("-", " ").split()
    kept = [word for word in words[1:] if word not in _EDITIONS and not any(letter.isdigit() for letter in word)]
    return (words[0].rstrip("0123456789."), *kept) if words else ()


def _newest_first(instant: str) -> tuple[int, ...]:
    """ISO 8601 text in UTC as a key that sorts the latest first; '' comes last."""
    return tuple(-ord(character) for character in instant) if instant else (1,)
