"""What stands where in the mail, as pieces that templates write and readers' selections choose among.

A piece becomes a Block. Templates mark where each begins; ``pieces`` lists them in that order with their rules.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from newsletter.issues.content import Block
from newsletter.issues.values import IssueValues, Sponsor, ToolValue
from newsletter.issues.words import one_line, shortened
from newsletter.verdicts.scorecard import Line, widest_split

NAMED = 40
"""How many of *also released* the mail names; the rest are counted and linked."""

# How much of an item the mail shows, and what each step less leaves out.
EVERYTHING, DECISIVE, CARD, LINE = 3, 2, 1, 0

_LISTS = (("ship", "Shipped"), ("split", "Split"), ("skip", "Skipped"))


@dataclass(frozen=True, slots=True)
class Quote:
    """A take in words; ``cut`` says that it goes on behind the link."""

    piece: int
    line: Line
    text: str
    cut: bool


@dataclass(frozen=True, slots=True)
class Card:
    """A tool as the mail shows it. ``label`` names it apart from every other tool of the issue."""

    tool: ToolValue
    label: str
    detail: int
    piece: int
    quotes: tuple[Quote, ...] = ()
    foot: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """``piece`` and ``foot`` open and close it."""

    key: str
    title: str
    piece: int
    cards: tuple[Card, ...]
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
    """Tools of one category that came out without a take; ``more`` of them are only counted."""

    piece: int
    category: str
    tools: tuple[Card, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Also:
    piece: int
    groups: tuple[Group, ...]
    named: int
    more: int
    foot: int


@dataclass(frozen=True, slots=True)
class Layout:
    """``pieces`` are Blocks with rules and no content yet, in the order in which they stand."""

    values: IssueValues
    start: int
    pick: Card | None
    pairs: tuple[Pair, ...]
    split: Card | None
    sponsors: tuple[Paid, ...]
    sections: tuple[Section, ...]
    changed: Section | None
    also: Also | None
    end: int
    pieces: tuple[Block, ...]


class _Pieces:
    """Hands out the places of pieces in the order of the mail."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []

    def add(self, block: Block) -> int:
        self.blocks.append(block)
        return len(self.blocks) - 1


def lay_out(values: IssueValues, details: Mapping[str, int] | None = None) -> Layout:
    """The whole mail; ``details`` says how much of an item (by slug) is shown, everything where it is silent."""
    labels = _labels([*values.items, *values.also, *values.changed])
    pieces = _Pieces()

    def card(tool: ToolValue, section: str, *, pinned: bool = False, feature: bool = False) -> Card:
        detail = max((details or {}).get(tool.slug, EVERYTHING), CARD if feature else LINE)
        return _card(pieces, tool, labels[tool.slug], section, detail, pinned=pinned, feature=feature)

    start = pieces.add(_frame("start"))
    tools = {tool.slug: tool for tool in values.items}
    pick = card(tools[values.pick], "pick", pinned=True, feature=True) if values.pick else None
    pairs = tuple(_pair(pieces, tools[left], tools[right], labels) for left, right in values.pairs)
    split = card(tools[values.split], "split", feature=True) if values.split else None
    paid = tuple(
        Paid(pieces.add(_frame(f"sponsor:{place}")), sponsor) for place, sponsor in enumerate(values.sponsors, 1)
    )
    featured = {values.pick, values.split}
    sections = []
    for call, title in _LISTS:
        listed = [tool for tool in values.items if tool.verdict.call == call and tool.slug not in featured]
        if listed:
            more = bool(pick and pick.tool.verdict.call == call)
            sections.append(_section(pieces, f"{call}s", f"Also {title.lower()}" if more else title, listed, card))
    changed = _changed(pieces, values.changed, labels) if values.changed else None
    also = _also(pieces, values.also, labels) if values.also else None
    end = pieces.add(_frame("end"))
    return Layout(values, start, pick, pairs, split, paid, tuple(sections), changed, also, end, tuple(pieces.blocks))


def decisive(tool: ToolValue) -> list[Line]:
    """The takes that say best why the verdict is what it is: the strongest on its side, or both ends of a split."""
    call = tool.verdict.call
    pair = widest_split(tool.takes)
    if call == "split" and pair:
        return [line for line in tool.lines if line in pair]
    ours = [line for line in tool.takes if line.call == call and line.text]
    sign = -1 if call == "skip" else 1
    best = max(ours, key=lambda line: sign * (line.score if line.score is not None else 50), default=None)
    return [best] if best else []


def _card(
    pieces: _Pieces, tool: ToolValue, label: str, section: str, detail: int, *, pinned: bool, feature: bool
) -> Card:
    rules = _rules(tool, section, pinned=pinned)
    piece = pieces.add(replace(rules, name=f"item:{tool.slug}"))
    if detail == LINE:
        return Card(tool, label, detail, piece)
    shown = _default_quotes(tool, section, feature) if detail >= DECISIVE else []
    quotes = []
    for line in tool.takes:
        said = one_line(line.text)
        if said and (line in shown or detail == EVERYTHING):
            # A pinned card is in every mail, its takes follow the reader's panelists.
            block = replace(rules, name=f"take:{tool.slug}:{line.panelist}", panelist=line.panelist, pinned=False,
                            followers_only=line not in shown)  # fmt: skip
            block = replace(block, category=None, ship_percent=None) if pinned else block
            quotes.append(Quote(pieces.add(block), line, *shortened(said)))
    foot = pieces.add(replace(rules, name=f"links:{tool.slug}"))
    return Card(tool, label, detail, piece, tuple(quotes), foot)


def _default_quotes(tool: ToolValue, section: str, feature: bool) -> list[Line]:
    if section == "pick":
        return tool.takes
    pair = widest_split(tool.takes) if feature else None
    return list(pair) if pair else decisive(tool)


def _section(
    pieces: _Pieces, key: str, title: str, tools: Sequence[ToolValue], card: Callable[[ToolValue, str], Card]
) -> Section:
    head = pieces.add(Block(f"{key}:head", "", "", section=key, heads=True))
    cards = tuple(card(tool, key) for tool in tools)
    return Section(key, title, head, cards, pieces.add(Block(f"{key}:foot", "", "", section=key, heads=True)))


def _changed(pieces: _Pieces, tools: Sequence[ToolValue], labels: Mapping[str, str]) -> Section:
    head = pieces.add(Block("changed:head", "", "", section="changed", heads=True))
    cards = []
    for tool in tools:
        block = replace(_rules(tool, "changed"), name=f"changed:{tool.slug}")
        cards.append(Card(tool, labels[tool.slug], LINE, pieces.add(block)))
    foot = pieces.add(Block("changed:foot", "", "", section="changed", heads=True))
    return Section("changed", "Changed our mind", head, tuple(cards), foot)


def _also(pieces: _Pieces, tools: Sequence[ToolValue], labels: Mapping[str, str]) -> Also:
    """By category, so that a reader's categories choose. A category of which none is named still makes a mail."""
    named, counted = defaultdict(list), Counter(tool.category for tool in tools[NAMED:])
    for tool in tools[:NAMED]:
        named[tool.category].append(tool)
    head = pieces.add(Block("also:head", "", "", section="also", heads=True))
    groups = []
    for category in [*named, *(category for category in counted if category not in named)]:
        piece = pieces.add(Block(f"also:{category}", "", "", category=category, section="also"))
        cards = tuple(Card(tool, labels[tool.slug], LINE, piece) for tool in named[category])
        groups.append(Group(piece, category, cards, counted[category]))
    foot = pieces.add(Block("also:foot", "", "", section="also", heads=True))
    return Also(head, tuple(groups), min(len(tools), NAMED), max(len(tools) - NAMED, 0), foot)


def _pair(pieces: _Pieces, left: ToolValue, right: ToolValue, labels: Mapping[str, str]) -> Pair:
    percent = min(left.verdict.ship_percent or 0, right.verdict.ship_percent or 0)
    rules = Block("", "", "", category=left.category, ship_percent=percent, section="pair")
    block = replace(rules, name=f"pair:{left.slug}:{right.slug}")
    piece = pieces.add(block)
    return Pair(piece, Card(left, labels[left.slug], CARD, piece), Card(right, labels[right.slug], CARD, piece))


def _rules(tool: ToolValue, section: str, *, pinned: bool = False) -> Block:
    percent = tool.verdict.ship_percent
    return Block(
        "", "", "", tool=tool.slug, category=tool.category, ship_percent=percent, section=section, pinned=pinned
    )


def _frame(name: str) -> Block:
    return Block(name, "", "")


def _labels(tools: Sequence[ToolValue]) -> dict[str, str]:
    """The name, with the category and then the slug where another tool has the same: no two links read alike."""
    names = Counter(tool.name for tool in tools)
    longer = {tool.slug: tool.name if names[tool.name] == 1 else f"{tool.name} ({tool.category})" for tool in tools}
    twice = Counter(longer.values())
    return {
        tool.slug: longer[tool.slug] if twice[longer[tool.slug]] == 1 else f"{tool.name} ({tool.slug})"
        for tool in tools
    }
