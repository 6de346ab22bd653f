"""A tools file as a value: JSON (one object with a ``tools`` list, or one tool per line) and every fault in it.

Faults carry their place: ``tools[3].takes[1].score`` in an object, ``line 4: takes[1].score`` in lines. Control
characters become spaces, as everywhere; texts of several lines keep their line breaks.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from newsletter.errors import BadInputError
from newsletter.tools import field_values as values
from newsletter.tools.field_values import Fault


@dataclass(frozen=True, slots=True)
class GivenTake:
    panelist: str
    call: str
    score: int | None = None
    text: str = ""
    at: date | None = None
    author: str | None = None


@dataclass(frozen=True, slots=True)
class GivenTool:
    """``fields`` holds the text fields that were given, None where one was given as null; ``aliases``, ``takes`` and
    either count of ``votes`` (ships, skips) are None where they were not given, and so are those of ``merged_votes``,
    which tools brought that became part of it. Who imports a new tool lists it on the public pages, unless ``listed``
    says otherwise; where it says nothing, a known one stays as it is. ``refused`` are the names of what was given and
    has a fault."""

    place: str
    slug: str
    fields: dict[str, str | None]
    aliases: tuple[str, ...] | None = None
    takes: tuple[GivenTake, ...] | None = None
    votes: tuple[int | None, int | None] = (None, None)
    listed: bool | None = None
    refused: frozenset[str] = frozenset()
    merged_votes: tuple[int | None, int | None] = (None, None)


@dataclass(frozen=True, slots=True)
class NewTool:
    """What an editor says of a tool that the catalogue lacks."""

    name: str
    url: str
    category: str
    tagline: str | None = None


@dataclass(frozen=True, slots=True)
class ToolsFile:
    tools: tuple[GivenTool, ...]
    faults: tuple[Fault, ...]


_Reader = Callable[[Any], Any]

_TOOL: dict[str, _Reader] = {
    "slug": values.slug,
    "name": values.needed_line,
    "url": values.web_address,
    "category": values.category,
    "tagline": values.tagline,
    "description": values.paragraphs,
    "pricing": values.line,
    "entry": values.line,
    "best_for": values.tagline,
    "aliases": values.aliases,
    "takes": values.a_list,
    "votes": values.votes,
    "merged_votes": values.votes,
    "listed": values.flag,
}
_TAKE: dict[str, _Reader] = {
    "panelist": values.panelist,
    "call": values.call,
    "score": values.score,
    "text": values.paragraphs,
    "at": values.day,
    "author": values.line,
}
TEXT_FIELDS = ("name", "url", "category", "tagline", "description", "pricing", "entry", "best_for")


def read_tools(text: str) -> ToolsFile:
    """Reads a whole file. Where ``faults`` is not empty, nothing of it may be stored."""
    reader = _FileReader()
    tools = tuple(reader.read(text.removeprefix("\ufeff")))
    return ToolsFile(tools, tuple(reader.faults))


def read_take(panelist: str, given: dict[str, Any]) -> GivenTake | tuple[Fault, ...]:
    """One take, as a file would give it; the faults that it has."""
    reader = _FileReader()
    takes = reader.takes("", [given | {"panelist": panelist}])
    return takes[0] if takes and not reader.faults else tuple(reader.faults)


def new_tool(name: str, url: str, category: str, tagline: str | None = None) -> NewTool:
    """Raises BadInputError for a name, address or category that cannot be one."""
    if not name or not category:
        raise BadInputError("a new tool needs a name and a category")
    fields = (("name", values.needed_line, name), ("address", values.web_address, url))
    for what, read, given in (*fields, ("category", values.category, category)):
        try:
            read(given)
        except Fault as fault:
            raise BadInputError(f"the {what} {fault}") from None
    return NewTool(name, url, category, tagline)


class _FileReader:
    """Collects faults while it goes on reading, so that a file's author sees all of them at once."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._first_place: dict[str, str] = {}

    def read(self, text: str) -> Iterator[GivenTool]:
        try:
            items = list(_items(text))
        except Fault as fault:
            self.faults.append(fault)
            return
        for place, item in items:
            if isinstance(item, Fault):
                self.faults.append(item)
            elif (tool := self._tool(place, item)) is not None:
                yield tool

    def _tool(self, place: str, item: Any) -> GivenTool | None:
        given = self._fields(place, item, _TOOL, needed=("slug",))
        if "slug" not in given:
            return None
        slug: str = given["slug"]
        if slug in self._first_place:
            self._fault(_inside(place, "slug"), f"{slug!r} is a duplicate of {self._first_place[slug].rstrip(':')}")
            return None
        self._first_place[slug] = place
        takes = self.takes(place, given["takes"]) if given.get("takes") is not None else None
        fields = {name: given[name] for name in TEXT_FIELDS if name in given}
        votes, listed = given.get("votes", (None, None)), given.get("listed")
        refused = frozenset(item.keys() - given.keys())
        merged = given.get("merged_votes", (None, None))
        return GivenTool(place, slug, fields, given.get("aliases"), takes, votes, listed, refused, merged)

    def takes(self, place: str, items: list[Any]) -> tuple[GivenTake, ...]:
        takes: dict[str, GivenTake] = {}
        for number, item in enumerate(items):
            here = _inside(place, f"takes[{number}]")
            given = self._fields(here, item, _TAKE, needed=("panelist", "call"))
            if not {"panelist", "call"} <= given.keys():
                continue
            if given["panelist"] in takes:
                self._fault(f"{here}.panelist", f"{given['panelist']!r} has a take on this tool already")
                continue
            takes[given["panelist"]] = GivenTake(**given | {"text": given.get("text") or ""})
        return tuple(takes.values())

    def _fields(self, place: str, item: Any, known: dict[str, _Reader], needed: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(item, dict):
            self._fault(place, f"must be an object, not {values.kind(item)}")
            return {}
        given = {}
        for name in getattr(item, "repeated", ()):
            self._fault(_inside(place, name), "stands here twice")
        for name, value in item.items():
            if name not in known:
                self._fault(_inside(place, name), f"is an unknown field; known are {', '.join(known)}")
                continue
            try:
                given[name] = known[name](value)
            except Fault as fault:
                self.faults.append(fault.at(_inside(place, name)))
        for name in needed:
            if name not in item:
                self._fault(place, f"has no {name}")
        return given

    def _fault(self, place: str, words: str) -> None:
        self.faults.append(Fault(words).at(place))


class _Fields(dict[str, Any]):
    """An object that remembers which of its names were written twice."""

    repeated: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, Any]]) -> _Fields:
    fields = _Fields(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        fields.repeated = tuple(sorted({name for name in names if names.count(name) > 1}))
    return fields


def _whole(word: str) -> float:
    """A number beyond all reason is for the field to refuse, at its place, as it does NaN, which is no JSON."""
    return int(word) if len(word) < 100 else float(word)


def _parse(text: str) -> Any:
    """Raises Fault with line and column for what is no JSON, and for what is too deep or too long to be any."""
    try:
        return json.loads(text, object_pairs_hook=_object, parse_int=_whole)
    except json.JSONDecodeError as error:
        raise Fault(f"line {error.lineno}, column {error.colno}: this is not JSON: {error.msg}") from None
    except RecursionError:
        raise Fault("this is nested too deeply to be a list of tools") from None


def _items(text: str) -> Iterator[tuple[str, Any]]:
    """Every tool with its place; a line that is no JSON comes as a Fault."""
    if not text.strip():
        raise Fault("the file is empty; it should hold an object with a tools list, or one tool per line")
    try:
        document = _parse(text)
    except Fault:
        if not _first_line_is_a_value(text):
            raise
        yield from _lines(text)
        return
    if isinstance(document, _Fields) and "tools" in document:
        yield from _listed(document)
    elif isinstance(document, _Fields):
        yield from [(f"line {_first_line_number(text)}:", document)]
    else:
        raise Fault(
            f"the file should hold an object with a tools list, or one tool per line, not {values.kind(document)}"
        )


def _listed(document: _Fields) -> Iterator[tuple[str, Any]]:
    for name in [*document.repeated, *(name for name in document if name != "tools")]:
        words = "stands here twice" if name in document.repeated else "is an unknown field; known is tools"
        yield name, Fault(words).at(name)
    if not isinstance(document["tools"], list):
        raise Fault(f"must be a list, not {values.kind(document['tools'])}").at("tools")
    for number, item in enumerate(document["tools"]):
        yield f"tools[{number}]", item


def _lines(text: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            place = f"line {number}:"
            try:
                yield place, _parse(line)
            except Fault as fault:
                yield place, Fault(fault.words.replace("line 1, column", "column")).at(place)


def _first_line_is_a_value(text: str) -> bool:
    first = next(line for line in text.split("\n") if line.strip())
    try:
        return isinstance(_parse(first), dict)
    except Fault:
        return False


def _first_line_number(text: str) -> int:
    return next(number for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _inside(place: str, name: str) -> str:
    return f"{place} {name}" if place.endswith(":") else f"{place}.{name}"
