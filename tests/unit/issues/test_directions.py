"""Words that run from right to left stand in elements that say so, and no byte is spent on others."""

import pytest

from db.material import ItemRow
from newsletter.issues.rendering import render
from newsletter.issues.words import is_rtl
from tests.unit.issues.mails import Element, mail, tree
from tests.unit.issues.weeks import LINKS, material, takes, tool, values

NAME, TAGLINE, TAKE, NOTE = (
    "قلم 3",
    "כלי לכתיבה (2.0)",
    "يعمل جيداً. 100 % بلا خادم!",
    "ملاحظة: [هنا](https://notes.example/).",
)
CATEGORY, PRICE, INTRO, PAID = "كتابة", "חינם", "مقدمة: 3 أدوات!", "راعٍ."


@pytest.mark.parametrize(
    ("text", "rtl"),
    [("Latin", False), ("", False), ("123 !?", False), ("قلم", True), ("3 ◆ כלי", True), ("Curly قلم", False),
     ("👩‍👩‍👧 قلم then Latin", True), ("你好", False)],
)  # fmt: skip
def test_the_first_strong_letter_decides(text: str, rtl: bool) -> None:
    assert is_rtl(text) is rtl


def foreign() -> Element:
    tools = [tool(n, f"{NAME}{n}", TAGLINE, CATEGORY, PRICE) for n in range(1, 8)]
    given = [take for n, calls in enumerate(("SSSS.", "SSKS.", "SKSK.", "KKKS.", "SSSK."), 1)
             for take in takes(n, calls, TAKE)]  # fmt: skip
    found = material(tools, given, items=[ItemRow(n, None, False, NOTE, None) for n in range(1, 8)], intro=INTRO)
    paid = {"name": "مضيف", "text": PAID, "url": "https://sponsor.example/"}
    found = found._replace(
        issue=found.issue._replace(settings={"sponsors": [paid]}, subject="عنوان 3!", preheader="Words.")
    )
    return tree("".join(block.html for block in render(values(found), LINKS).blocks))


def test_each_foreign_text_has_its_direction_as_an_element_says_it() -> None:
    """An element whose own text begins from right to left is one that says so, or stands in one."""

    def says(element: Element | None) -> bool:
        return element is not None and (element.attributes.get("dir") == "rtl" or says(element.parent))

    page = foreign()
    shown = [element for element in page.walk() if element.tag != "title"]
    assert [element.text for element in shown if is_rtl(element.text.strip()) and not says(element)] == []
    told = " ".join(element.words for element in page.walk() if element.attributes.get("dir") == "rtl")
    for text in (NAME, TAGLINE, CATEGORY, PRICE, INTRO, PAID, "يعمل جيداً", "ملاحظة", "عنوان 3!"):
        assert text in told, text


@pytest.mark.parametrize("subject", [None, "عنوان عن قلم 31!"])
def test_a_subject_that_is_our_sentence_runs_as_ours_whatever_letters_the_pick_has(subject: str | None) -> None:
    found = material([tool(1, f"{NAME}1", TAGLINE)], takes(1, "SSSS."))
    made = values(found._replace(issue=found.issue._replace(subject=subject)))
    assert made.pick
    (heading,) = tree("".join(block.html for block in render(made, LINKS).blocks)).all("h1")
    assert heading.attributes.get("dir") == ("rtl" if subject else None)


@pytest.mark.parametrize("name", ["usual", "edited", "crowded", "lonely"])
def test_a_mail_from_left_to_right_has_no_further_directions(name: str) -> None:
    assert [e.tag for e in tree(mail(name).html).walk() if "dir" in e.attributes and e.attributes["dir"] != "ltr"] == []
