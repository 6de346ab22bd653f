"""A tool as documents write it, in the shape that an import reads."""

from collections.abc import Iterable
from typing import Any, Protocol

from newsletter.verdicts.takes import SignedTake

_FIELDS = ("name", "tagline", "description", "url", "category", "pricing", "entry", "best_for")


class HasFields(Protocol):
    @property
    def slug(self) -> str: ...
    @property
    def listed(self) -> bool: ...
    @property
    def starting_ships(self) -> int: ...
    @property
    def starting_skips(self) -> int: ...


class HasVotes(HasFields, Protocol):
    @property
    def vote_ships(self) -> int: ...
    @property
    def vote_skips(self) -> int: ...


class HasLabel(Protocol):
    @property
    def label(self) -> str: ...
    @property
    def source(self) -> str: ...


def merged_votes(tool: HasVotes, cast: tuple[int, int]) -> tuple[int, int]:
    """(ships, skips) that neither were cast here nor are its own starting balance: other tools brought them."""
    own = (tool.starting_ships + cast[0], tool.starting_skips + cast[1])
    return max(tool.vote_ships - own[0], 0), max(tool.vote_skips - own[1], 0)


def tool_document(
    tool: HasFields, aliases: Iterable[HasLabel], takes: Iterable[SignedTake], merged: tuple[int, int] = (0, 0)
) -> dict[str, Any]:
    """Everything an import of it would give; fields that nobody gave are null, and being listed goes without saying.
    ``merged`` are the votes that tools brought which became part of it."""
    document: dict[str, Any] = {"slug": tool.slug} | {name: getattr(tool, name) for name in _FIELDS}
    document["aliases"] = [alias.label for alias in aliases if alias.source != "url"]
    document["takes"] = [take_document(take) for take in takes]
    document["votes"] = {"ship": tool.starting_ships, "skip": tool.starting_skips}
    if any(merged):
        document["merged_votes"] = dict(zip(("ship", "skip"), merged, strict=True))
    return document if tool.listed else document | {"listed": False}


def take_document(take: SignedTake) -> dict[str, Any]:
    document: dict[str, Any] = {
        "panelist": take.panelist, "score": take.score, "call": take.call, "text": take.text,
    }  # fmt: skip
    if take.at is not None:
        document["at"] = take.at.isoformat()
    if take.author is not None:
        document["author"] = take.author
    return document
