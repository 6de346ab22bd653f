"""How a verdict moved while takes changed: every change of a panelist's mind, and what it did to the verdict."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from newsletter.verdicts.takes import StoredTake
from newsletter.verdicts.tally import Verdict, tally


@dataclass(frozen=True, slots=True)
class Turn:
    """``old`` gave way to ``new`` at an instant; the verdicts are those of the whole panel around it."""

    at: datetime
    old: StoredTake
    new: StoredTake
    before: Verdict
    after: Verdict


def turns(takes: Iterable[StoredTake]) -> list[Turn]:
    """Every change of mind among a tool's takes, standing and replaced, the newest first: another call, or another
    score. A text that was corrected is none; nor is a take that came from a tool that was merged into this one, and
    gave way to this one's at once (tools/merge.py)."""
    known = sorted((take for take in takes if _stood(take)), key=lambda take: (take.recorded_at, take.id))
    found = []
    for old in known:
        if old.replaced_at is None:
            continue
        new = next((take for take in known if take.panelist == old.panelist and take.id > old.id), None)
        if new is not None and (old.call, old.score) != (new.call, new.score):
            found.append(Turn(old.replaced_at, old, new, _before(known, old.replaced_at), _at(known, old.replaced_at)))
    return sorted(found, key=lambda turn: (turn.at, turn.new.id), reverse=True)


def _stood(take: StoredTake) -> bool:
    return take.replaced_at is None or take.replaced_at >= take.recorded_at


def _before(takes: Iterable[StoredTake], instant: datetime) -> Verdict:
    return tally(
        take
        for take in takes
        if take.recorded_at < instant and (take.replaced_at is None or take.replaced_at >= instant)
    )


def _at(takes: Iterable[StoredTake], instant: datetime) -> Verdict:
    return tally(
        take
        for take in takes
        if take.recorded_at <= instant and (take.replaced_at is None or take.replaced_at > instant)
    )
