"""Votes and bookmarks on both databases: one per reader and tool, changeable, and hard to stuff."""

import json

import pytest
from sqlalchemy import Engine, func, select

from db.engine import reading
from db.models import Vote
from db.readers import saved_tools, vote_of
from db.states import Call
from db.tools import standing_tool
from newsletter.clock import real_now
from newsletter.readers.bookmark import save_tool, unsave_tool
from newsletter.readers.identity import Origin
from newsletter.readers.vote import (
    NEW_VOTERS_OF_A_CLIENT,
    NEW_VOTERS_OF_A_NETWORK,
    VOTES_OF_A_CLIENT,
    adopt_reader,
    cast_vote,
)
from newsletter.tools.import_tools import import_tools
from tests.fakes.times import MONDAY

HOME = Origin("192.0.2.7/32", "192.0.2.0/24", real_now())


@pytest.fixture
def tool(engine: Engine) -> int:
    tools = [{"slug": slug, "name": slug, "url": f"https://{slug}.example", "category": "X"} for slug in ("a", "b")]
    import_tools(engine, json.dumps({"tools": tools}), MONDAY)
    with reading(engine) as connection:
        found = standing_tool(connection, "a")
    assert found is not None
    return found.id


def counts(engine: Engine) -> tuple[int, int]:
    with reading(engine) as connection:
        found = standing_tool(connection, "a")
    assert found is not None
    return found.vote_ships, found.vote_skips


def test_a_vote_counts_once_and_can_be_changed(engine: Engine, tool: int) -> None:
    for call in (Call.SHIP, Call.SHIP, Call.SKIP):
        report = cast_vote(engine, tool, "browser:x", call, HOME, now=MONDAY)
    assert (report.accepted, report.community.words) == (True, "0 % ship of 1 vote")
    assert counts(engine) == (0, 1)


def test_a_script_without_cookies_is_stopped_per_tool(engine: Engine, tool: int) -> None:
    accepted = [
        cast_vote(engine, tool, f"browser:{number}", Call.SHIP, HOME, now=MONDAY).accepted
        for number in range(NEW_VOTERS_OF_A_CLIENT + 5)
    ]
    assert accepted == [True] * NEW_VOTERS_OF_A_CLIENT + [False] * 5
    assert counts(engine) == (NEW_VOTERS_OF_A_CLIENT, 0)


def test_a_network_of_clients_is_stopped_too(engine: Engine, tool: int) -> None:
    origins = [Origin(f"192.0.2.{number}/32", HOME.network, HOME.at) for number in range(NEW_VOTERS_OF_A_NETWORK + 3)]
    for number, origin in enumerate(origins):
        cast_vote(engine, tool, f"browser:{number}", Call.SKIP, origin, now=MONDAY)
    assert counts(engine) == (0, NEW_VOTERS_OF_A_NETWORK)


def test_subscribers_of_the_same_office_still_get_in(engine: Engine, tool: int) -> None:
    for number in range(NEW_VOTERS_OF_A_CLIENT + 5):
        cast_vote(engine, tool, f"browser:{number}", Call.SHIP, HOME, now=MONDAY)
    assert cast_vote(engine, tool, "subscriber:1", Call.SHIP, HOME, now=MONDAY).accepted
    assert cast_vote(engine, tool, "browser:3", Call.SKIP, HOME, now=MONDAY).accepted, (
        "a change of mind is no new voter"
    )


def test_nobody_flaps_without_end(engine: Engine, tool: int) -> None:
    accepted = [
        cast_vote(engine, tool, "subscriber:1", Call.SHIP if number % 2 else Call.SKIP, HOME, now=MONDAY).accepted
        for number in range(VOTES_OF_A_CLIENT + 2)
    ]
    assert accepted[-3:] == [True, False, False]


def test_a_browser_that_turns_out_to_be_a_subscribers_is_one_voter(engine: Engine, tool: int) -> None:
    with reading(engine) as connection:
        other = standing_tool(connection, "b")
    assert other is not None
    cast_vote(engine, tool, "browser:x", Call.SHIP, HOME, now=MONDAY)
    cast_vote(engine, other.id, "browser:x", Call.SKIP, HOME, now=MONDAY)
    cast_vote(engine, tool, "subscriber:1", Call.SKIP, HOME, now=MONDAY)
    save_tool(engine, "browser:x", tool, HOME, now=MONDAY)
    save_tool(engine, "browser:x", other.id, HOME, now=MONDAY)
    save_tool(engine, "subscriber:1", tool, HOME, now=MONDAY)
    assert adopt_reader(engine, "browser:x", "subscriber:1") == 1
    assert counts(engine) == (0, 1)
    with reading(engine) as connection:
        assert vote_of(connection, other.id, "subscriber:1") == "skip"
        assert connection.scalar(select(func.count()).where(Vote.voter == "browser:x")) == 0
        assert {one.tool.slug for one in saved_tools(connection, "subscriber:1", None, 9)} == {"a", "b"}


def test_saving_twice_and_removing_twice_are_no_mistakes(engine: Engine, tool: int) -> None:
    assert save_tool(engine, "browser:x", tool, HOME, now=MONDAY)
    assert save_tool(engine, "browser:x", tool, HOME, now=MONDAY)
    unsave_tool(engine, "browser:x", tool)
    unsave_tool(engine, "browser:x", tool)
    with reading(engine) as connection:
        assert list(saved_tools(connection, "browser:x", None, 9)) == []
