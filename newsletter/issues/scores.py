"""A scorecard in one sentence, for items that have no room for bars and for readers who hear it."""

from collections.abc import Sequence

from newsletter.issues.words import fitted
from newsletter.verdicts.scorecard import Line
from newsletter.verdicts.stamps import NO_TAKE


def groups(lines: Sequence[Line]) -> list[tuple[str | None, str]]:
    """Who ships, who skips and who has no take, in the panel's order: ``("ship", "Builder 91, Futurist")``."""
    found = []
    for call in ("ship", "skip", None):
        names = [_scored(line) for line in lines if line.call == call]
        if names:
            found.append((call, ", ".join(names)))
    return found


def in_a_sentence(lines: Sequence[Line]) -> str:
    """``Ship: Builder 91, Futurist. Skip: Skeptic 22. No panel take: Creator.``"""
    return " ".join(f"{call.capitalize() if call else NO_TAKE}: {names}." for call, names in groups(lines))


def _scored(line: Line) -> str:
    name = fitted(line.name, 24)
    return name if line.score is None or line.call is None else f"{name} {line.score}"


def bar(score: int | None) -> int:
    """The filled percent of a bar, never 0 or 100: a cell of no width collapses in Outlook."""
    return min(max(score or 0, 1), 99)
