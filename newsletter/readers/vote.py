"""Cast a vote: one per reader and tool, changeable, and hard to stuff.

A browser without a cookie is a new voter each time it comes, so what limits them is where they come from: an office
behind one address gets in, a script does not fill a tool's count. Readers who come by a link of their own mail are
bound to one vote by it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from db import readers as rows
from db.engine import transaction
from db.limits import hit
from db.states import Call
from db.tools import ToolRow, lock_tool, set_counts
from newsletter.readers.community import Community, community, recounted
from newsletter.readers.identity import Origin, subscriber_of

A_DAY, AN_HOUR = timedelta(days=1), timedelta(hours=1)

NEW_VOTERS_OF_A_CLIENT = 20
"""New browsers a day, from one client, on one tool."""
NEW_VOTERS_OF_A_NETWORK = 100
"""New browsers a day, from one network, on one tool."""
VOTES_OF_A_CLIENT = 200
"""Votes of any kind an hour, changes included."""


@dataclass(frozen=True, slots=True)
class VoteReport:
    """``accepted`` is False beyond the limits: then nothing changed."""

    accepted: bool
    community: Community


def cast_vote(engine: Engine, tool_id: int, voter: str, call: Call, origin: Origin, *, now: datetime) -> VoteReport:
    """Record ``voter``'s call on a tool that exists; the one before it, if any, no longer counts."""
    with transaction(engine) as connection:
        tool = _locked(connection, tool_id)
        before = rows.vote_of(connection, tool_id, voter)
        if not _within_limits(connection, tool_id, origin, is_new=before is None and subscriber_of(voter) is None):
            return VoteReport(False, community(tool.vote_ships, tool.vote_skips))
        rows.put_vote(connection, tool_id, voter, call, now)
        return VoteReport(True, _recount(connection, tool, gone=before, come=call))


def adopt_reader(engine: Engine, browser: str, subscriber: str) -> int:
    """A browser turns out to be a subscriber's: its bookmarks and votes become theirs, and where both voted, the
    subscriber's vote stands. Returns how many bookmarks came along."""
    with transaction(engine) as connection:
        for tool_id in rows.tools_voted_by_both(connection, browser, subscriber):
            tool = _locked(connection, tool_id)
            _recount(connection, tool, gone=rows.drop_vote(connection, tool_id, browser), come=None)
        rows.hand_over_votes(connection, browser, subscriber)
        return rows.hand_over_bookmarks(connection, browser, subscriber)


def _locked(connection: Connection, tool_id: int) -> ToolRow:
    tool = lock_tool(connection, tool_id)
    assert tool is not None, "doors ask for tools that exist, and no tool is ever deleted"
    return tool


def _recount(connection: Connection, tool: ToolRow, *, gone: str | None, come: str | None) -> Community:
    counts = recounted(tool, gone=gone, come=come)
    set_counts(connection, [counts])
    return community(counts["vote_ships"], counts["vote_skips"])


def _within_limits(connection: Connection, tool_id: int, origin: Origin, *, is_new: bool) -> bool:
    if hit(connection, "vote", origin.household, AN_HOUR, origin.at) > VOTES_OF_A_CLIENT:
        return False
    if not is_new:
        return True
    of_client = hit(connection, "voter", f"{tool_id}:{origin.household}", A_DAY, origin.at)
    of_network = hit(connection, "voter-network", f"{tool_id}:{origin.network}", A_DAY, origin.at)
    return of_client <= NEW_VOTERS_OF_A_CLIENT and of_network <= NEW_VOTERS_OF_A_NETWORK
