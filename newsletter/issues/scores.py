"""A scorecard in one sentence, for items that have no room for bars and for readers who hear it."""

from collections.abc import Sequence

from newsletter.verdicts.scorecard import Line
from newsletter.verdicts.stamps import NO_TAKE


def in_a_sentence(lines: Sequence[Line]) -> str:
    """``Ship: Builder 91, Futurist. Skip: Skeptic 22. No panel take: Creator.``"""
    groups = (("Ship", "ship"), ("Skip", "skip"), (NO_TAKE, None))
    said = []
    for word, call in groups:
        names = [
            line.name if line.score is None or call is None else f"{line.name} {line.score}"
            for line in lines
            if line.call == call
        ]
        if names:
            said.append(f"{word}: {', '.join(names)}.")
    return " ".join(said)


def bar(score: int | None) -> int:
    """The filled percent of a bar, never 0 or 100: a cell of no width collapses in Outlook."""
    return min(max(score or 0, 1), 99)
