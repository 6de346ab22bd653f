import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.clock import Week
from newsletter.issues.dates import span
from newsletter.issues.markdown import addresses, literal, to_html, to_text
from newsletter.issues.wording import fit_preheader, plain
from newsletter.issues.words import fitted, in_its_place, linked, one_line, paragraphs, sentence, shortened, wrapped


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (" two\n words ", "two words"),
        ("bell\x07 and \x1b[31m", "bell and [31m"),
        ("\u202egnp.exe", "gnp.exe"),
        ("a\u2028b\u00a0c", "a b c"),
        ("\ud800", "\ufffd"),
        (None, ""),
    ],
)
def test_one_line_is_one_line_of_harmless_text(text: str | None, line: str) -> None:
    assert one_line(text) == line


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a" + "\u0301" * 500 + "b", "a" + "\u0301" * 6 + "b"),
        ("a" + "\u0301\u200d" * 500, "a" + "\u0301\u200d" * 6),
        ("ก" + "\u0e47" * 20, "ก" + "\u0e47" * 6),
        ("two \u202eenil\nlines\u2066", "two enil\nlines"),
        ("שָּׁ֑לוֹם Việt 👨‍👩‍👧‍👦 ❤️", "שָּׁ֑לוֹם Việt 👨‍👩‍👧‍👦 ❤️"),
    ],
)
def test_text_that_reaches_beyond_its_place_is_kept_in_it(text: str, kept: str) -> None:
    assert in_its_place(text) == kept
    assert one_line(text) == one_line(kept)


@pytest.mark.parametrize(
    ("text", "ended"),
    [
        ("Does one thing", "Does one thing."),
        ("Does one thing.", "Does one thing."),
        ("Who needs a database?", "Who needs a database?"),
        ("“It just works!”", "“It just works!”"),
        ("A line that somebody cut…", "A line that somebody cut…"),
        ("翻訳ツールです。", "翻訳ツールです。"),
        ("Now at v1.2", "Now at v1.2."),
    ],
)
def test_a_sentence_ends_once(text: str, ended: str) -> None:
    assert sentence(text) == ended


def test_a_short_text_stays_whole() -> None:
    assert shortened("Short. And sweet.") == ("Short. And sweet.", False)


def test_a_long_text_ends_at_its_last_sentence_that_fits() -> None:
    text = "One sentence. " * 40
    short, cut = shortened(text)
    assert cut
    assert len(short) <= 400
    assert short.endswith("One sentence.")
    assert len(short) > 380


def test_a_version_number_ends_no_sentence() -> None:
    short, _ = shortened("It is at v1.2.3 now and " + "so on and on " * 60)
    assert short.endswith("…")


def test_a_long_text_without_sentences_ends_at_a_word() -> None:
    short, cut = shortened("word " * 200)
    assert cut
    assert short.endswith("word…")
    assert len(short) <= 400


def test_text_without_spaces_is_cut_too() -> None:
    short, cut = shortened("字" * 2000)
    assert cut
    assert len(short) == 400
    assert shortened("一句话。" * 500)[0].endswith("。")


@given(st.text(max_size=1500))
def test_what_is_shown_of_a_take_is_how_it_begins(text: str) -> None:
    line = one_line(text)
    short, cut = shortened(line)
    assert len(short) <= 400
    assert cut == (len(line) > 400)
    assert line.startswith(short.rstrip("…"))


@given(st.text(max_size=400), st.integers(20, 120))
def test_fitted_never_exceeds_its_room(text: str, room: int) -> None:
    assert len(fitted(one_line(text), room)) <= room


@given(st.text(max_size=600))
def test_wrapped_lines_are_at_most_78_characters(text: str) -> None:
    assert all(len(line) <= 78 for line in wrapped(one_line(text), "  ").split("\n")) or text.startswith("http")


def test_addresses_stay_whole_on_lines_of_their_own() -> None:
    address = "https://news.example.com/" + "x" * 80
    assert linked("Vote", address) == f"Vote:\n{address}"
    assert linked("Vote", "https://x.example") == "Vote: https://x.example"


@given(st.text(max_size=300))
def test_a_preheader_has_40_to_110_characters(text: str) -> None:
    assert 40 <= len(fit_preheader(one_line(text))) <= 110


def test_a_short_preheader_is_filled_up_behind_its_end() -> None:
    assert fit_preheader("Three that ship").startswith("Three that ship. The panel's")
    assert fit_preheader("Three that ship!").startswith("Three that ship! The panel's")
    assert fit_preheader("").startswith("The panel's")


def test_markdown_makes_paragraphs_emphasis_and_links_of_both_parts() -> None:
    source = "Open **this** or *that*.\n\nSee [the page](https://x.example/?a=1&b=2)."
    assert to_html(source) == (
        "<p>Open <strong>this</strong> or <em>that</em>.</p>"
        '<p>See <a href="https://x.example/?a=1&amp;b=2">the page</a>.</p>'
    )
    assert to_text(source) == ["Open this or that.", "See the page (https://x.example/?a=1&b=2)."]


def test_a_link_without_words_stays_as_it_is_typed() -> None:
    for nothing in (" ", "\u00a0", "\t "):
        assert "<a" not in to_html(f"See [{nothing}](https://x.example/).")
        assert addresses(f"See [{nothing}](https://x.example/).") == []


def test_markdown_makes_lists_of_lines_that_begin_with_a_dash() -> None:
    source = "Two of them:\n- **one**\n- [two](https://x.example/),\n  on two lines\n\nAnd - no list."
    assert to_html(source, "margin:0") == (
        '<p style="margin:0">Two of them:</p>'
        '<ul style="margin:0;padding:0 24px"><li><strong>one</strong></li>'
        '<li><a href="https://x.example/">two</a>, on two lines</li></ul>'
        '<p style="margin:0">And - no list.</p>'
    )
    assert to_text(source) == [
        "Two of them:", "- one\n- two (https://x.example/), on two lines", "And - no list."
    ]  # fmt: skip
    assert to_text("\\- plain") == ["- plain"]
    assert addresses(source) == ["https://x.example/"]


@pytest.mark.parametrize(
    ("source", "address", "rest"),
    [
        ("[x](https://x.example/a_(b)_c)", "https://x.example/a_(b)_c", ""),
        ("([x](https://x.example/a))", "https://x.example/a", ")"),
        ("[x](https://x.example/(a)(b)).", "https://x.example/(a)(b)", "."),
    ],
)
def test_an_address_may_hold_parentheses_that_balance(source: str, address: str, rest: str) -> None:
    assert addresses(source) == [address]
    assert to_text(source)[0].endswith(f"x ({address}){rest}")


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        ("# A heading\n\nwords", ["a heading"]),
        ("Try `pip install` and ```x```", ["code"]),
        ("```\ncode\n```", ["code"]),
        ("1. one\n2. two", ["a numbered list"]),
        ("> said", ["a quotation"]),
        ("![alt](https://x.example/a.png)", ["a picture"]),
        ("C# and #1, 5 > 3, a \\` b, - and **bold**", []),
        ("2026. That was it.", []),
    ],
)
def test_markdown_of_another_kind_is_found(source: str, kinds: list[str]) -> None:
    assert literal(source) == kinds


@pytest.mark.parametrize("source", ["<script>x</script>", "[x](javascript:alert(1))", '[x](https://a"onclick="b)'])
def test_markdown_lets_nothing_else_through(source: str) -> None:
    assert "<" not in to_html(source).removeprefix("<p>").removesuffix("</p>")


@given(st.text(max_size=80))
def test_a_name_in_markdown_stays_as_it_is(name: str) -> None:
    assert to_text(plain(one_line(name))) == paragraphs(name)[:1] or len(paragraphs(name)) != 1


def test_the_span_of_a_week_names_what_changes() -> None:
    assert span(Week(2026, 47)) == "16–22 November 2026"
    assert span(Week(2026, 49)) == "30 November – 6 December 2026"
    assert span(Week(2026, 53)) == "28 December 2026 – 3 January 2027"
