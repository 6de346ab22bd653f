"""What stands where in a mail, as values that templates write.

A piece becomes a Block. Templates mark where each begins; ``pieces`` lists them in that order with their rules.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from newsletter.issues.content import Block
from newsletter.issues.values import IssueValues, Sponsor, ToolValue
from newsletter.verdicts.scorecard import Line

NAMED = 40
"""How many of *also released* the mail names; the rest are counted and linked."""
TOLD = 12
"""Up to so many of them have a line each, with their tagline."""
CHANGED = 12
"""How many of *changed our mind* the mail names; the archive has them all."""

# How much of an item the mail shows, and what each step less leaves out. What is left out is counted and linked.
EVERYTHING, DECISIVE, CARD, LINE, LEFT_OUT = 3, 2, 1, 0, -1
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Fit:
    """How much is shown: of each item by its slug, everything where ``details`` is silent; and of each name; and how
    many of *also released* and *changed our mind* are named. The editors' notes of ``without_note`` find no room."""

    details: Mapping[str, int] = field(default_factory=dict)
    longest_name: int = LONGEST_NAME
    without_note: frozenset[str] = frozenset()
    named: int = NAMED
    changed: int = CHANGED

    def detail(self, slug: str) -> int:
        return self.details.get(slug, EVERYTHING)

    def note(self, tool: ToolValue) -> str:
        return "" if tool.slug in self.without_note or self.detail(tool.slug) == LEFT_OUT else tool.note


WHOLE = Fit()


@dataclass(frozen=True, slots=True)
class Intro:
    """``chosen``: for mails that leave something out."""

    piece: int
    text: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Quote:
    """A take in words; ``cut`` says that it goes on behind the link."""

    piece: int
    line: Line
    text: str
    cut: bool


@dataclass(frozen=True, slots=True)
class Card:
    """A tool as the mail shows it. ``name`` is cut where it is very long, ``label`` names it apart from every other
    tool of the issue. ``note`` is the editors', '' where it is not printed."""

    tool: ToolValue
    name: str
    label: str
    detail: int
    piece: int
    quotes: tuple[Quote, ...] = ()
    foot: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """``piece`` and ``foot`` open and close it; ``more`` of its tools are only counted."""

    key: str
    title: str
    piece: int
    cards: tuple[Card, ...]
    more: int
    foot: int


@dataclass(frozen=True, slots=True)
class Pair:
    piece: int
    left: Card
    right: Card


@dataclass(frozen=True, slots=True)
class Paid:
    piece: int
    sponsor: Sponsor


@dataclass(frozen=True, slots=True)
class Group:
    """Tools of one category that came out without a take."""

    piece: int
    category: str
    tools: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Also:
    """``told``: there are so few that each is told with its tagline. ``more`` are only counted."""

    piece: int
    groups: tuple[Group, ...]
    told: bool
    more: int
    foot: int


@dataclass(frozen=True, slots=True)
class Layout:
    """``pieces`` are Blocks with rules and no content yet, in the order in which they stand. ``start`` and ``opened``
    open and close the head of the mail."""

    values: IssueValues
    start: int
    intros: tuple[Intro, ...]
    opened: int
    pick: Card | None
    pairs: tuple[Pair, ...]
    split: Card | None
    sponsors: tuple[Paid, ...]
    sections: tuple[Section, ...]
    changed: Section | None
    also: Also | None
    end: int
    pieces: tuple[Block, ...]

    @property
    def without_note(self) -> tuple[str, ...]:
        """The slugs of tools whose note is printed nowhere."""
        cards = [card for section in self.sections for card in section.cards]
        cards += [card for group in (self.also.groups if self.also else ()) for card in group.tools]
        printed = {card.tool.slug for card in (self.pick, self.split, *cards) if card and card.note}
        noted = [tool.slug for tool in (*self.values.items, *self.values.also) if tool.note]
        return tuple(slug for slug in noted if slug not in printed)
