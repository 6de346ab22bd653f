"""How a verdict moved while takes changed: every change of a panelist's mind, and what it did to the verdict."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from newsletter.verdicts.takes import StoredTake
from newsletter.verdicts.tally import Verdict, tally


@dataclass(frozen=True, slots=True)
class Turn:
    """``old`` gave way to ``new`` at an instant; the verdicts are those of the whole panel around it. Of several at
    one instant, as an import brings them, each has what it did itself: the later one goes on from the earlier."""

    at: datetime
    old: StoredTake
    new: StoredTake
    before: Verdict
    after: Verdict


def turns(takes: Iterable[StoredTake]) -> list[Turn]:
    """Every change of mind among a tool's takes, standing and replaced, the newest first: another call, or another
    score. A text that was corrected is none; nor is a take that came from a tool that was merged into this one, and
    gave way to this one's at once (tools/merge.py)."""
    standing: dict[str, StoredTake] = {}
    found = []
    for new in sorted((take for take in takes if _stood(take)), key=lambda take: (take.recorded_at, take.id)):
        before, old = tally(standing.values()), standing.get(new.panelist)
        standing[new.panelist] = new
        if old is not None and (old.call, old.score) != (new.call, new.score):
            found.append(Turn(new.recorded_at, old, new, before, tally(standing.values())))
    return found[::-1]


def _stood(take: StoredTake) -> bool:
    return take.replaced_at is None or take.replaced_at >= take.recorded_at
