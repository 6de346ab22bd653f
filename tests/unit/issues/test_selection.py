"""Which tool stands where, and what the issue proposes to say of it."""

from db.material import AnnouncedRow, ItemRow, PairRow
from newsletter.issues.showing import document, lines
from newsletter.issues.values import load_values
from tests.unit.issues.weeks import material, takes, tool, usual_material, values


def week(**calls: str) -> list[str]:
    """The order of tools with these calls."""
    tools = [tool(place, name) for place, name in enumerate(calls, 1)]
    given = [take for place, called in enumerate(calls.values(), 1) for take in takes(place, called)]
    return [item.name for item in values(material(tools, given)).items]


def test_the_verdict_ranks_first_then_the_percent_then_how_many_looked() -> None:
    assert week(skipped="KKKK", split="SSKK", three="SSS", mostly="SSSK", five="SSSSS") == [
        "five", "three", "mostly", "split", "skipped",
    ]  # fmt: skip


def test_no_votes_rank_between_good_and_bad_ones() -> None:
    tools = [tool(1, "Loved", votes=(9, 1)), tool(2, "Loathed", votes=(1, 9)), tool(3, "Unheard of")]
    found = values(material(tools, [take._replace(score=80) for n in (1, 2, 3) for take in takes(n, "SS")]))
    assert [item.name for item in found.items] == ["Loved", "Unheard of", "Loathed"]


def test_an_editors_place_overrides_the_rule_and_leaves_the_others_in_its_order() -> None:
    tools = [tool(n, name) for n, name in enumerate(("A", "B", "C", "D"), 1)]
    given = [take for n, called in enumerate(("SSSS", "SSSK", "SSKK", "KKKK"), 1) for take in takes(n, called)]
    found = values(material(tools, given, items=[ItemRow(4, 2, False, None, None)]))
    assert [item.name for item in found.items] == ["A", "D", "B", "C"]


def test_a_dropped_tool_is_in_neither_list() -> None:
    tools, dropped = [tool(1, "A"), tool(2, "B")], [ItemRow(2, None, True, None, None)]
    found = values(material(tools, takes(1, "SS"), items=dropped))
    assert ([item.name for item in found.items], found.also) == (["A"], ())


def test_a_tool_that_an_editor_added_needs_no_release() -> None:
    added = [ItemRow(1, None, False, "By hand.", "ada")]
    found = values(material([tool(1, "A")], takes(1, "SS"), items=added, without_release=[1]))
    assert (found.items[0].note, found.items[0].why) == (
        "By hand.",
        "2 ship / 0 skip, 100 % ship, mean score 74; added by an editor",
    )


def test_the_pick_is_the_first_tool_that_the_panel_ships() -> None:
    found = values(usual_material())
    assert found.pick == "larkspur-3-1"
    assert found.subject == "Larkspur 3: four ship, none skip"


def test_a_week_that_ships_nothing_has_no_pick_and_says_so() -> None:
    found = values(material([tool(1, "A"), tool(2, "B")], [*takes(1, "KKK"), *takes(2, "KK")]))
    assert found.pick is None
    assert found.subject == "Nothing to ship this week"
    assert 40 <= len(found.preheader) <= 110


def test_a_week_of_one_tool_or_none_is_told_as_such() -> None:
    assert (
        values(material([tool(1, "A")], takes(1, "K"))).intro == "The whole week has one tool, and the panel skips it."
    )
    assert values(material([tool(1, "A")], takes(1, "SK"))).intro == (
        "The whole week has one tool, and the panel is split on it."
    )
    empty = values(material([], []))
    assert (empty.subject, empty.intro) == ("Nothing to tell this week", "")
    assert 40 <= len(empty.preheader) <= 110


def test_issues_that_were_frozen_before_there_was_a_lead_are_read() -> None:
    found = values(usual_material())
    kept = {name: value for name, value in found.document().items() if name != "lead"}
    assert load_values(kept).intro == found.intro
    assert load_values(kept).lead is None


def test_a_split_tool_is_the_pick_only_where_an_editor_puts_it_first() -> None:
    tools, given = [tool(1, "A")], takes(1, "SSKK")
    assert values(material(tools, given)).pick is None
    found = values(material(tools, given, items=[ItemRow(1, 1, False, None, None)]))
    assert (found.pick, found.subject) == ("a-1", "A splits the panel, 2 to 2")


def test_the_biggest_split_has_most_panelists_on_each_side() -> None:
    tools = [tool(n, name) for n, name in enumerate(("Pick", "Mild", "Fierce"), 1)]
    given = [*takes(1, "SSSS"), *takes(2, "SSSK"), *takes(3, "SSKK")]
    assert values(material(tools, given)).split == "fierce-3"


def test_head_to_head_is_a_choice_within_one_category() -> None:
    assert values(usual_material()).pairs == (("pocketform-2b-2", "inkwell-vision-3"),)


def test_two_skipped_tools_are_no_choice() -> None:
    skipped = [tool(1, "A"), tool(2, "B")]
    assert values(material(skipped, [*takes(1, "KK"), *takes(2, "KK")])).pairs == ()


def test_two_sizes_of_one_product_are_a_choice_only_where_there_is_no_other() -> None:
    sizes = [tool(1, "Pocketform 2B"), tool(2, "Pocketform2 Mini")]
    calls = [*takes(1, "SSS"), *takes(2, "SKK")]
    assert values(material(sizes, calls)).pairs == (("pocketform-2b-1", "pocketform2-mini-2"),)
    other = tool(3, "Pocketform Studio")
    assert values(material([*sizes, other], [*calls, *takes(3, "S")])).pairs == (
        ("pocketform-2b-1", "pocketform-studio-3"),
    )


def test_an_editors_pair_replaces_the_rules() -> None:
    found = values(usual_material()._replace(pairs=[PairRow(6, 1, "ada")]))
    assert found.pairs == (("larkspur-3-1", "tern-1-8-6"),)


def test_an_editors_pair_of_what_left_the_issue_gives_way_to_the_rules() -> None:
    rule = values(usual_material()).pairs
    assert values(usual_material()._replace(pairs=[PairRow(6, 999, "ada")])).pairs == rule


def test_what_changed_since_a_tool_was_featured_is_said_in_words() -> None:
    (harbor,) = values(usual_material()).changed
    assert harbor.before is not None
    assert harbor.before.flipped
    assert harbor.before.changes == (
        "Builder turned from skip to ship", "Skeptic turned from skip to ship", "its pricing was “$40 a month”",
    )  # fmt: skip


def test_a_take_that_was_only_added_is_no_change_of_mind() -> None:
    before = AnnouncedRow(2, "2026-W40", "ship", 100, "Free", {"builder": "ship"})
    tools, given = [tool(1, "A"), tool(2, "B")], [*takes(1, "SS"), *takes(2, "SS")]
    assert values(material(tools, given, announced=[before], without_release=[2])).changed == ()


def test_a_changed_tool_of_this_week_says_so_on_its_card_and_is_not_listed_twice() -> None:
    before = AnnouncedRow(1, "2026-W40", "skip", 0, "Free", {"builder": "skip"})
    found = values(material([tool(1, "A")], takes(1, "SS"), announced=[before]))
    assert found.changed == ()
    assert found.items[0].before is not None


def test_also_released_begins_with_the_newest_and_ends_with_the_late_ones() -> None:
    tools = [tool(n, f"T{n}") for n in (1, 2, 3)]
    assert [item.name for item in values(material(tools, [], late=[3])).also] == ["T2", "T1", "T3"]


def test_values_come_back_from_their_document() -> None:
    found = values(usual_material())
    assert load_values(found.document()) == found


def test_the_document_has_the_shape_that_programs_rely_on() -> None:
    found = usual_material()
    told = document(found.issue, values(found))
    assert (told["issue"], told["status"], told["starts_at"]) == ("2026-W47", "draft", "2026-11-16T00:00:00Z")
    item = told["items"][0]
    assert (item["tool"], item["call"], item["ship_percent"], item["community_percent"]) == (
        "larkspur-3-1",
        "ship",
        100,
        82,
    )
    assert item["takes"][0].keys() == {"panelist", "score", "call", "text"}
    assert item["releases"] == [1001]
    assert told["comparisons"] == [{"left": "pocketform-2b-2", "right": "inkwell-vision-3"}]
    assert len(told["also_released"]) == 6
    assert any("Larkspur 3" in line for line in lines(found.issue, values(found)))


def test_the_preheader_of_a_week_without_a_pick_does_not_say_what_the_intro_says_next_to_it() -> None:
    for calls in ("KKK", "SK", ""):
        found = values(material([tool(1, "Alpha")], takes(1, calls)))
        assert found.pick is None
        assert found.intro.partition(".")[0] not in found.preheader
        assert 40 <= len(found.preheader) <= 110
        assert "16–22 November 2026" in found.preheader
