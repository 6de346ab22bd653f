from dataclasses import replace

import pytest

from db.material import NewerTakeRow
from newsletter.issues.checks import (
    check_address,
    check_earlier,
    check_freshness,
    check_headers,
    check_readership,
    check_values,
)
from newsletter.issues.content import Block, Rendered
from newsletter.issues.findings import Finding
from newsletter.issues.links import leads_to
from newsletter.issues.markup_checks import check_rendered
from newsletter.issues.theme import LIGHT, Theme
from tests.unit.issues.mails import rendered, week
from tests.unit.issues.weeks import material, takes, tool, values


def gravest(found: list[Finding]) -> str | None:
    order = ["error", "warning", "note"]
    return min((finding.severity for finding in found), key=order.index, default=None)


def places(found: list[Finding], severity: str) -> set[str]:
    return {finding.place for finding in found if finding.severity == severity}


def page(html: str) -> Rendered:
    return Rendered("2026-W47", "Subject", "Preheader", (Block("start", html, ""),), "P" * 32)


def test_a_usual_week_has_nothing_worse_than_notes() -> None:
    assert gravest(check_values(week("usual"))) == "note"
    assert check_rendered(rendered("usual")) == []


def test_every_finding_says_where_and_what_to_do() -> None:
    for found in check_values(week("usual")):
        assert found.place
        assert found.message.endswith(".")
        assert found.advice.endswith(".")


def test_missing_takes_are_noted_at_their_tool() -> None:
    assert "larkspur-3-1" in places(check_values(week("usual")), "note")


def test_an_issue_without_anything_to_say_is_an_error() -> None:
    assert places(check_values(replace(week("usual"), items=(), also=(), pick=None)), "error") == {"items"}


def test_a_week_without_takes_is_a_warning() -> None:
    assert places(check_values(week("lonely")), "warning") == {"items"}


@pytest.mark.parametrize("subject", ["FREE STUFF HERE TODAY", "Click here", "Wow!!", "x" * 71])
def test_subjects_that_shout_or_are_cut_are_warned_of(subject: str) -> None:
    assert places(check_values(replace(week("usual"), subject=subject)), "warning") == {"subject"}


def test_a_mail_that_would_be_clipped_is_an_error() -> None:
    assert places(check_rendered(page("<p>" + "x" * 81_000)), "error") == {"size"}


def test_styles_that_large_clients_drop_are_named() -> None:
    (found,) = check_rendered(page('<p style="position:absolute;color:#000000">x</p>'))
    assert "Gmail" in found.message
    assert "position" in found.message


@pytest.mark.parametrize("image", ['alt="" width="9" height="9"', 'alt="Logo" height="9"', 'width="9" height="9"'])
def test_an_image_without_words_or_sizes_is_an_error(image: str) -> None:
    assert places(check_rendered(page(f'<img src="https://x.example/a.png" {image}>')), "error") == {"images"}


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ('<p style="color:#767676">pale</p>', []),
        ('<p style="color:#999999">paler</p>', ["“paler” has a contrast of 2.8 : 1 in light"]),
        ('<td bgcolor="#1b1a17"><a style="color:#333333">dark</a></td>', ["“dark” has a contrast of 1.4 : 1 in light"]),
        ('<p style="color:#999999;display:none">hidden</p><style>p{color:#ffffff}</style>', []),
        ('<p style="color:#004cff">blue</p>', ["“blue” has a contrast of 3.5 : 1 under inversion"]),
    ],
)
def test_texts_of_too_little_contrast_are_errors(html: str, said: list[str]) -> None:
    found = [finding.message.partition(",")[0] for finding in check_rendered(page(html)) if finding.place == "contrast"]
    assert found[:1] == said


@pytest.mark.parametrize(
    "style", ["p{color:var(--ink)}", "p{position:fixed}", "p{color:rgb(0 0 0 / 1)}", "p{margin:0}" * 1100]
)
def test_style_sheets_that_gmail_drops_are_errors(style: str) -> None:
    assert places(check_rendered(page(f"<style>{style}</style>")), "error") == {"style"}


def test_what_every_mail_says_may_only_name_what_every_mail_has() -> None:
    issue = replace(week("usual"), lead=None)
    told = replace(
        issue,
        subject="Hush is here",
        preheader="Larkspur 3 and Otter CLI 1.0",
        intro="Hushed, Larkspur 3, Tern 1.8.",
    )
    assert places(check_values(told), "warning") == {"subject", "preheader", "intro"}
    assert places(check_values(replace(issue, subject="Larkspur 3, hushed", intro="")), "warning") == set()


def test_a_subject_that_plays_an_answer_and_links_that_hide_are_warned_of() -> None:
    assert places(check_values(replace(week("usual"), subject="Re: your order")), "warning") == {"subject"}
    hidden = replace(week("usual"), intro="See [this](https://bit.ly/3x).", lead=None)
    assert places(check_values(hidden), "warning") == {"intro"}


def test_sections_that_a_week_leaves_empty_are_noted() -> None:
    found = check_values(values(material([tool(1, "Alone")], takes(1, "SSS"))))
    assert {"pair", "split"} <= places(found, "note")


def test_colours_that_nobody_can_read_are_an_error() -> None:
    theme = replace(LIGHT, ink="#cccccc")
    publication = replace(week("usual").publication, theme=replace(Theme(), light=theme))
    assert places(check_values(replace(week("usual"), publication=publication)), "error") == {"theme"}


def test_the_addresses_that_an_issue_leads_to_are_known_with_their_places() -> None:
    found = leads_to(replace(week("usual"), intro="[one](https://one.example/) of them"))
    assert found["https://one.example/"] == "intro"
    assert found["https://tool-1.example/"] == "larkspur-3-1"
    assert len(found) == 17


def test_a_tool_of_an_earlier_issue_is_noted() -> None:
    (found,) = check_earlier(week("usual"), {1: "2026-W40"})
    assert (found.severity, found.place) == ("note", "larkspur-3-1")


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (100, 100, None),
        (119, 100, None),
        (130, 100, "warning"),
        (70, 100, "warning"),
        (50, None, None),
        (0, 10, "warning"),
    ],
)
def test_a_readership_that_jumps_asks_for_a_look(now: int, before: int | None, said: str | None) -> None:
    assert gravest(check_readership(now, before)) == said


@pytest.mark.parametrize(("url", "said"), [("https://news.example.com", None), ("http://news.example.com", "error"),
                                           ("http://127.0.0.1:8000", "warning"), ("http://127.0.1.1", "warning"),
                                           ("http://localhost", "warning"), ("http://[::1]", "warning")])  # fmt: skip
def test_one_click_unsubscription_needs_https(url: str, said: str | None) -> None:
    assert gravest(check_address(url)) == said


def test_a_take_that_came_after_the_draft_is_noted_and_one_after_the_approval_is_warned_of() -> None:
    newer = [
        NewerTakeRow("alpha", "Alpha", "Builder", "skip", "ship"),
        NewerTakeRow("beta", "Beta", "Creator", "ship", None),
    ]
    turned, first = check_freshness(newer, frozen=False)
    assert (turned.severity, turned.place) == ("note", "alpha")
    assert turned.message.startswith("Builder's take on Alpha (skip, before: ship) came after the draft was made")
    assert "(ship)" in first.message
    assert [found.severity for found in check_freshness(newer, frozen=True)] == ["warning", "warning"]


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("Subject: " + "x" * 990, "error"),
        ("Subject: =?utf-8?q?" + "x" * 70 + "?=", "error"),
        ("Subject: " + "word " * 20, "warning"),
        ("List-Unsubscribe: <https://news.example.com/" + "x" * 120 + ">", None),
        ("Subject: All three ship Alpha", None),
    ],
)
def test_header_lines_that_servers_break_are_found(line: str, severity: str | None) -> None:
    assert gravest(check_headers(f"From: news@example.com\r\n{line}\r\n".encode())) == severity


def test_a_continued_line_belongs_to_its_field() -> None:
    (found,) = check_headers(b"Subject: one\r\n " + b"x" * 1000 + b"\r\n")
    assert found.place == "Subject"
