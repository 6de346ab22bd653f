"""Subject, preheader and intro as the content proposes them, until an editor writes others.

Every mail carries them, whatever its reader chose, so they claim only what is true of every mail: what the pick of the
week is (it is in all of them), and counts that say they are those of the whole week.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from newsletter.clock import Week
from newsletter.issues.dates import span
from newsletter.issues.values import ToolValue
from newsletter.issues.words import fitted

LONGEST_NAME = 48
SHORTEST_PREHEADER, LONGEST_PREHEADER = 40, 110
_FILLING = "The panel's calls, scores and reasons, and where it disagrees."


@dataclass(frozen=True, slots=True)
class Content:
    """What the words are proposed from."""

    title: str
    week: str
    number: int
    items: Sequence[ToolValue]
    also: Sequence[ToolValue]
    pick: ToolValue | None


def propose_subject(content: Content) -> str:
    pick = content.pick
    if pick is None:
        return _subject_without_pick(content)
    name, verdict = fitted(pick.name, LONGEST_NAME), pick.verdict
    if verdict.call == "split":
        return f"{name} splits the panel, {verdict.ships} to {verdict.skips}"
    if not verdict.skips and verdict.ships > 1:
        said = (f"All {_number(verdict.ships)} ship {name}", f"{name}: {_number(verdict.ships)} ships, no skip")
    elif not verdict.skips:
        said = (f"Pick of the week: {name}", f"{name} is our pick of the week")
    else:
        said = (f"The panel ships {name}, {verdict.ships} to {verdict.skips}",
                f"{name}: ship, {verdict.ship_percent} % of the panel")  # fmt: skip
    return said[_seed(content.week) % len(said)]


def propose_preheader(content: Content) -> str:
    pick = content.pick
    if pick is None:  # the counts are the intro's first words, which stand right behind it in an inbox
        return (
            f"What came out in the week of {span(Week.parse(content.week))}, with the panel's call where it made one."
        )
    said = pick.tagline.rstrip(" .") or f"Our pick in {pick.category}"
    return f"{said}. Panel: {pick.verdict.counts}. Community: {_votes(pick)}."


def propose_intro(content: Content) -> str:
    """Markdown, with what could be markup in names written plainly."""
    counts = _week_counts(content)
    if content.pick is None:
        return counts
    pick = content.pick
    tagline = f": {pick.tagline.rstrip(' .')}" if pick.tagline else ""
    return f"If you only open one thing, open **{plain(pick.name)}**{plain(tagline)}.\n\n{counts}"


def fit_preheader(text: str) -> str:
    """40 to 110 characters: shorter ones hide nothing of the body's first words, longer ones are cut by clients."""
    if len(text) < SHORTEST_PREHEADER:
        text = f"{text} {_FILLING}".strip()
    return fitted(text, LONGEST_PREHEADER)


def plain(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return "".join(f"\\{character}" if character in "\\*_[]<>`" else character for character in text)


def _subject_without_pick(content: Content) -> str:
    reviewed, others = len(content.items), len(content.also)
    if not reviewed:
        return f"{_tools(others).capitalize()} came out this week, no panel take yet"
    if all(tool.verdict.call == "skip" for tool in content.items):
        return f"Nothing to ship this week: the panel skips {'it' if reviewed == 1 else 'all ' + _number(reviewed)}"
    return f"No clear ship this week among {_tools(reviewed)}"


def _week_counts(content: Content) -> str:
    """One or two sentences that count the whole week."""
    calls = [tool.verdict.call for tool in content.items]
    reviewed, others = len(calls), len(content.also)
    parts = [
        f"{word} {_number(calls.count(call))}"
        for call, word in (("ship", "ships"), ("split", "is split on"), ("skip", "skips"))
        if call in calls
    ]
    if not reviewed:
        return f"In the whole week, {_tools(others)} came out; the panel has not looked at any yet."
    said = f"In the whole week, the panel looked at {_tools(reviewed)}: it {_listed(parts)}."
    return f"{said} {_more(others)} came out without a panel take." if others else said


def _votes(tool: ToolValue) -> str:
    percent = tool.community.percent
    return "no votes yet" if percent is None else f"{percent} % ship"


def _tools(count: int) -> str:
    return "one tool" if count == 1 else f"{_number(count)} tools"


def _more(count: int) -> str:
    return f"{_number(count).capitalize()} more"


def _number(count: int) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    return words[count] if count < len(words) else str(count)


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _seed(week: str) -> int:
    """The same words for the same week, others for another."""
    return hashlib.sha256(week.encode()).digest()[0]
