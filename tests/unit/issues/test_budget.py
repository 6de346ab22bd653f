import re
from collections.abc import Callable

import pytest

from db.material import AnnouncedRow, IssueMaterial, ItemRow
from newsletter.issues import budget
from newsletter.issues.laying_out import lay_out
from newsletter.issues.layout import CARD, LINE, NAMED, Fit
from newsletter.issues.rendering import render
from newsletter.issues.word_checks import check_notes
from tests.unit.issues.mails import rendered, week
from tests.unit.issues.weeks import LINKS, crowded_material, material, takes, tool, usual_material, values


def details(name: str) -> set[str]:
    """The tools that are shown as one line."""
    links = {block.tool for block in rendered(name).blocks if block.name.startswith("links:")}
    return {tool.slug for tool in week(name).items} - {slug for slug in links if slug}


def test_a_usual_week_shows_every_item_whole() -> None:
    assert details("usual") == set()


def test_a_crowded_week_shortens_the_lowest_ranked_items_first() -> None:
    short, items = details("crowded"), [tool.slug for tool in week("crowded").items]
    assert short
    features = {week("crowded").pick, week("crowded").split}
    places = [place for place, slug in enumerate(items) if slug in short]
    assert places == list(range(min(places), len(items))) or all(
        items[place] in features for place in range(min(places), len(items)) if items[place] not in short
    )


def test_the_budget_is_used_and_not_exceeded() -> None:
    assert 60_000 < max(budget.sizes(rendered("crowded").blocks, LINKS.token)) < budget.LIMIT


def test_150_reviewed_tools_with_long_takes_fit_too() -> None:
    found = crowded_material(reviewed=150)
    takes = [take._replace(text="A long opinion about it. " * 80) for take in found.takes]
    made = render(values(found._replace(takes=takes)), LINKS)
    assert max(budget.sizes(made.blocks, LINKS.token)) < budget.LIMIT


@pytest.mark.parametrize(
    ("count", "name", "said"),
    [
        pytest.param(300, "Launch", "", id="three hundred reviewed"),
        pytest.param(150, "W" * 480, "z" * 450, id="endless names", marks=pytest.mark.long),
        pytest.param(150, "字" * 120, "一句话。" * 100, id="three octets a letter"),
    ],
)
def test_whatever_a_week_brings_fits_and_names_what_it_can(count: int, name: str, said: str) -> None:
    tools = [tool(n, f"{n} {name}", "What it does") for n in range(1, count + 1)]
    given = [take for n in range(1, count + 1) for take in takes(n, "SKS", said)]
    made = render(values(material(tools, given)), LINKS)
    assert max(budget.sizes(made.blocks, LINKS.token)) < budget.LIMIT
    html = "".join(block.html for block in made.blocks)
    named = len(set(re.findall(r"/tools/([\w-]+)", html)))
    counted = re.search(r"(\d+) more of the whole week are in", html)
    assert named + int(counted[1] if counted else 0) == count


def test_a_week_of_emoji_fits_and_counts_what_it_cannot_name() -> None:
    """Each of their letters is twelve bytes of the mail."""
    rocket = "\N{ROCKET}"
    tools = [
        tool(n, f"{rocket * 99}{n}", rocket * 500, category=f"{rocket * 70}{n}", pricing=rocket * 300)
        for n in range(1, 161)
    ]
    given = [take for n in range(1, 121) for take in takes(n, "SKSS" if n % 2 else "SKSK", rocket * 400)]
    announced = [AnnouncedRow(n, "2026-W40", "skip", 0, rocket * 500, {}) for n in range(81, 121)]
    issue = values(material(tools, given, announced=announced, without_release=range(81, 121)))
    made = render(issue, LINKS)
    assert max(budget.sizes(made.blocks, LINKS.token)) < budget.LIMIT
    also = "".join(block.html for block in made.blocks if block.section == "also")
    counted = re.search(r"(\d+) more of the whole week are in", also)
    assert counted
    assert len(re.findall(r'href="https://tool-', also)) + int(counted[1]) == len(issue.also) == 40


def test_many_changed_minds_are_counted() -> None:
    tools = [tool(1, "New"), *(tool(n, f"Old {n}", pricing="Free") for n in range(2, 102))]
    announced = [AnnouncedRow(n, "2026-W40", "ship", 100, "$9", {}) for n in range(2, 102)]
    given = [take for n in range(1, 102) for take in takes(n, "SS")]
    made = render(values(material(tools, given, announced=announced, without_release=range(2, 102))), LINKS)
    text = "".join(block.text for block in made.blocks)
    assert text.count("It was ▲ Ship, 100 % in the week of 28 September – 4 October 2026") == 12
    assert "88 more of the whole week are in the archive" in " ".join(text.split())


def noted(made: IssueMaterial, words: str = "Note on {}, by hand.") -> IssueMaterial:
    """Editors wrote of every tool."""
    return made._replace(items=[ItemRow(row.id, None, False, words.format(row.id), None) for row in made.tools])


@pytest.mark.parametrize("make", [usual_material, lambda: crowded_material(30, 60), lambda: crowded_material(0, 30)])
def test_every_note_is_in_both_parts_below_its_item_however_short_that_is(make: Callable[[], IssueMaterial]) -> None:
    issue = values(noted(make()))
    made = render(issue, LINKS)
    told = [tool.id for tool in (*issue.items, *issue.also[:NAMED])]
    html, text = ("".join(getattr(block, part) for block in made.blocks) for part in ("html", "text"))
    assert [n for n in told if f"Note on {n}, by hand." not in html] == []
    assert [n for n in told if f"Note on {n}, by hand." not in text] == []
    assert made.without_note == tuple(tool.slug for tool in issue.also[NAMED:])


@pytest.mark.parametrize("make", [usual_material, lambda: crowded_material(30, 60), lambda: crowded_material(0, 30)])
def test_a_note_keeps_its_paragraphs_and_lists_wherever_it_stands(make: Callable[[], IssueMaterial]) -> None:
    made = render(values(noted(make(), "Note {}.\n\nTwo things:\n- It is **fast**.\n- It is not free.")), LINKS)
    html, text = ("".join(getattr(block, part) for block in made.blocks) for part in ("html", "text"))
    items = "<li>It is <strong>fast</strong>.</li><li>It is not free.</li></ul>"
    assert html.count("Two things:</p><ul") == html.count(items) == len(re.findall(r">Note \d+\.</p><p", html)) > 9
    listed = r"\n( *)Note \d+\.\n\n\1Two things:\n\n\1- It is fast\.\n\1- It is not free\.\n"
    assert len(re.findall(listed, text)) == html.count(items)


def test_a_line_without_a_note_has_its_link_right_below_it() -> None:
    text = "".join(block.text for block in rendered("crowded").blocks)
    assert re.search(r"\nLaunch number \d+\n▼ Skip · [^\n]+\nhttps://news\.example\.com/tools/", text)
    assert re.search(r"\n  - Launch number \d+\n    https://tool-\d+\.example/\n  - Launch", text)


@pytest.mark.parametrize("make", [usual_material, crowded_material, lambda: crowded_material(0, 100)])
def test_notes_of_any_length_fit_and_those_that_do_not_are_told(make: Callable[[], IssueMaterial]) -> None:
    issue = values(noted(make(), "Note {}. " + "字 and more of it. " * 100))
    made = render(issue, LINKS)
    assert max(budget.sizes(made.blocks, LINKS.token)) < budget.LIMIT
    html = "".join(block.html for block in made.blocks)
    absent = {tool.slug for tool in (*issue.items, *issue.also) if f"Note {tool.id}. " not in html}
    assert absent == set(made.without_note)
    assert absent
    assert not absent & {issue.pick, issue.split}
    assert {found.place for found in check_notes(issue, made.without_note)} == absent


def test_a_line_says_name_and_verdict_and_nothing_else() -> None:
    issue = week("usual")
    layout = lay_out(issue, Fit({tool.slug: LINE for tool in issue.items}))
    cards = [card for section in layout.sections for card in section.cards]
    assert all(card.quotes == () for card in cards)
    assert layout.pick is not None
    assert layout.pick.detail == CARD
