"""What editors decide about a draft, as a value: its words, the order of its items, what is dropped, the pair.

Each edit is a function from one arrangement to the next; issues/arrange.py stores the result, keeps what stood before,
and so can undo it. ``shown`` is the order in which the issue's items stand now, the rule's places included.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from newsletter.errors import BadInputError

LONGEST_SUBJECT = 300
LONGEST_INTRO = 4_000
LONGEST_NOTE = 2_000
# A sponsor is a block among others, not the issue, and all of them fit the size budget whatever the week brings.
MOST_SPONSORS = 3
LONGEST_SPONSOR_NAME, LONGEST_SPONSOR_TEXT, LONGEST_SPONSOR_URL = 80, 400, 400


@dataclass(frozen=True, slots=True)
class Item:
    """A tool's place. ``position`` is None where the rule orders it, ``added_by`` where the rule brought it. It counts
    from 1 among the items, and from -1 down in *also released*: a tool that gets its first take leaves that list, and
    its place there says nothing of where it stands among the items."""

    tool_id: int
    position: int | None = None
    dropped: bool = False
    note: str | None = None
    added_by: str | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    left_tool_id: int
    right_tool_id: int
    chosen_by: str | None = None


@dataclass(frozen=True, slots=True)
class Arrangement:
    """``subject``, ``preheader`` and ``intro`` are None where the content proposes them."""

    subject: str | None = None
    preheader: str | None = None
    intro: str | None = None
    settings: tuple[tuple[str, Any], ...] = ()
    items: tuple[Item, ...] = ()
    pairs: tuple[Pair, ...] = ()

    def item(self, tool_id: int) -> Item:
        return next((item for item in self.items if item.tool_id == tool_id), Item(tool_id))

    def document(self) -> dict[str, Any]:
        """As JSON; ``read`` is its inverse."""
        return asdict(self) | {"settings": dict(self.settings)}


def read(document: dict[str, Any]) -> Arrangement:
    return Arrangement(
        document["subject"],
        document["preheader"],
        document["intro"],
        tuple(document["settings"].items()),
        tuple(Item(**item) for item in document["items"]),
        tuple(Pair(**pair) for pair in document["pairs"]),
    )


def with_merged(now: Arrangement, merged: Mapping[int, int]) -> Arrangement:
    """A stored arrangement, after tools were merged (id -> id of what they became part of). Where both stood in it, the
    latter's place wins, and its note if it has one; pairs with a merged tool go."""
    items = {item.tool_id: item for item in now.items if item.tool_id not in merged}
    for item in now.items:
        if (into := merged.get(item.tool_id)) is not None:
            there = items.get(into) or replace(item, tool_id=into)
            items[into] = replace(there, note=there.note or item.note)
    pairs = tuple(pair for pair in now.pairs if not {pair.left_tool_id, pair.right_tool_id} & merged.keys())
    return replace(now, items=tuple(items.values()), pairs=pairs)


def move(now: Arrangement, shown: Sequence[int], tool_id: int, by: int, *, also: bool = False) -> Arrangement:
    """Shift an item by some places among those shown, which are *also released* or the others; at the ends it stays."""
    order = list(shown)
    if tool_id not in order:
        return now
    here = order.index(tool_id)
    there = min(max(here + by, 0), len(order) - 1)
    order.insert(there, order.pop(here))
    return _placed(now, order, {tool_id}, also) if there != here else now


def put_in_order(now: Arrangement, order: Sequence[int]) -> Arrangement:
    """Fix the places of all these items, first to last."""
    return _placed(now, order, set(order), False)


def _placed(now: Arrangement, order: Sequence[int], chosen: set[int], also: bool) -> Arrangement:
    """Those ``chosen`` and those placed earlier hold their places in ``order``; the rule sorts the others around them.
    A position in the list *also released* is stored as a negative number."""
    fixed = chosen | set(places({item.tool_id: item.position for item in now.items}, also=also))
    sign = -1 if also else 1
    held = {tool_id: sign * place for place, tool_id in enumerate(order, 1) if tool_id in fixed}
    return with_items(now, *(replace(now.item(tool_id), position=place) for tool_id, place in held.items()))


def places(positions: Mapping[int, int | None], *, also: bool) -> dict[int, int]:
    """The places that count in one of the two lists, from 1. A place in *also released* (negative) counts in that list
    alone; one among the items is held in either."""
    held = {tool_id: place for tool_id, place in positions.items() if place is not None}
    return {tool_id: abs(place) for tool_id, place in held.items() if also or place > 0}


def pin(now: Arrangement, shown: Sequence[int], tool_id: int, *, also: bool = False) -> Arrangement:
    """Hold an item at the place where it stands, whatever the rule brings in later."""
    return _placed(now, shown, {tool_id}, also) if tool_id in shown else now


def unpin(now: Arrangement, tool_id: int) -> Arrangement:
    """The rule orders it again."""
    return with_items(now, replace(now.item(tool_id), position=None))


def drop(now: Arrangement, tool_id: int) -> Arrangement:
    """The item stays out of the mail, and its pairs with it, until it is restored."""
    pairs = tuple(pair for pair in now.pairs if tool_id not in (pair.left_tool_id, pair.right_tool_id))
    return replace(with_items(now, replace(now.item(tool_id), dropped=True)), pairs=pairs)


def restore(now: Arrangement, tool_id: int) -> Arrangement:
    return with_items(now, replace(now.item(tool_id), dropped=False))


def add(now: Arrangement, tool_id: int, by: str, *, released: bool) -> Arrangement:
    """Bring a tool in by hand, or back in. ``released``: the issue has a release of it, so it is in by the rule, not by
    hand."""
    item = now.item(tool_id)
    return with_items(now, replace(item, dropped=False, added_by=item.added_by or (None if released else by)))


def write_note(now: Arrangement, tool_id: int, note: str) -> Arrangement:
    """Does nothing for a tool that was never in the issue."""
    if all(item.tool_id != tool_id for item in now.items):
        return now
    return with_items(now, replace(now.item(tool_id), note=note.strip() or None))


def wish_time(now: Arrangement, time: str) -> Arrangement:
    """Keep what was typed as the time to send at, until somebody schedules it; local to the publication's zone."""
    return _with_settings(now, send_at=time)


def add_sponsor(now: Arrangement, name: str, text: str, url: str) -> Arrangement:
    """A paid block, below those that are there. Raises BadInputError for what is too much, too long or no address."""
    name, text, url = " ".join(name.split()), text.strip(), url.strip()
    for what, given, longest in (
        ("name", name, LONGEST_SPONSOR_NAME), ("text", text, LONGEST_SPONSOR_TEXT), ("url", url, LONGEST_SPONSOR_URL)
    ):  # fmt: skip
        if not given or len(given) > longest:
            raise BadInputError(f"a sponsor's {what} has 1 to {longest} characters, not {len(given)}")
    if not _is_web_address(url):
        raise BadInputError(f"a sponsor's url is an address such as https://sponsor.example/, not {url!r}")
    have = sponsors(now)
    if len(have) >= MOST_SPONSORS:
        raise BadInputError(f"an issue has at most {MOST_SPONSORS} sponsors; take one out first")
    return _with_settings(now, sponsors=[*have, {"name": name, "text": text, "url": url}])


def drop_sponsor(now: Arrangement, place: int) -> Arrangement:
    """``place`` counts from 1. Raises BadInputError where there is none."""
    have = sponsors(now)
    if not 1 <= place <= len(have):
        raise BadInputError(f"the issue has no sponsor {place}; it has {len(have)}")
    return _with_settings(now, sponsors=have[: place - 1] + have[place:])


def sponsors(now: Arrangement) -> list[dict[str, str]]:
    found: list[dict[str, str]] = dict(now.settings).get("sponsors", [])
    return list(found)


def pair(now: Arrangement, left: int | None, right: int | None, by: str) -> Arrangement:
    """Set the head-to-head pair; without one the rule chooses again when the draft is next composed."""
    chosen = (Pair(left, right, by),) if left is not None and right is not None else ()
    return replace(now, pairs=chosen)


def with_items(now: Arrangement, *changed: Item) -> Arrangement:
    items = {item.tool_id: item for item in now.items} | {item.tool_id: item for item in changed}
    return replace(now, items=tuple(items.values()))


def _with_settings(now: Arrangement, **changed: Any) -> Arrangement:
    return replace(now, settings=tuple((dict(now.settings) | changed).items()))


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable() and " " not in url
    except ValueError:
        return False
