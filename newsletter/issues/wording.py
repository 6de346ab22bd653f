"""Subject, preheader and intro as the content proposes them, until an editor writes others.

Subject and preheader stand in every mail, whatever its reader chose, so they claim only what is true of every mail:
what the pick of the week is (it is in all of them), or that nothing of the week is shipped. The intro counts the whole
week, for those who get all of it; who chose from it gets ``propose_lead`` instead. The week decides which of several
ways of saying it is taken, so issues do not all begin alike.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from newsletter.clock import Week
from newsletter.english import listed
from newsletter.issues.dates import span
from newsletter.issues.values import ToolValue
from newsletter.issues.words import fitted, sentence
from newsletter.verdicts.scorecard import Line

LONGEST_NAME = 40
SHORTEST_PREHEADER, LONGEST_PREHEADER = 40, 110
_LONGEST_PANELIST, _LONGEST_TAGLINE = 20, 160
_FILLING = "The panel's calls, scores and reasons, week by week."
_NOTHING = "Nothing to tell this week"


@dataclass(frozen=True, slots=True)
class Content:
    """What the words are proposed from."""

    title: str
    week: str
    number: int
    items: Sequence[ToolValue]
    also: Sequence[ToolValue]
    pick: ToolValue | None
    split: ToolValue | None = None


def propose_subject(content: Content) -> str:
    pick = content.pick
    if pick is None:
        return _subject_without_pick(content)
    return _one_of(_subjects(fitted(pick.name, LONGEST_NAME), pick), content.week)


def propose_preheader(content: Content) -> str:
    pick = content.pick
    if not (content.items or content.also):
        return f"{_NOTHING}: no tool stands in the issue of {span(Week.parse(content.week))}."
    if pick is None:  # the counts are the intro's first words, which stand right behind it in an inbox
        return f"The tools of {span(Week.parse(content.week))}, each with the panel's call where it made one."
    said = pick.tagline.rstrip(" .") or f"Our pick in {pick.category}"
    voted = "" if pick.community.percent is None else f" Community: {pick.community.percent} % ship."
    told = f"{sentence(said)} Panel: {pick.verdict.counts}.{voted}"
    priced = f"{sentence(pick.pricing.rstrip(' .'))} {told}" if pick.pricing else told
    return _one_of([told, priced] if len(priced) <= LONGEST_PREHEADER else [told], content.week)


def propose_intro(content: Content) -> str:
    """Markdown, with what could be markup in names written plainly. It counts the whole week, and says so."""
    return "\n\n".join(filter(None, (propose_lead(content), _whole_week(content))))


def propose_lead(content: Content) -> str:
    """The part of the intro that is true of every selection; '' for a week without a pick."""
    if content.pick is None:
        return ""
    name = f"**{plain(fitted(content.pick.name, LONGEST_NAME))}**"
    said = _one_of(
        (f"If you only open one thing, open {name}", f"Start with {name}", f"The one to open first is {name}"),
        content.week,
    )
    tagline = fitted(content.pick.tagline.rstrip(" ."), _LONGEST_TAGLINE)
    return f"{said}{plain(f': {sentence(tagline)}') if tagline else '.'}"


def fit_preheader(text: str) -> str:
    """40 to 110 characters: shorter ones hide nothing of the body's first words, longer ones are cut by clients."""
    if len(text) < SHORTEST_PREHEADER:
        text = f"{sentence(text)} {_FILLING}" if text else _FILLING
    return fitted(text, LONGEST_PREHEADER)


def plain(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return "".join(f"\\{character}" if character in "\\*_[]<>`" else character for character in text)


def _subjects(name: str, pick: ToolValue) -> Sequence[str]:
    verdict, takes = pick.verdict, pick.takes
    ships, skips = verdict.ships, verdict.skips
    if verdict.call == "split":
        return (f"{name} splits the panel, {ships} to {skips}", f"{name}: {ships} ship, {skips} skip")
    if skips:
        said = [f"The panel ships {name}, {ships} to {skips}", f"{name}: {ships} ship, {skips} skip"]
        return [*said, f"{name}: {ships} ship, {_named(takes, 'skip')} skips"] if skips == 1 and ships > 1 else said
    if ships == 1:
        return (f"Pick of the week: {name}", f"{name} is our pick of the week", f"{_named(takes, 'ship')} ships {name}")
    together = f"{name}: {_number(ships)} ship, none skip"
    if ships == len(pick.lines):
        return (together, f"The whole panel ships {name}")
    return (together, f"{_number(ships).capitalize()} ship {name}, nobody skips")


def _subject_without_pick(content: Content) -> str:
    """What holds for the whole week holds for any part of it, so these count nothing."""
    if not (content.items or content.also):
        return _NOTHING
    if not content.items:
        return "This week's new tools, before the panel's verdict"
    if all(tool.verdict.call == "skip" for tool in content.items):
        return _one_of(("Nothing to ship this week", "The panel ships nothing this week"), content.week)
    return _one_of(("No clear ship this week", "No tool wins the panel over this week"), content.week)


def _whole_week(content: Content) -> str:
    """One or two sentences that count everything."""
    calls = [tool.verdict.call for tool in content.items]
    everything = len(calls) + len(content.also)
    if not everything:
        return ""
    known = [
        f"{word} {_number(calls.count(call))}"
        for call, word in (("ship", "ships"), ("skip", "skips"), ("split", "is split on"))
        if call in calls
    ]
    if everything == 1 and content.pick:
        return "It is the only tool of the week."
    if not known:
        return f"The whole week has {_tools(everything)}, and the panel has not looked at {_it(everything)} yet."
    if everything == 1:
        return f"The whole week has one tool, and the panel {known[0].rpartition(' ')[0]} it."
    if content.also:
        known.append(f"has not looked at {_number(len(content.also))} yet")
    said = f"The whole week has {_tools(everything)}: the panel {listed(known)}."
    if content.split is None:
        return said
    return f"{said} It disagrees most about {plain(sentence(fitted(content.split.name, LONGEST_NAME)))}"


def _named(takes: Sequence[Line], call: str) -> str:
    return fitted(next(line.name for line in takes if line.call == call), _LONGEST_PANELIST)


def _tools(count: int) -> str:
    return "one tool" if count == 1 else f"{_number(count)} tools"


def _it(count: int) -> str:
    return "it" if count == 1 else "them"


def _number(count: int) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    return words[count] if count < len(words) else str(count)


def _one_of(ways: Sequence[str], week: str) -> str:
    """The same for the same week, others for another."""
    return ways[hashlib.sha256(week.encode()).digest()[0] % len(ways)]
