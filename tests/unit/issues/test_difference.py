"""What an editor is told about two readings of an issue."""

from dataclasses import replace

from newsletter.issues.difference import Piece, difference, marked
from newsletter.issues.values import IssueValues, Publication, Sponsor, ToolValue
from newsletter.verdicts.scorecard import Line


def tool(slug: str, call: str | None = "ship", **more: object) -> ToolValue:
    line = Line("builder", "Builder", call, 80 if call else None, "Good." if call else "")
    bare = ToolValue(1, slug, slug.capitalize(), "", "", "", "Free", "", "", (line,), 0, 0, (), "")
    return replace(bare, **more)  # type: ignore[arg-type]


def issue(*items: ToolValue, also: tuple[ToolValue, ...] = (), **more: object) -> IssueValues:
    bare = IssueValues(
        "2026-W47", 1, "", "", Publication("W", "https://w.example", "Street"), "Subject", "Preheader", "Intro",
        items, also, (), (), None, None,
    )  # fmt: skip
    return replace(bare, **more)  # type: ignore[arg-type]


def test_an_issue_does_not_differ_from_itself() -> None:
    values = issue(tool("curly"), tool("inkwell"), also=(tool("nightjar", None),), pairs=(("curly", "inkwell"),))
    assert difference(values, values).nothing


def test_words_show_what_went_and_what_came() -> None:
    assert marked("four good tools", "five good tools") == (
        Piece("gone", "four"), Piece("new", "five"), Piece("same", "good tools"),
    )  # fmt: skip
    found = difference(issue(subject="Old"), issue(subject="New"))
    assert found.words == (("Subject", (Piece("gone", "Old"), Piece("new", "New"))),)


def test_tools_come_go_and_move() -> None:
    a, b, c, d = (tool(name) for name in "abcd")
    found = difference(issue(a, b, c), issue(c, a, d))
    assert (found.came, found.went) == (("D",), ("B",))
    assert found.changed == (("C", ("moved from place 3 to 1",)),)


def test_what_is_said_of_a_tool_is_compared() -> None:
    better = replace(tool("curly").lines[0], call="skip", score=20)
    reworded = replace(tool("inkwell").lines[0], text="Great.")
    found = difference(
        issue(tool("curly"), tool("inkwell"), also=(tool("nightjar", None),)),
        issue(tool("curly", lines=(better,), pricing="5 €"), tool("inkwell", lines=(reworded,)), tool("nightjar")),
    )
    assert dict(found.changed) == {
        "Curly": (
            "its verdict was ship with 100 % and is skip with 0 %",
            "Builder: 80/100 · ship became 20/100 · skip",
            "its price was “Free” and is “5 €”",
        ),
        "Inkwell": ("Builder: 80/100 · ship became 80/100 · ship, in other words",),
        "Nightjar": (
            "its verdict was no take and is ship with 100 %",
            "Builder: No panel take became 80/100 · ship",
        ),
    }


def test_what_is_sold_and_what_a_tool_costs_and_is_for_is_compared() -> None:
    paid = Sponsor("Example Hosting", "Servers without a bill.", "https://sponsor.example/")
    found = difference(issue(tool("curly")), issue(tool("curly"), sponsors=(paid,)))
    assert found.words == (
        ("Sponsors", (Piece("new", "Example Hosting: Servers without a bill. https://sponsor.example/"),)),
    )
    turned = tool("curly", category="Audio", entry="9 €", best_for="teams")
    assert dict(difference(issue(tool("curly")), issue(turned)).changed) == {
        "Curly": (
            "its category was “” and is “Audio”",
            "its entry price was “” and is “9 €”",
            "its best-for line was “” and is “teams”",
        )
    }


def test_takes_of_a_panelist_who_came_or_left_are_told() -> None:
    with_two = tool("curly", lines=(*tool("curly").lines, Line("skeptic", "Skeptic", "ship", 90, "Yes.")))
    assert difference(issue(with_two), issue(tool("curly"))).changed == (
        ("Curly", ("Skeptic: 90/100 · ship became No panel take",)),
    )
    assert difference(issue(tool("curly")), issue(with_two)).changed == (
        ("Curly", ("Skeptic: No panel take became 90/100 · ship",)),
    )


def test_another_pair_is_told_by_name() -> None:
    tools = (tool("curly"), tool("inkwell"))
    assert difference(issue(*tools), issue(*tools, pairs=(("curly", "inkwell"),))).pairs == (
        "none",
        "Curly and Inkwell",
    )
