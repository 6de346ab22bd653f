"""What readers' votes add up to. No votes is not 0 %: it is nothing said yet."""

from dataclasses import dataclass
from typing import Protocol

from db.states import Call
from newsletter.english import counted
from newsletter.tools.catalogue import community_order
from newsletter.verdicts.stamps import NO_VOTES
from newsletter.verdicts.tally import percent_of


@dataclass(frozen=True, slots=True)
class Community:
    """``percent`` is ship votes ÷ votes, None without votes."""

    ships: int
    skips: int
    percent: int | None

    @property
    def votes(self) -> int:
        return self.ships + self.skips

    @property
    def words(self) -> str:
        """``64 % ship of 25 votes``, or that there are none yet."""
        if self.percent is None:
            return NO_VOTES
        return f"{self.percent} % ship of {counted(self.votes, 'vote')}"


def community(ships: int, skips: int) -> Community:
    """The score of votes that are counted already, starting balance included."""
    votes = ships + skips
    return Community(ships, skips, percent_of(ships, votes) if votes else None)


class Counted(Protocol):
    """A tool with its votes, starting balance included."""

    @property
    def id(self) -> int: ...
    @property
    def vote_ships(self) -> int: ...
    @property
    def vote_skips(self) -> int: ...


def recounted(tool: Counted, *, gone: str | None, come: str | None) -> dict[str, int]:
    """The tool's id and its counts with one vote taken away, one added, or one changed."""
    ships = tool.vote_ships - (gone == Call.SHIP) + (come == Call.SHIP)
    skips = tool.vote_skips - (gone == Call.SKIP) + (come == Call.SKIP)
    return {
        "id": tool.id, "vote_ships": ships, "vote_skips": skips, "community_order": community_order(ships, skips)
    }  # fmt: skip
