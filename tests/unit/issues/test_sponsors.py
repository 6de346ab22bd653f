"""What is paid for is said to be, in both parts, to everybody."""

import json
from typing import Any

import pytest

from newsletter.errors import BadInputError
from newsletter.issues.arrangement import Arrangement, add_sponsor, drop_sponsor, read, sponsors, wish_time
from newsletter.issues.choosing import carries_tools
from newsletter.issues.content import Rendered
from newsletter.issues.rendering import render
from newsletter.issues.values import load_values
from newsletter.subscribers.selections import Selection
from tests.unit.issues.mails import tree
from tests.unit.issues.weeks import HOSTILE, LINKS, usual_material, values

EXAMPLE = {"name": "Example Hosting", "text": "Servers **without** a bill.", "url": "https://sponsor.example/a?b=1&c=2"}


def sponsored(*paid: dict[str, str]) -> Rendered:
    found = usual_material()
    return render(values(found._replace(issue=found.issue._replace(settings={"sponsors": list(paid)}))), LINKS)


def parts(found: Rendered) -> tuple[str, str]:
    return "".join(block.html for block in found.blocks), "".join(block.text for block in found.blocks)


def test_a_sponsor_is_marked_as_one_in_both_parts() -> None:
    html, text = parts(sponsored(EXAMPLE))
    headings = [heading.words for heading in tree(html).all("h2", "h3")]
    assert headings[headings.index("Sponsor") + 1] == "Example Hosting"
    (link,) = [link for link in tree(html).all("a") if link.attributes["href"] == EXAMPLE["url"]]
    assert link.words == "Visit our sponsor Example Hosting"
    assert f"SPONSOR\n\nExample Hosting\n\nServers without a bill.\n\nVisit our sponsor: {EXAMPLE['url']}\n" in text


def test_it_is_in_every_mail_and_makes_none() -> None:
    blocks = sponsored(EXAMPLE).blocks
    (block,) = [block for block in blocks if block.name == "sponsor:1"]
    assert (block.category, block.tool, block.section) == (None, None, None)
    assert not carries_tools(blocks, Selection(categories=("Nothing of the week",)))


def test_it_stands_below_what_the_panel_chose() -> None:
    found = sponsored(EXAMPLE, EXAMPLE | {"name": "Another"})
    sections = [block.section or block.name for block in found.blocks]
    assert sections.index("split") < sections.index("sponsor:1") < sections.index("sponsor:2") < sections.index("ships")


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_words_stay_words(words: str) -> None:
    html, _ = parts(sponsored({"name": words, "text": words, "url": EXAMPLE["url"]}))
    assert not tree(html).all("script")
    assert all(not name.startswith("on") for element in tree(html).walk() for name in element.attributes)


def test_sponsors_are_frozen_with_the_issue() -> None:
    found = usual_material()
    issue = values(found._replace(issue=found.issue._replace(settings={"sponsors": [EXAMPLE]})))
    assert load_values(json.loads(json.dumps(issue.document()))) == issue
    old = issue.document()
    del old["sponsors"]
    assert load_values(old).sponsors == ()


def test_editors_add_and_take_out_sponsors() -> None:
    one = add_sponsor(Arrangement(), "  Example   Hosting ", "Servers.", "https://one.example/")
    two = add_sponsor(one, "Another", "Words.", "https://two.example/")
    assert [paid["name"] for paid in sponsors(two)] == ["Example Hosting", "Another"]
    assert [paid["name"] for paid in sponsors(drop_sponsor(two, 1))] == ["Another"]
    assert sponsors(one) == [{"name": "Example Hosting", "text": "Servers.", "url": "https://one.example/"}]


def test_what_else_editors_chose_stays_and_undoing_finds_it() -> None:
    now = add_sponsor(wish_time(Arrangement(), "2026-11-24T09:00"), "One", "Words.", "https://one.example/")
    assert dict(now.settings)["send_at"] == "2026-11-24T09:00"
    assert read(json.loads(json.dumps(now.document()))) == now


@pytest.mark.parametrize(
    "wrong",
    [{"name": " "}, {"text": ""}, {"text": "x" * 401}, {"name": "x" * 81}, {"url": "javascript:alert(1)"},
     {"url": "https://"}, {"url": "https://a b.example"}, {"url": "https://[bad"}, {"url": "https://x.example/\nb"}],
    ids=str,
)  # fmt: skip
def test_what_is_no_sponsor_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        add_sponsor(Arrangement(), **(EXAMPLE | wrong))


def test_an_issue_has_at_most_three() -> None:
    now = Arrangement()
    for _ in range(3):
        now = add_sponsor(now, **EXAMPLE)
    with pytest.raises(BadInputError, match="at most 3"):
        add_sponsor(now, **EXAMPLE)
    with pytest.raises(BadInputError, match="no sponsor 4"):
        drop_sponsor(now, 4)
