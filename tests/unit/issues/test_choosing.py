"""Who gets which blocks, and that what every mail claims is true of every mail."""

import quopri
import re
from collections.abc import Callable, Sequence
from functools import cache
from itertools import product

import pytest

from db.material import IssueMaterial, ItemRow
from newsletter.clock import Week
from newsletter.deliveries.message import MOST_CUTS, Frozen, freeze
from newsletter.issues.choosing import carries_tools, choose
from newsletter.issues.content import Block
from newsletter.issues.rendering import render
from newsletter.issues.values import IssueValues
from newsletter.subscribers.selections import Selection
from tests.unit.issues.mails import ENVELOPE, frozen, mail, rendered, week
from tests.unit.issues.weeks import (
    LINKS,
    PANEL,
    crowded_material,
    lonely_material,
    material,
    takes,
    tool,
    usual_material,
    values,
)

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


@pytest.mark.parametrize(
    ("catalogue", "chosen"),
    [
        ("Dev\u200bTools", "Dev Tools"), ("Dev\u00a0Tools", "dev tools"), ("Déjà vu", "De\u0301ja\u0300 vu"),
        ("Dev \u202aTools\u202c", "Dev Tools"), ("T" * 90, "T" * 80),
    ],
)  # fmt: skip
def test_a_category_is_the_same_however_forms_and_lists_write_what_nobody_sees(catalogue: str, chosen: str) -> None:
    block = Block("two", "", "", tool="c", category=catalogue, section="ships")
    assert carries_tools([block], Selection((chosen,)))
    assert not carries_tools([block], Selection(("Other",)))


def test_who_chose_nothing_gets_everything_but_what_is_for_followers() -> None:
    assert names(Selection()) == ["start", "pick", "head", "one", "two", "said", "also"]


def test_categories_keep_the_pick_and_their_own_tools() -> None:
    assert names(Selection(categories=("Design",))) == ["start", "pick", "head", "one"]
    assert names(Selection(categories=("DESIGN",))) == names(Selection(categories=("Design",))), "as a list spells it"


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


# Weeks whose subject, preheader and intro claim different things.
CLAIMING: dict[str, Callable[[], IssueMaterial]] = {
    "usual": usual_material,
    "lonely": lonely_material,
    "crowded": crowded_material,
    "unanimous": lambda: of_calls("SSSSS", "SKSKS", "KKKKK", ""),
    "one dissent": lambda: of_calls("SSSKS", "KKK", "SK", "", ""),
    "alone": lambda: of_calls("S"),
    "skipped": lambda: of_calls("KKK", "KKS", "K"),
    "unclear": lambda: of_calls("SK", "KKK", "", late=(1, 3)),
    "split first": lambda: of_calls("SSS", "SKSK", items=[ItemRow(2, 1, False, None, None)]),
}
NUMBERS = {word: value for value, word in enumerate(
    ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
)}  # fmt: skip


def of_calls(*calls: str, items: Sequence[ItemRow] = (), late: Sequence[int] = ()) -> IssueMaterial:
    """A tool for each, named so that no name stands in another's."""
    categories = ("Audio", "Documents", "Design", "Agents", "Research")
    tools = [tool(n, f"Tool {chr(64 + n)}x", f"Does {n}", categories[n % 5]) for n in range(1, len(calls) + 1)]
    given = [take for n, called in enumerate(calls, 1) for take in takes(n, called)]
    return material(tools, given, items=items, late=late)


@cache
def issue_of(name: str, week: Week) -> tuple[IssueValues, Frozen]:
    found = CLAIMING[name]()
    found = found._replace(issue=found.issue._replace(week=str(week)))
    issue = values(found)
    return issue, freeze(render(issue, LINKS), ENVELOPE)


@pytest.mark.parametrize("name", CLAIMING)
def test_what_subject_preheader_and_intro_claim_is_true_of_every_mail(name: str) -> None:
    assert len(SELECTIONS) >= 30
    said = set()
    for number in (47,) if name == "crowded" else range(47, 53):  # the week decides how it is said
        issue, made = issue_of(name, Week(2026, number))
        said.add(issue.subject)
        for selection in SELECTIONS:
            if carries_tools(made.blocks, selection):
                check_claims(issue, made, selection)
    assert len(said) > 1 or name in ("lonely", "crowded"), "issues do not all begin alike"


@pytest.mark.parametrize("tagline", ["Who needs a database?", "Just works!", "Notes by themselves…", "a " * 200])
def test_what_is_proposed_of_a_tagline_ends_as_the_tagline_does(tagline: str) -> None:
    found = material([tool(1, "Yap!", tagline)], takes(1, "SSS"))
    for number in range(1, 9):
        issue = values(found._replace(issue=found.issue._replace(week=f"2026-W{number:02}")))
        assert not re.search(r"[?!….]\.", f"{issue.preheader} {issue.intro}"), (issue.preheader, issue.intro)


def test_of_very_many_selections_some_are_kept_and_each_is_the_same_again() -> None:
    """A list in which everybody chose differently would fill the memory of every sender."""
    made = issue_of("unanimous", Week(2026, 47))[1]
    keys = [Selection(("Audio", f"Category {number}")).key() for number in range(MOST_CUTS + 1)]
    first, *_, last = (made.cut(key, "html") for key in keys)
    assert made.cut(keys[-1], "html") is last
    assert made.cut(keys[0], "html") is not first
    assert made.cut(keys[0], "html") == first


def check_claims(issue: IssueValues, made: Frozen, selection: Selection) -> None:
    """By what the words say and the mail shows, without asking how either was made."""
    chosen = choose(made.blocks, selection)
    text = quopri.decodestring(b"".join(made.texts[place] for place in chosen)).decode().replace("\r\n", "\n")
    opening, _, rest = text.partition("-" * 78)
    intro = " ".join(opening.partition(issue.subject)[2].split())
    claims = f"{issue.subject}. {issue.preheader} {intro}"
    by_name = {item.name: item for item in (*issue.items, *issue.also)}
    for name in filter(lambda name: re.search(rf"{re.escape(name)}(?!\w)", claims), by_name):
        assert re.search(rf"^(  - )?{re.escape(name)}$", rest, re.M), f"{name} is claimed and not in the mail"
    subject = next((tool for name, tool in by_name.items() if name in issue.subject), None)
    if subject is not None:
        verdict = subject.verdict
        counted = [
            NUMBERS.get(word.lower(), word) for word in re.findall(r"\d+|\w+", issue.subject.replace(subject.name, ""))
        ]
        counted = [int(word) for word in counted if str(word).isdigit()]
        wanted = [verdict.ships, *([] if not verdict.skips else [verdict.skips])]
        assert counted in ([], wanted, wanted[:1]), issue.subject
        assert "whole panel" not in issue.subject or verdict.ships == len(subject.lines)
        assert verdict.counts in issue.preheader
        assert f"{verdict.counts}, {verdict.ship_percent} %" in rest
    else:
        assert not [item for item in issue.items if item.verdict.call == "ship"]
    counted = [NUMBERS.get(word) or int(word) for word in re.findall(r"(\w+) tools?\b", intro) if word != "only"]
    whole = not (selection.categories or selection.min_ship_percent)
    assert bool(counted) <= whole, "counts of the whole week stand in a part of it"
    if counted:
        assert counted == [len(by_name)]
        calls = [item.verdict.call for item in issue.items] + [None] * len(issue.also)
        words = (("ships", "ship"), ("skips", "skip"), ("split on", "split"), ("not looked at", None))
        for word, call in words:
            found = re.search(rf"{word} (\w+)", intro)
            assert (
                found is None
                or found[1] in ("it", "them")
                or (NUMBERS.get(found[1]) or int(found[1])) == calls.count(call)
            )


def test_an_issue_that_was_frozen_before_there_were_two_intros_is_read() -> None:
    kept = frozen("usual").document()
    kept["blocks"] = [{name: rule for name, rule in block.items() if rule is not None} for block in kept["blocks"]]
    kept["blocks"] = [{"tool": None, "category": None, "ship_percent": None, "panelist": None, "section": None} | block
                      for block in kept["blocks"]]  # fmt: skip
    assert Frozen.load(kept, frozen("usual").segments) == frozen("usual")


def test_who_chose_is_told_that_the_mail_is_a_part_of_the_week() -> None:
    assert "Below is what you chose" in mail("usual", Selection(categories=("Audio",))).text
    assert "Below is what you chose" not in mail("usual", Selection(panelists=("skeptic",))).text
    assert "The whole week has" in mail("usual", Selection(panelists=("skeptic",))).text


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
            assert said is None or f"{panelist.name}: “{said}”" in text


def test_blocks_are_the_same_whoever_asks() -> None:
    assert rendered("usual") == render(week("usual"), LINKS)
