import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from newsletter.issues.mjml import compile_mjml
from newsletter.issues.mjml_rules import validate
from tests.unit.issues.mails import tree


def document(body: str, head: str = "") -> str:
    return f"<mjml lang='en'>\n<mj-head>{head}</mj-head>\n<mj-body>\n{body}\n</mj-body></mjml>"


def section(content: str) -> str:
    return f"<mj-section><mj-column>{content}</mj-column></mj-section>"


def test_sound_mjml_compiles_without_problems() -> None:
    html, problems = compile_mjml(document(section("<mj-text>Hello <b>you</b></mj-text>")))
    assert problems == ()
    assert "Hello <b>you</b>" in html


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        ("<mj-section>\n<mj-colunm></mj-colunm></mj-section>", 5, "<mj-colunm> is no MJML tag"),
        ("<mj-column></mj-column>", 4, "<mj-column> cannot stand in <mj-body>"),
        (section("\n<mj-text colour='red'>x</mj-text>"), 5, "<mj-text> has no attribute colour"),
        (section("<mj-text><mj-button>x</mj-button></mj-text>"), 4, "<mj-button> cannot stand in <mj-text>"),
        ("<p>x</p>", 4, "<p> cannot stand in <mj-body>"),
        ("<mj-section><mj-column></mj-section>", 4, "</mj-section> closes before <mj-column> of line 4 is closed"),
        ("</mj-column>", 4, "</mj-column> closes nothing"),
        ("<mj-include path='/etc/passwd' />", 4, "<mj-include> is no MJML tag"),
        (section("<mj-raw><mj-include path='/etc/passwd' /></mj-raw>"), 4, "<mj-include> is no MJML tag"),
        ("\nlost words", 5, "a text cannot stand in <mj-body>"),
        (section("<mj-text color='red' color='blue'>x</mj-text>"), 4, "<mj-text> has color twice"),
    ],
)
def test_what_the_compiler_would_swallow_is_a_problem_with_its_place(body: str, line: int, said: str) -> None:
    html, problems = compile_mjml(document(body))
    assert html == ""
    assert (problems[0].line, problems[0].message) == (line, said)
    assert problems[0].column >= 1


@pytest.mark.parametrize("source", ["", "<mjml></mjml>", "<!-- nothing -->"])
def test_a_source_without_a_body_is_a_problem(source: str) -> None:
    html, (problem,) = compile_mjml(source)
    assert (html, problem.message) == ("", "there is no <mj-body>")


def test_an_unclosed_tag_is_named_where_it_opens() -> None:
    (problem, *_) = validate("<mjml>\n  <mj-body>\n")
    assert str(problem) == "line 1, column 1: <mjml> is never closed"


def test_a_font_that_the_compiler_knows_may_not_be_named() -> None:
    font = '<mj-font name="Roboto" href="https://fonts.example/roboto.css" />'
    _, problems = compile_mjml(document("", font))
    assert "Roboto" in problems[0].message


def test_a_text_that_names_a_web_font_links_none() -> None:
    said = escape('He set it in "font-family: Lato" and "font-family: Ubuntu".')
    html, _ = compile_mjml(document(section(f"<mj-text font-family='Arial'>{said}</mj-text>")))
    assert "Lato" in html
    assert "googleapis" not in html
    assert "@import" not in html


def test_white_space_goes_between_tags_and_stays_between_words() -> None:
    html, _ = compile_mjml(document(section("<mj-text>\n  <i>one</i> <b>two</b>\n  three\n</mj-text>")))
    assert "\n" not in html
    assert "<i>one</i> <b>two</b> three" in html


def test_marks_survive_where_pieces_are_cut() -> None:
    html, problems = compile_mjml(
        document("<mj-raw><!--b:1--></mj-raw>" + section("<mj-raw><!--b:2--><tr><td>x</td></tr></mj-raw>"))
    )
    assert problems == ()
    assert re.findall(r"<!--b:(\d)-->", html) == ["1", "2"]


hostile = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=60) | st.sampled_from(
    ['"><script>x</script>', '" onload="x', "&quot;><b>", "&amp;quot;", "<!--", "-->", "</title>", "' x='"]
)


@given(hostile)
def test_no_text_breaks_out_of_where_it_stands(text: str) -> None:
    safe = escape(text)
    body = f'<mj-text>{safe}</mj-text><mj-button href="https://x.example/?q={safe}">{safe}</mj-button>'
    html, problems = compile_mjml(
        document(section(body), f"<mj-title>{safe}</mj-title><mj-preview>{safe}</mj-preview>")
    )
    assert problems == ()
    root = tree(html)
    assert not root.all("script", "b")
    assert not [key for element in root.walk() for key in element.attributes if key.startswith("on")]
    (link,) = root.all("a")
    assert link.attributes["href"].split() == f"https://x.example/?q={text}".split()
