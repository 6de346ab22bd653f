"""Lays out an issue: which piece stands where, for whom, and how much of it is shown."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from newsletter.issues.content import Block
from newsletter.issues.layout import (
    CARD,
    DECISIVE,
    EVERYTHING,
    LEFT_OUT,
    LINE,
    TOLD,
    WHOLE,
    Also,
    Card,
    Fit,
    Group,
    Intro,
    Layout,
    Paid,
    Pair,
    Quote,
    Section,
)
from newsletter.issues.values import IssueValues, ToolValue
from newsletter.issues.words import fitted, one_line, shortened
from newsletter.verdicts.scorecard import Line, widest_split

# The name and the label of each tool, by its slug.
_Names = dict[str, tuple[str, str]]

_LISTS = (("ship", "Shipped"), ("split", "Split"), ("skip", "Skipped"))


class _Pieces:
    """Hands out the places of pieces in the order of the mail."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []

    def add(self, block: Block) -> int:
        self.blocks.append(block)
        return len(self.blocks) - 1

    def edge(self, section: str, which: str) -> int:
        """The head or the foot of a section, which go when nothing stands between them."""
        return self.add(Block(f"{section}:{which}", "", "", section=section, heads=True))


def lay_out(values: IssueValues, fit: Fit = WHOLE) -> Layout:
    """The whole mail, as short as ``fit`` says."""
    names = _names([*values.items, *values.also, *values.changed], fit.longest_name)
    pieces = _Pieces()

    def card(tool: ToolValue, section: str, *, pinned: bool = False, feature: bool = False) -> Card:
        detail = max(fit.detail(tool.slug), CARD) if feature else fit.detail(tool.slug)
        found = _card(pieces, tool, names[tool.slug], section, detail, pinned=pinned, feature=feature)
        return replace(found, note=fit.note(tool))

    start = pieces.add(_frame("start"))
    intros = _intros(pieces, values)
    opened = pieces.add(_frame("opened"))
    tools = {tool.slug: tool for tool in values.items}
    pick = card(tools[values.pick], "pick", pinned=True, feature=True) if values.pick else None
    pairs = tuple(_pair(pieces, tools[left], tools[right], names) for left, right in values.pairs)
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
    changed = _changed(pieces, values.changed, names, fit.changed) if values.changed else None
    also = _also(pieces, values.also, names, fit) if values.also else None
    end = pieces.add(_frame("end"))
    return Layout(
        values, start, intros, opened, pick, pairs, split, paid, tuple(sections), changed, also, end,
        tuple(pieces.blocks),
    )  # fmt: skip


def _intros(pieces: _Pieces, values: IssueValues) -> tuple[Intro, ...]:
    """An intro that an editor wrote stands in every mail. One of ours counts the tools of the whole week, so it stands
    only in mails that leave nothing out; the others begin with the lead."""
    if values.lead is None:
        return (Intro(pieces.add(_frame("intro")), values.intro, chosen=False),)
    whole = Intro(pieces.add(replace(_frame("intro:whole"), whole=True)), values.intro, chosen=False)
    return whole, Intro(pieces.add(replace(_frame("intro:chosen"), whole=False)), values.lead, chosen=True)


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
    pieces: _Pieces, tool: ToolValue, names: tuple[str, str], section: str, detail: int, *, pinned: bool, feature: bool
) -> Card:
    """A tool that is left out still has its piece: whoever chose its category gets a mail that counts it."""
    rules = _rules(tool, section, pinned=pinned)
    piece = pieces.add(replace(rules, name=f"item:{tool.slug}"))
    if detail <= LINE:
        return Card(tool, *names, detail, piece)
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
    return Card(tool, *names, detail, piece, tuple(quotes), foot)


def _default_quotes(tool: ToolValue, section: str, feature: bool) -> list[Line]:
    if section == "pick":
        return tool.takes
    pair = widest_split(tool.takes) if feature else None
    return list(pair) if pair else decisive(tool)


def _section(
    pieces: _Pieces, key: str, title: str, tools: Sequence[ToolValue], card: Callable[[ToolValue, str], Card]
) -> Section:
    head = pieces.edge(key, "head")
    cards = tuple(card(tool, key) for tool in tools)
    more = sum(card.detail == LEFT_OUT for card in cards)
    return Section(key, title, head, cards, more, pieces.edge(key, "foot"))


def _changed(pieces: _Pieces, tools: Sequence[ToolValue], names: _Names, named: int) -> Section:
    head = pieces.edge("changed", "head")
    cards = []
    for tool in tools[:named]:
        block = replace(_rules(tool, "changed"), name=f"changed:{tool.slug}")
        cards.append(Card(tool, *names[tool.slug], LINE, pieces.add(block)))
    foot = pieces.edge("changed", "foot")
    return Section("changed", "Changed our mind", head, tuple(cards), len(tools) - len(cards), foot)


def _also(pieces: _Pieces, tools: Sequence[ToolValue], names: _Names, fit: Fit) -> Also:
    """One block a category, so that readers get those of their categories. A category gets its block even where none of
    its tools is named for want of room: whoever chose it alone still gets a mail."""
    named: dict[str, list[ToolValue]] = {tool.category: [] for tool in tools}
    for tool in tools[: fit.named]:
        named[tool.category].append(tool)
    head = pieces.edge("also", "head")
    groups = []
    for category, members in named.items():
        piece = pieces.add(Block(f"also:{category}", "", "", category=category, section="also"))
        cards = tuple(Card(tool, *names[tool.slug], LINE, piece, note=fit.note(tool)) for tool in members)
        groups.append(Group(piece, category, cards))
    foot = pieces.edge("also", "foot")
    return Also(head, tuple(groups), len(tools) <= TOLD, max(len(tools) - fit.named, 0), foot)


def _pair(pieces: _Pieces, left: ToolValue, right: ToolValue, names: _Names) -> Pair:
    percent = min(left.verdict.ship_percent or 0, right.verdict.ship_percent or 0)
    rules = Block("", "", "", category=left.category, ship_percent=percent, section="pair")
    block = replace(rules, name=f"pair:{left.slug}:{right.slug}")
    piece = pieces.add(block)
    sides = (Card(tool, *names[tool.slug], CARD, piece) for tool in (left, right))
    return Pair(piece, *sides)


def _rules(tool: ToolValue, section: str, *, pinned: bool = False) -> Block:
    percent = tool.verdict.ship_percent
    return Block(
        "", "", "", tool=tool.slug, category=tool.category, ship_percent=percent, section=section, pinned=pinned
    )


def _frame(name: str) -> Block:
    return Block(name, "", "")


def _names(tools: Sequence[ToolValue], longest: int) -> _Names:
    """Each tool's name and its label: the name, with the category and then the slug where another tool has the same,
    since no two links may read alike."""
    names = {tool.slug: fitted(tool.name, longest) for tool in tools}
    counts = Counter(names.values())
    longer = {tool.slug: f"{names[tool.slug]} ({fitted(tool.category, longest)})" for tool in tools}
    twice = Counter(longer.values())
    found = {}
    for slug, name in names.items():
        label = name if counts[name] == 1 else longer[slug] if twice[longer[slug]] == 1 else f"{name} ({slug})"
        found[slug] = (name, label)
    return found
