"""A take, whatever row it stands in: each of these asks for what one room reads of it."""

from datetime import date, datetime
from typing import Protocol


class HasCall(Protocol):
    @property
    def call(self) -> str: ...


class HasTake(HasCall, Protocol):
    """What a reader sees of a take."""

    @property
    def panelist(self) -> str: ...
    @property
    def score(self) -> int | None: ...
    @property
    def text(self) -> str: ...


class SignedTake(HasTake, Protocol):
    """As files carry it: with its day and its author."""

    @property
    def at(self) -> date | None: ...
    @property
    def author(self) -> str | None: ...


class StoredTake(HasTake, Protocol):
    """One of several that a panelist had on a tool, with when it stood."""

    @property
    def id(self) -> int: ...
    @property
    def recorded_at(self) -> datetime: ...
    @property
    def replaced_at(self) -> datetime | None: ...
