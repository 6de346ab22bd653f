"""What an import would change: the file's tools against those that are there, as values.

Fields that are not given stay. A take that is given replaces that panelist's, unless it says the same already; takes
that are not given stay. Votes are a starting balance: the votes cast here are counted on top of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Protocol

from newsletter.feeds.addresses import canonical_url
from newsletter.releases.naming import fold_name
from newsletter.tools.catalogue import community_order, panel_order
from newsletter.tools.field_values import Fault, is_web_address
from newsletter.tools.reading import TEXT_FIELDS, GivenTake, GivenTool
from newsletter.verdicts.takes import SignedTake
from newsletter.verdicts.tally import tally

NEEDED = ("name", "url", "category")


class KnownTool(Protocol):
    """A tool of the catalogue, as db/tools.py gives it."""

    @property
    def id(self) -> int: ...
    @property
    def listed(self) -> bool: ...
    @property
    def merged_into_id(self) -> int | None: ...
    @property
    def starting_ships(self) -> int: ...
    @property
    def starting_skips(self) -> int: ...
    @property
    def vote_ships(self) -> int: ...
    @property
    def vote_skips(self) -> int: ...


class KnownTake(SignedTake, Protocol):
    """A take of the catalogue."""

    @property
    def id(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Known:
    """A tool with its standing takes, the aliases (kind, key) that an earlier import gave, those from elsewhere, and
    (ships, skips) of the votes cast here."""

    tool: KnownTool
    takes: Sequence[KnownTake] = ()
    aliases: frozenset[tuple[str, str]] = frozenset()
    other_aliases: frozenset[tuple[str, str]] = frozenset()
    cast: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one tool. ``tool_id`` is None for a new one; ``aliases`` (kind, key, label) replace those of
    earlier imports, None leaves them; ``address`` (key, url) is given when it is new."""

    slug: str
    tool_id: int | None
    columns: dict[str, Any] = field(default_factory=dict)
    aliases: tuple[tuple[str, str, str], ...] | None = None
    address: tuple[str, str] | None = None
    new_takes: tuple[GivenTake, ...] = ()
    retired: tuple[int, ...] = ()

    @property
    def is_empty(self) -> bool:
        return self.tool_id is not None and not (self.columns or self.aliases is not None or self.new_takes)


def faults_of(tools: Iterable[GivenTool], known: Mapping[str, Known], panel: Sequence[str]) -> list[Fault]:
    """What the file alone cannot tell: new tools that lack a field, merged slugs, panelists that look mistyped."""
    faults = []
    for given in tools:
        there = known.get(given.slug)
        if there is None:
            missing = [name for name in NEEDED if name not in given.fields.keys() | given.refused]
            faults += [Fault(f"has no {name}, which a new tool needs").at(given.place) for name in missing]
        elif there.tool.merged_into_id is not None:
            faults.append(Fault(f"{given.slug!r} was merged into another tool; import that one").at(given.place))
        for take in given.takes or ():
            meant = [] if take.panelist in panel else get_close_matches(take.panelist, panel, 1, 0.8)
            if meant:
                faults.append(Fault(f"has a take by {take.panelist!r}; is it {meant[0]!r}?").at(given.place))
    return faults


def new_panelists(tools: Iterable[GivenTool], panel: Sequence[str]) -> list[str]:
    """Panelists whom the panel does not have yet, in the order in which the file names them."""
    named = [take.panelist for tool in tools for take in tool.takes or ()]
    return [key for key in dict.fromkeys(named) if key not in panel]


def plan(given: GivenTool, there: Known | None) -> Change:
    """The change that makes the catalogue say what the file says; an empty one where it says so already."""
    takes, retired, standing = _takes(given.takes or (), there.takes if there else ())
    columns: dict[str, Any] = {**given.fields}
    if "name" in columns:
        columns["name_key"] = fold_name(columns["name"])
    columns |= _counts(standing) | _votes(given, there)
    first_takes = there is not None and not there.takes and bool(takes)  # what has a take is shown
    if given.listed is not None or there is None or first_takes:
        columns["listed"] = given.listed is not False
    aliases = None if given.aliases is None else tuple(_alias(label) for label in given.aliases)
    url = given.fields.get("url")
    if there is None:
        for name in TEXT_FIELDS:
            columns.setdefault(name, None)
        return Change(given.slug, None, columns, aliases, _address(url), takes, retired)
    columns = _changed(columns, there.tool)
    if aliases is not None:
        aliases = tuple(alias for alias in aliases if alias[:2] not in there.other_aliases)
        aliases = None if {alias[:2] for alias in aliases} == there.aliases else aliases
    return Change(
        given.slug, there.tool.id, columns, aliases, _address(url) if "url" in columns else None, takes, retired
    )


def _changed(columns: dict[str, Any], tool: KnownTool) -> dict[str, Any]:
    """Columns that differ. A KnownTool does not show the derived ones: they follow what they are made of."""
    made_of = {
        "name_key": ("name",), "panel_order": ("ships", "skips"), "community_order": ("vote_ships", "vote_skips"),
    }  # fmt: skip
    plain = {name for name in columns.keys() - made_of if getattr(tool, name) != columns[name]}
    derived = {name for name in columns.keys() & made_of if plain & set(made_of[name])}
    return {name: value for name, value in columns.items() if name in plain | derived}


def _takes(
    given: Sequence[GivenTake], there: Sequence[KnownTake]
) -> tuple[tuple[GivenTake, ...], tuple[int, ...], list[Any]]:
    """(takes to add, ids of those they replace, what stands afterwards)."""
    standing: dict[str, Any] = {take.panelist: take for take in there}
    new = tuple(take for take in given if not _same(take, standing.get(take.panelist)))
    retired = tuple(standing[take.panelist].id for take in new if take.panelist in standing)
    return new, retired, list((standing | {take.panelist: take for take in new}).values())


def _same(given: GivenTake, there: KnownTake | None) -> bool:
    return there is not None and (given.call, given.score, given.text, given.at, given.author) == (
        there.call, there.score, there.text, there.at, there.author,
    )  # fmt: skip


def _counts(standing: Sequence[Any]) -> dict[str, int]:
    verdict = tally(standing)
    order = panel_order(verdict.ships, verdict.skips)
    return {"ships": verdict.ships, "skips": verdict.skips, "panel_order": order}


def _votes(given: GivenTool, there: Known | None) -> dict[str, int]:
    """Beside the starting balance stand the votes cast here and what merged tools began with."""
    before, counted, cast = (0, 0), (0, 0), (0, 0)
    if there is not None:
        before = there.tool.starting_ships, there.tool.starting_skips
        counted, cast = (there.tool.vote_ships, there.tool.vote_skips), there.cast
    starting = [was if new is None else new for new, was in zip(given.votes, before, strict=True)]
    ships, skips = (
        begins + (in_all - began if merged is None else own + merged)
        for begins, in_all, began, own, merged in zip(starting, counted, before, cast, given.merged_votes, strict=True)
    )
    return {
        "starting_ships": starting[0], "starting_skips": starting[1],
        "vote_ships": ships, "vote_skips": skips, "community_order": community_order(ships, skips),
    }  # fmt: skip


def _alias(label: str) -> tuple[str, str, str]:
    """(kind, key, label): an alias that is an address is matched as one."""
    if is_web_address(label):
        return "address", canonical_url(label), label
    return "name", fold_name(label), label


def _address(url: str | None) -> tuple[str, str] | None:
    return None if url is None else (canonical_url(url), url)
