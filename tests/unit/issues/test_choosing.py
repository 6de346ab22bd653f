"""Who gets which blocks, and that what every mail claims is true of every mail."""

import re
from itertools import product

import pytest

from newsletter.issues.choosing import carries_tools, choose
from newsletter.issues.content import Block
from newsletter.issues.rendering import render
from newsletter.issues.values import IssueValues
from newsletter.subscribers.selections import Selection
from tests.unit.issues.mails import mail, rendered, tree, week
from tests.unit.issues.weeks import LINKS, PANEL, material, tool, values

FRAME = Block("start", "", "")
PICK = Block("pick", "", "", tool="a", category="Audio", ship_percent=90, section="pick", pinned=True)
HEAD = Block("head", "", "", section="ships", heads=True)
ONE = Block("one", "", "", tool="b", category="Design", ship_percent=60, section="ships")
TWO = Block("two", "", "", tool="c", category="Audio", ship_percent=75, section="ships")
SAID = Block("said", "", "", tool="c", category="Audio", ship_percent=75, section="ships", panelist="builder")
QUIET = Block("quiet", "", "", tool="c", category="Audio", ship_percent=75, section="ships", panelist="creator",
              followers_only=True)  # fmt: skip
ALSO = Block("also", "", "", category="Writing", section="also")
BLOCKS = (FRAME, PICK, HEAD, ONE, TWO, SAID, QUIET, ALSO)

SELECTIONS = [
    Selection(categories, panelists, percent)
    for categories, panelists, percent in product(
        ((), ("Audio",), ("Documents", "Design"), ("Developer Tools",), ("Agents", "Research", "Writing")),
        ((), ("skeptic",), ("creator", "founder")),
        (None, 75),
    )
]


def names(selection: Selection) -> list[str]:
    return [BLOCKS[place].name for place in choose(BLOCKS, selection)]


def test_who_chose_nothing_gets_everything_but_what_is_for_followers() -> None:
    assert names(Selection()) == ["start", "pick", "head", "one", "two", "said", "also"]


def test_categories_keep_the_pick_and_their_own_tools() -> None:
    assert names(Selection(categories=("Design",))) == ["start", "pick", "head", "one"]


def test_a_heading_goes_with_its_section() -> None:
    assert names(Selection(categories=("Writing",))) == ["start", "pick", "also"]


def test_a_minimum_leaves_out_tools_below_it_and_those_without_a_verdict() -> None:
    assert names(Selection(min_ship_percent=75)) == ["start", "pick", "head", "two", "said"]


def test_followers_get_their_panelists_words_and_no_others() -> None:
    assert names(Selection(panelists=("creator",))) == ["start", "pick", "head", "one", "two", "quiet", "also"]


def test_the_pick_alone_makes_no_mail_for_who_did_not_ask_for_it() -> None:
    assert not carries_tools(BLOCKS, Selection(categories=("Research",)))
    assert carries_tools(BLOCKS, Selection(categories=("Audio",)))


def test_a_changed_verdict_of_an_earlier_week_makes_no_mail() -> None:
    changed = Block("changed", "", "", tool="x", category="Data", section="changed")
    assert not carries_tools((*BLOCKS, changed), Selection(categories=("Data",)))


def test_a_category_that_is_only_counted_still_makes_a_mail() -> None:
    tools = [tool(n, f"Launch {n}", category="Many") for n in range(1, 42)] + [tool(50, "Aardvark", category="Rare")]
    found = render(values(material(tools, [], late=[50])), LINKS)
    assert carries_tools(found.blocks, Selection(categories=("Rare",)))
    assert not carries_tools(found.blocks, Selection(categories=("Absent",)))


@pytest.mark.parametrize("selection", SELECTIONS, ids=lambda selection: selection.key() or "everything")
def test_what_subject_preheader_and_intro_claim_is_true_of_every_mail(selection: Selection) -> None:
    assert len(SELECTIONS) >= 30
    found, issue = mail("usual", selection), week("usual")
    pick = issue.item(issue.pick or "")
    words = tree(found.html).words
    flat = " ".join(found.text.split())
    assert pick.name in issue.subject
    for part in (words, flat):
        assert "pick of the week" in part.lower()
        assert f"{pick.name} {pick.tagline} ▲ Ship · 4 ship / 0 skip, 100 %" in part
        assert pick.community.words in part
    assert issue.subject == f"All four ship {pick.name}"
    assert issue.preheader == f"{pick.tagline}. Panel: 4 ship / 0 skip. Community: {pick.community.percent} % ship."
    assert _counts_of_the_week(issue)


def _counts_of_the_week(issue: IssueValues) -> bool:
    calls = [tool.verdict.call for tool in issue.items]
    counted = (len(calls), calls.count("ship"), calls.count("split"), calls.count("skip"), len(issue.also))
    said = ("In the whole week, the panel looked at ten tools: it ships six, is split on two and skips two. "
            "Six more came out without a panel take.")  # fmt: skip
    return said in issue.intro and counted == (10, 6, 2, 2, 6)


@pytest.mark.parametrize("selection", SELECTIONS, ids=lambda selection: selection.key() or "everything")
def test_a_mail_names_the_tools_of_its_selection_and_no_others(selection: Selection) -> None:
    issue, found = week("usual"), mail("usual", selection)
    links = set(re.findall(r"https://news\.example\.com/tools/([\w-]+)", found.text))
    for item in issue.items:
        wanted = item.slug == issue.pick or (
            (not selection.categories or item.category in selection.categories)
            and (item.verdict.ship_percent or 0) >= (selection.min_ship_percent or 0)
        )
        assert (item.slug in links) == wanted, item.name


def test_every_panelists_words_on_every_tool_reach_who_follows_them() -> None:
    issue = week("usual")
    for panelist in PANEL:
        text = " ".join(mail("usual", Selection(panelists=(panelist.key,))).text.split())
        for item in issue.items:
            said = {line.panelist: line.text for line in item.takes}.get(panelist.key)
            assert said is None or f"“{said}” – {panelist.name}" in text


def test_blocks_are_the_same_whoever_asks() -> None:
    assert rendered("usual") == render(week("usual"), LINKS)
