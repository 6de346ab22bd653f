"""What changed between two readings of an issue, or between two issues, in words an editor can check at a glance."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from newsletter.issues.values import IssueValues, ToolValue
from newsletter.verdicts.scorecard import Line

_FACTS = (
    ("name", "name"), ("address", "url"), ("category", "category"), ("price", "pricing"), ("entry price", "entry"),
    ("tagline", "tagline"), ("best-for line", "best_for"), ("note", "note"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of words: ``same``, ``gone`` or ``new``."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """``words`` are texts that differ; ``changed`` holds tools of both, with a sentence for each change."""

    words: tuple[tuple[str, tuple[Piece, ...]], ...]
    came: tuple[str, ...]
    went: tuple[str, ...]
    changed: tuple[tuple[str, tuple[str, ...]], ...]
    pairs: tuple[str, str] | None

    @property
    def nothing(self) -> bool:
        return not (self.words or self.came or self.went or self.changed or self.pairs)


def difference(before: IssueValues, now: IssueValues) -> Difference:
    words = zip(_words(before), _words(now), strict=True)
    then, since = _tools(before), _tools(now)
    moved = _moved([t.slug for t in before.items], [t.slug for t in now.items])
    changed = [
        (tool.name, sentences)
        for slug, tool in since.items()
        if slug in then and (sentences := (*moved.get(slug, ()), *_changes(then[slug], tool)))
    ]
    pairs = _pairs(before), _pairs(now)
    return Difference(
        tuple((label, marked(was, told)) for (label, was), (_, told) in words if was != told),
        tuple(tool.name for slug, tool in since.items() if slug not in then),
        tuple(tool.name for slug, tool in then.items() if slug not in since),
        tuple(changed),
        pairs if pairs[0] != pairs[1] else None,
    )  # fmt: skip


def _words(values: IssueValues) -> tuple[tuple[str, str], ...]:
    paid = "; ".join(f"{sponsor.name}: {sponsor.text} {sponsor.url}" for sponsor in values.sponsors)
    return (
        ("Subject", values.subject),
        ("Preheader", values.preheader),
        ("Intro", values.intro),
        ("Sponsors", paid),
        ("Changed our mind", "; ".join(tool.name for tool in values.changed)),
        ("Title", values.publication.title),
        ("Postal address", values.publication.postal_address),
    )


def marked(before: str, now: str) -> tuple[Piece, ...]:
    """The words of both, those that went before those that came."""
    old, new = before.split(), now.split()
    found = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            found.append(Piece("same", " ".join(old[a:b])))
            continue
        found += [Piece(kind, " ".join(words)) for kind, words in (("gone", old[a:b]), ("new", new[c:d])) if words]
    return tuple(found)


def _tools(values: IssueValues) -> dict[str, ToolValue]:
    return {tool.slug: tool for tool in (*values.items, *values.also)}


def _moved(before: Sequence[str], now: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Items of both that left their order; those between which they moved stay unmentioned."""
    old, new = [slug for slug in before if slug in now], [slug for slug in now if slug in before]
    stayed = {
        slug
        for start, _, size in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
        for slug in old[start : start + size]
    }
    return {
        slug: (f"moved from place {before.index(slug) + 1} to {now.index(slug) + 1}",)
        for slug in new
        if slug not in stayed
    }


def _changes(before: ToolValue, now: ToolValue) -> list[str]:
    said = []
    if _verdict(before) != _verdict(now):
        said.append(f"its verdict was {_verdict(before)} and is {_verdict(now)}")
    said += _takes(before, now)
    if before.community != now.community:
        said.append(f"readers' votes: {_votes(before)} became {_votes(now)}")
    for label, name in _FACTS:
        if getattr(before, name) != getattr(now, name):
            said.append(f"its {label} was “{getattr(before, name)}” and is “{getattr(now, name)}”")
    return said


def _takes(before: ToolValue, now: ToolValue) -> list[str]:
    """Those of panelists who came or left too."""
    then, since = ({line.panelist: line for line in tool.lines} for tool in (before, now))
    said = []
    for panelist, named in (then | since).items():
        was, line = (lines.get(panelist, Line(panelist, named.name)) for lines in (then, since))
        if (was.call, was.score, was.text) != (line.call, line.score, line.text):
            worded = "" if was.words != line.words else ", in other words"
            said.append(f"{line.name}: {was.words} became {line.words}{worded}")
    return said


def _verdict(tool: ToolValue) -> str:
    verdict = tool.verdict
    return f"{verdict.call} with {verdict.ship_percent} %" if verdict.call else "no take"


def _votes(tool: ToolValue) -> str:
    return f"{tool.vote_ships} ship / {tool.vote_skips} skip"


def _pairs(values: IssueValues) -> str:
    names = {tool.slug: tool.name for tool in values.items}
    return "; ".join(f"{names[left]} and {names[right]}" for left, right in values.pairs) or "none"
