"""The size budget: no mail that anybody gets may be clipped.

Gmail clips at about 102,400 bytes; our bound is 80,000, decoded and encoded, over all blocks together, so whatever a
reader selects fits as well. Where a week brings more, items are shown shorter, the lowest-ranked first: the takes that
only followers of a panelist see go, then all but one line with name, link and verdict, and the editors' note below it.
The pick of the week and the biggest split come after them: they lose their takes in words and keep their scorecards.
Then the notes of *also released* and of those lines go (the check tells which), then long names are cut, and what even
so does not fit (hundreds of reviewed tools) is counted and linked, the lowest-ranked again first. At last fewer of
*also released*, and of *changed our mind*, are named: a letter of an emoji takes twelve bytes, one of Latin one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape

from newsletter.deliveries.splice import encode
from newsletter.issues.content import Block
from newsletter.issues.layout import CARD, DECISIVE, EVERYTHING, LEFT_OUT, LINE, Fit
from newsletter.issues.values import IssueValues

LIMIT = 80_000
# Left free for what a delivery adds: nothing in the HTML today, but a token may take a soft line break with it.
_AIM = 78_000
# What is left of an item that is shown as one line, and what a note has around its words, measured on the template.
_ONE_LINE = 330
_AROUND_NOTE = 200
_SHORTER_NAMES = (60, 30)

# A block with its bytes as quoted-printable.
_Weighed = tuple[Block, int]


def sizes(blocks: Sequence[Block], placeholder: str) -> tuple[int, int]:
    """The bytes of all HTML together: decoded, and as quoted-printable."""
    decoded = sum(len(block.html.encode()) for block in blocks)
    return decoded, sum(len(encode(block.html, placeholder or "\x00")) for block in blocks)


def shorter(blocks: Sequence[Block], values: IssueValues, fit: Fit) -> Fit | None:
    """What to show instead, or None where everything fits or nothing can be shortened further."""
    weights = [(block, len(encode(block.html, "\x00"))) for block in blocks]
    decoded = sum(len(block.html.encode()) for block in blocks)
    excess = max(decoded, sum(weight for _, weight in weights)) - _AIM
    if excess <= 0:
        return None
    steps = list(_steps(values, fit))
    if steps:
        return replace(fit, details=_shown_shorter(weights, steps, fit, excess, _notes(values)))
    if noted := {slug: size for slug, size in _notes(values).items() if _may_lose_note(values, fit, slug)}:
        return replace(fit, without_note=fit.without_note | _first_of(noted, excess))
    for longest in _SHORTER_NAMES:
        if longest < fit.longest_name:
            return replace(fit, longest_name=longest)
    return _with_less_left(weights, values, fit, excess) or _naming_fewer(weights, values, fit, excess)


def _shown_shorter(
    weights: Sequence[_Weighed], steps: Sequence[tuple[str, int]], fit: Fit, excess: int, notes: Mapping[str, int]
) -> Mapping[str, int]:
    """As many steps as free the excess by what the blocks weigh; at least one."""
    lengths = _lengths(weights)
    details = dict(fit.details)
    for slug, detail in steps:
        dropped = range(detail + 1, details.get(slug, EVERYTHING) + 1)
        left = _ONE_LINE + notes.get(slug, 0) if detail == LINE else 0
        freed = sum(lengths.get((slug, step), 0) for step in dropped) - left
        details[slug] = detail
        excess -= max(freed, 0)
        if excess <= 0:
            break
    return details


def _notes(values: IssueValues) -> dict[str, int]:
    """What the note of each tool weighs, those first that go first."""
    tools = (*reversed(values.also), *reversed(values.items))
    return {tool.slug: _AROUND_NOTE + len(encode(escape(tool.note), "\x00")) for tool in tools if tool.note}


def _may_lose_note(values: IssueValues, fit: Fit, slug: str) -> bool:
    return slug not in fit.without_note and slug not in (values.pick, values.split)


def _first_of(noted: Mapping[str, int], excess: int) -> set[str]:
    """As many notes as free the excess; at least one."""
    found = set()
    for slug, size in noted.items():
        found.add(slug)
        excess -= size
        if excess <= 0:
            break
    return found


def _with_less_left(weights: Sequence[_Weighed], values: IssueValues, fit: Fit, excess: int) -> Fit | None:
    """Lines that are only counted now, from the end."""
    lengths = _lengths(weights)
    details = dict(fit.details)
    for slug in _listed(values):
        if excess <= 0:
            break
        if details.get(slug) == LINE:
            details[slug] = LEFT_OUT
            excess -= lengths.get((slug, CARD), 0)
    return replace(fit, details=details) if details != fit.details else None


def _naming_fewer(weights: Sequence[_Weighed], values: IssueValues, fit: Fit, excess: int) -> Fit | None:
    """As many names less as free the excess by what they weigh on the average; at least one."""
    if named := min(fit.named, len(values.also)):
        return replace(fit, named=max(named - 1 - excess * named // _weight(weights, "also"), 0))
    if named := min(fit.changed, len(values.changed)):
        return replace(fit, changed=max(named - 1 - excess * named // _weight(weights, "changed"), 0))
    return None


def _weight(weights: Sequence[_Weighed], section: str) -> int:
    return sum(weight for block, weight in weights if block.section == section)


def _steps(values: IssueValues, fit: Fit) -> Iterator[tuple[str, int]]:
    """Every way to show less of an item, in the order in which it is done."""
    featured = [slug for slug in (values.split, values.pick) if slug]
    steps = [(slug, detail) for detail in (DECISIVE, LINE) for slug in _listed(values)]
    steps += [(slug, detail) for detail in (DECISIVE, CARD) for slug in featured]
    yield from ((slug, detail) for slug, detail in steps if fit.detail(slug) > detail)


def _listed(values: IssueValues) -> list[str]:
    """The lowest-ranked first."""
    return [tool.slug for tool in reversed(values.items) if tool.slug not in (values.pick, values.split)]


def _lengths(weights: Sequence[_Weighed]) -> dict[tuple[str, int], int]:
    """What each step gives back: (slug, the detail it is shown in) -> encoded bytes."""
    found: dict[tuple[str, int], int] = {}
    for block, weight in weights:
        if block.tool is None:
            continue
        detail = EVERYTHING if block.followers_only else DECISIVE if block.panelist else CARD
        key = (block.tool, detail)
        found[key] = found.get(key, 0) + weight
    return found
