"""Two tools become one: nothing that named the first is lost, and nobody is counted twice."""

import json

import pytest
from sqlalchemy import Engine, insert, select

from db.desk import always_rules
from db.engine import reading, transaction
from db.models import Bookmark, Release, Vote
from db.readers import add_bookmark, put_vote
from db.releases import alias_keys
from db.tools import aliases_of, cast_votes, past_takes_of, standing_tool, takes_of
from newsletter.errors import NotFoundError, RefusedError
from newsletter.tools.edit import forget_name, remember_name
from newsletter.tools.exporting import merged_votes
from newsletter.tools.import_tools import import_tools
from newsletter.tools.merge import merge_tools
from newsletter.verdicts.history import turns
from tests.fakes.sample_week import release
from tests.fakes.times import MONDAY


@pytest.fixture
def twins(engine: Engine) -> Engine:
    tools = [
        {"slug": slug, "name": name, "url": f"https://{slug}.example", "category": "Writing", "takes": takes,
         "votes": {"ship": 1, "skip": 0}}
        for slug, name, takes in (
            ("one", "One", [{"panelist": "builder", "call": "ship"}, {"panelist": "skeptic", "call": "skip"}]),
            ("two", "Two", [{"panelist": "builder", "call": "skip", "text": "kept"}]),
        )
    ]  # fmt: skip
    import_tools(engine, json.dumps({"tools": tools}), MONDAY)
    return engine


def ids(engine: Engine) -> tuple[int, int]:
    with reading(engine) as connection:
        found = [standing_tool(connection, slug) for slug in ("one", "two")]
    assert found[0] is not None
    assert found[1] is not None
    return found[0].id, found[1].id


def test_the_targets_takes_stand_and_the_sources_fill_the_gaps(twins: Engine) -> None:
    _, two = ids(twins)
    assert merge_tools(twins, "one", "two", MONDAY).takes == 1
    with reading(twins) as connection:
        standing, past = takes_of(connection, [two])[two], past_takes_of(connection, [two])[two]
        tool = standing_tool(connection, "two")
    assert [(take.panelist, take.text, take.call) for take in standing] == [
        ("builder", "kept", "skip"),
        ("skeptic", "", "skip"),
    ]
    assert [(take.panelist, take.call) for take in past] == [("builder", "ship")]
    assert tool is not None
    assert (tool.ships, tool.skips) == (0, 2)


def test_the_old_slug_leads_to_the_new_tool_and_the_old_names_still_match(twins: Engine) -> None:
    _, two = ids(twins)
    merge_tools(twins, "one", "two", MONDAY)
    with reading(twins) as connection:
        led = standing_tool(connection, "one")
        aliases = aliases_of(connection, [two])[two]
    assert led is not None
    assert led.slug == "two"
    assert {(alias.kind, alias.label) for alias in aliases} == {
        ("address", "https://one.example"), ("address", "https://two.example"), ("name", "One"),
    }  # fmt: skip


def test_a_rule_for_a_name_goes_over_where_the_target_has_that_name_already(twins: Engine) -> None:
    _, two = ids(twins)
    named = {"slug": "two", "name": "Two", "url": "https://two.example", "category": "Writing", "aliases": ["Whimbrel"]}
    import_tools(twins, json.dumps({"tools": [named]}), MONDAY)
    remember_name(twins, "one", "Whimbrel", MONDAY)
    merge_tools(twins, "one", "two", MONDAY)
    with reading(twins) as connection:
        assert (two, "rule", "whimbrel") in alias_keys(connection)


def test_one_person_keeps_one_vote_and_one_bookmark(twins: Engine) -> None:
    one, two = ids(twins)
    with transaction(twins) as connection:
        for voter, tool_id, call in (
            ("subscriber:1", one, "ship"),
            ("subscriber:1", two, "skip"),
            ("browser:b", one, "ship"),
        ):
            put_vote(connection, tool_id, voter, call, MONDAY)
            add_bookmark(connection, voter, tool_id, MONDAY)
    assert merge_tools(twins, "one", "two", MONDAY).votes == 1
    with reading(twins) as connection:
        votes = {tuple(row) for row in connection.execute(select(Vote.voter, Vote.tool_id, Vote.call))}
        saved = {tuple(row) for row in connection.execute(select(Bookmark.reader, Bookmark.tool_id))}
        tool = standing_tool(connection, "two")
        cast = cast_votes(connection, [one, two])
    assert votes == {("subscriber:1", two, "skip"), ("browser:b", two, "ship")}
    assert saved == {("subscriber:1", two), ("browser:b", two)}
    assert tool is not None
    assert (tool.vote_ships, tool.vote_skips) == (3, 1)
    assert merged_votes(tool, cast[two]) == (1, 0), "cast ones are no part of it"
    again = {"slug": "two", "merged_votes": {"ship": 1}}
    import_tools(twins, json.dumps(again), MONDAY)
    with reading(twins) as connection:
        assert standing_tool(connection, "two") == tool
    import_tools(twins, json.dumps(again | {"merged_votes": {"ship": 4}}), MONDAY)
    with reading(twins) as connection:
        after = standing_tool(connection, "two")
    assert after is not None
    assert (after.vote_ships, after.vote_skips) == (6, 1)


def test_releases_move(twins: Engine) -> None:
    one, two = ids(twins)
    with transaction(twins) as connection:
        connection.execute(insert(Release).values(**release("One 2", "https://one.example/2", tool_id=one)))
    assert merge_tools(twins, "one", "two", MONDAY).releases == 1
    with reading(twins) as connection:
        assert list(connection.scalars(select(Release.tool_id))) == [two]


def test_what_was_merged_into_the_source_leads_on_to_the_target(twins: Engine) -> None:
    import_tools(
        twins, json.dumps({"slug": "zero", "name": "Zero", "url": "https://0.example", "category": "X"}), MONDAY
    )
    merge_tools(twins, "zero", "one", MONDAY)
    merge_tools(twins, "one", "two", MONDAY)
    with reading(twins) as connection:
        led = standing_tool(connection, "zero")
    assert led is not None
    assert led.slug == "two"


def test_a_tool_is_not_merged_with_itself_nor_twice_nor_with_nothing(twins: Engine) -> None:
    with pytest.raises(RefusedError, match="into itself"):
        merge_tools(twins, "one", "one", MONDAY)
    with pytest.raises(NotFoundError, match="no tool 'three'"):
        merge_tools(twins, "one", "three", MONDAY)
    merge_tools(twins, "one", "two", MONDAY)
    with pytest.raises(RefusedError, match="was merged into another tool already"):
        merge_tools(twins, "two", "one", MONDAY)


def test_a_merge_invents_no_change_of_mind_and_no_import_takes_its_votes_away(twins: Engine) -> None:
    _, two = ids(twins)
    merge_tools(twins, "one", "two", MONDAY)
    with reading(twins) as connection:
        takes = [*takes_of(connection, [two])[two], *past_takes_of(connection, [two])[two]]
        before = standing_tool(connection, "two")
    assert turns(takes) == []
    assert before is not None
    import_tools(twins, json.dumps({"slug": "two", "votes": {"ship": 4, "skip": 0}}), MONDAY)
    with reading(twins) as connection:
        after = standing_tool(connection, "two")
    assert after is not None
    assert (before.vote_ships, after.vote_ships) == (2, 5), "one of the other's beside the four that it begins with"
    merge_again = {"slug": "three", "name": "Three", "url": "https://three.example", "category": "Writing"}
    import_tools(twins, json.dumps(merge_again), MONDAY)
    merge_tools(twins, "two", "three", MONDAY)
    with reading(twins) as connection:
        third = standing_tool(connection, "three")
    assert third is not None
    assert third.vote_ships == 5


NAMED = {"slug": "two", "name": "Two", "url": "https://two.example", "category": "Writing", "aliases": ["Whimbrel"]}


def end_the_rule(engine: Engine) -> None:
    with reading(engine) as connection:
        (rule,) = always_rules(connection, None, 10)
    forget_name(engine, rule.id, MONDAY)


def whimbrels(engine: Engine) -> list[tuple[str, str]]:
    """By whom the name was given: (kind as matching knows it, source)."""
    _, two = ids(engine)
    with reading(engine) as connection:
        kinds = [kind for tool, kind, key in alias_keys(connection) if (tool, key) == (two, "whimbrel")]
        sources = [alias.source for alias in aliases_of(connection, [two])[two] if alias.key == "whimbrel"]
    return list(zip(kinds, sources, strict=True))


@pytest.mark.parametrize("said_first", [True, False])
def test_a_name_that_an_import_gave_outlives_the_rule_that_an_editor_made_of_it(
    twins: Engine, said_first: bool
) -> None:
    given = json.dumps({"tools": [NAMED]})
    for step in (True, False):
        if step is said_first:
            remember_name(twins, "two", "whimbrel", MONDAY)
        else:
            import_tools(twins, given, MONDAY)
    import_tools(twins, given, MONDAY)
    assert whimbrels(twins) == [("rule", "editor:import")]
    end_the_rule(twins)
    assert whimbrels(twins) == [("name", "import")]


def test_a_rule_outlives_the_import_that_gives_its_name_no_more(twins: Engine) -> None:
    import_tools(twins, json.dumps({"tools": [NAMED]}), MONDAY)
    remember_name(twins, "two", "Whimbrel", MONDAY)
    import_tools(twins, json.dumps({"tools": [NAMED | {"aliases": []}]}), MONDAY)
    assert whimbrels(twins) == [("rule", "editor")]
    end_the_rule(twins)
    assert whimbrels(twins) == []


def test_a_name_that_a_merge_gave_outlives_a_rule_and_so_does_one_that_the_rule_went_over_with(twins: Engine) -> None:
    import_tools(twins, json.dumps({"tools": [NAMED | {"slug": "one", "name": "One"}]}), MONDAY)
    remember_name(twins, "one", "Whimbrel", MONDAY)
    merge_tools(twins, "one", "two", MONDAY)
    assert whimbrels(twins) == [("rule", "editor:merge")]
    end_the_rule(twins)
    assert whimbrels(twins) == [("name", "merge")]


def test_a_rule_that_is_said_of_another_tool_leaves_the_first_what_its_import_gave(twins: Engine) -> None:
    import_tools(twins, json.dumps({"tools": [NAMED]}), MONDAY)
    remember_name(twins, "two", "Whimbrel", MONDAY)
    remember_name(twins, "one", "Whimbrel", MONDAY)
    assert whimbrels(twins) == [("name", "import")]
