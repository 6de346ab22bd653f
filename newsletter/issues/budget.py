"""The size budget: no mail that anybody gets may be clipped.

Gmail clips at about 102,400 bytes; our bound is 80,000, decoded and encoded, over all blocks together, so whatever a
reader selects fits as well. Where a week brings more, items are shown shorter, the lowest-ranked first: first the
takes that only followers of a panelist see go, then all but one line with name, link and verdict. The pick of the week
and the biggest split come last: they lose their takes in words and keep their scorecards.
"""

from collections.abc import Iterator, Mapping, Sequence

from newsletter.deliveries.splice import encode
from newsletter.issues.content import Block
from newsletter.issues.layout import CARD, DECISIVE, EVERYTHING, LINE
from newsletter.issues.values import IssueValues

LIMIT = 80_000
# Left free for what a delivery adds: nothing in the HTML today, but a token may take a soft line break with it.
_AIM = 78_000
# What is left of an item that is shown as one line, measured on the template.
_ONE_LINE = 330


def sizes(blocks: Sequence[Block], placeholder: str = "") -> tuple[int, int]:
    """The bytes of all HTML together: decoded, and as quoted-printable."""
    decoded = sum(len(block.html.encode()) for block in blocks)
    return decoded, sum(len(encode(block.html, placeholder or "\x00")) for block in blocks)


def shorter(blocks: Sequence[Block], values: IssueValues, details: Mapping[str, int]) -> dict[str, int] | None:
    """How much of each item to show instead, or None where everything fits or nothing can be shortened further."""
    excess = max(sizes(blocks)) - _AIM
    if excess <= 0:
        return None
    lengths = _lengths(blocks)
    wanted = dict(details)
    for slug, detail in _steps(values, details):
        if excess <= 0:
            break
        dropped = range(detail + 1, wanted.get(slug, EVERYTHING) + 1)
        freed = sum(lengths.get((slug, step), 0) for step in dropped) - (_ONE_LINE if detail == LINE else 0)
        excess -= max(freed, 0)
        wanted[slug] = detail
    return wanted if wanted != dict(details) else None


def _steps(values: IssueValues, details: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """Every way to show less, in the order in which it is done."""
    featured = [slug for slug in (values.split, values.pick) if slug]
    listed = [tool.slug for tool in reversed(values.items) if tool.slug not in featured]
    steps = [(slug, detail) for detail in (DECISIVE, LINE) for slug in listed]
    steps += [(slug, detail) for detail in (DECISIVE, CARD) for slug in featured]
    yield from ((slug, detail) for slug, detail in steps if details.get(slug, EVERYTHING) > detail)


def _lengths(blocks: Sequence[Block]) -> dict[tuple[str, int], int]:
    """What each step gives back: (slug, the detail it is shown in) -> encoded bytes."""
    found: dict[tuple[str, int], int] = {}
    for block in blocks:
        if block.tool is None:
            continue
        detail = EVERYTHING if block.followers_only else DECISIVE if block.panelist else CARD
        key = (block.tool, detail)
        found[key] = found.get(key, 0) + len(encode(block.html, "\x00"))
    return found
