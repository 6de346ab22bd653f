"""What readers' votes add up to. No votes is not 0 %: it is nothing said yet."""

from dataclasses import dataclass

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
        return f"{self.percent} % ship of {self.votes:,} {'vote' if self.votes == 1 else 'votes'}"


def community(ships: int, skips: int) -> Community:
    """The score of votes that are counted already, starting balance included."""
    votes = ships + skips
    return Community(ships, skips, percent_of(ships, votes) if votes else None)
