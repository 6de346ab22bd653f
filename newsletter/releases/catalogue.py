"""The tools as matching knows them: by everything that a release can be told by."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from newsletter.releases.hosts import host_of
from newsletter.releases.naming import fold_name


@dataclass
class Catalogue:
    """The tools, by everything that they are matched by. Built once and used for many entries. ``rules`` are names of
    which an editor said whose they are."""

    slugs: dict[int, str] = field(default_factory=dict)
    by_name: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    by_address: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    by_host: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    by_shape: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    addresses: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    categories: dict[int, str] = field(default_factory=dict)
    taglines: dict[int, str] = field(default_factory=dict)
    rules: dict[str, int] = field(default_factory=dict)

    def add_tool(self, tool_id: int, slug: str, name_key: str, tagline: str | None = None) -> None:
        self.slugs[tool_id] = slug
        self.taglines |= {tool_id: tagline} if tagline else {}
        self.add_name(tool_id, name_key)

    def add_name(self, tool_id: int, name_key: str) -> None:
        if not name_key.isascii():
            name_key = fold_name(name_key)  # keys of earlier versions hold emoji
        self.by_name[name_key].add(tool_id)
        for shape in shapes_of(name_key):
            self.by_shape[shape].add(tool_id)

    def add_address(self, tool_id: int, key: str) -> None:
        self.by_address[key].add(tool_id)
        self.addresses[tool_id].add(key)
        self.by_host[host_of(key)].add(tool_id)


class Plate(Protocol):
    """What a tool is known by: its row's id, slug and name, the category that it is listed in, and its tagline."""

    @property
    def id(self) -> int: ...
    @property
    def slug(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def name_key(self) -> str: ...
    @property
    def category(self) -> str: ...
    @property
    def tagline(self) -> str | None: ...


def catalogue_of(plates: Iterable[Plate], aliases: Iterable[tuple[int, str, str]]) -> Catalogue:
    """The catalogue of these tools and their aliases (id, kind, key)."""
    known = list(plates)
    found = build_catalogue(((tool.id, tool.slug, _key(tool)) for tool in known), aliases)
    found.categories = {tool.id: tool.category for tool in known}
    found.taglines = {tool.id: tool.tagline for tool in known if tool.tagline}
    return found


def _key(tool: Plate) -> str:
    """A key of an earlier version may hold what became of a sign then: "tofutm" of "Tofu™"."""
    return tool.name_key if tool.name.isascii() else fold_name(tool.name)


def build_catalogue(tools: Iterable[tuple[int, str, str]], aliases: Iterable[tuple[int, str, str]]) -> Catalogue:
    """From (id, slug, name key) and (id, kind, key), where kind is name, rule or address."""
    found = Catalogue()
    for tool_id, slug, name_key in tools:
        found.add_tool(tool_id, slug, name_key)
    for tool_id, kind, key in aliases:
        if tool_id in found.slugs:
            (found.add_address if kind == "address" else found.add_name)(tool_id, key)
            found.rules |= {key: tool_id} if kind == "rule" else {}
    return found


def shapes_of(name_key: str) -> set[str]:
    """Keys that names one letter apart share; digits must be the same, since they tell versions and sizes apart."""
    compact = name_key.replace(" ", "")
    if len(compact) < 6:
        return {compact}
    return {compact} | {
        compact[:i] + compact[i + 1 :]
        for i in range(len(compact))
        if not unicodedata.category(compact[i]).startswith("N")
    }
