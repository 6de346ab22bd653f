"""The table [theme] changes how the mail looks, refuses what nobody could read, and is frozen with the issue."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from newsletter.errors import SettingsError
from newsletter.issues.rendering import render
from newsletter.issues.theme import DARK, LIGHT, Logo, Theme, read_theme
from newsletter.issues.values import IssueValues, load_values
from newsletter.settings import load
from tests.unit.issues.mails import tree, week
from tests.unit.issues.weeks import LINKS

LOGO = {"url": "https://news.example.com/logo.png?a=1&b=2", "width": 120, "height": 32}


def themed(table: dict[str, Any]) -> IssueValues:
    values = week("usual")
    return replace(values, publication=replace(values.publication, theme=read_theme(json.dumps(table))))


def parts(values: IssueValues) -> tuple[str, str]:
    blocks = render(values, LINKS).blocks
    return "".join(block.html for block in blocks), "".join(block.text for block in blocks)


def test_without_a_theme_the_mail_has_its_own_colours() -> None:
    assert read_theme("{}") == Theme(LIGHT, DARK)


def test_colours_replace_those_that_they_name_and_no_others() -> None:
    html, _ = parts(themed({"light": {"paper": "#fffdf5", "ship": ["#005a2b", "#E0F5E8"]}, "dark": {"ink": "#fefefe"}}))
    assert "#fffdf5" in html
    assert "#e0f5e8" in html
    assert f"background:{LIGHT.paper}" not in html
    assert LIGHT.skip.tint in html
    assert ".i{color:#fefefe!important}" in html.replace(" ", "")


def test_title_and_footer_stand_in_both_parts() -> None:
    html, text = parts(themed({"title": "The <Tool> Letter", "footer": "Registered in Example City"}))
    assert "The <Tool> Letter" in tree(html).words
    assert "THE <TOOL> LETTER" in text
    for part in (html, text):
        assert "Registered in Example City" in part


def test_a_logo_has_its_size_and_says_the_title_where_pictures_are_off() -> None:
    html, text = parts(themed({"logo": LOGO}))
    (logo,) = tree(html).all("img")
    assert logo.attributes["src"] == LOGO["url"]
    assert (logo.attributes["width"], logo.attributes["height"]) == ("120", "32")
    assert logo.attributes["alt"] == "Weekly Verdicts"
    assert logo.style["background"] == LIGHT.paper, "dark letters on a transparent ground stay readable in the dark"
    assert "WEEKLY VERDICTS" in text


def test_a_theme_is_frozen_with_the_issue() -> None:
    values = themed({"logo": LOGO, "light": {"ship": ["#005a2b", "#e0f5e8"]}, "footer": "Registered"})
    assert load_values(json.loads(json.dumps(values.document()))) == values


def test_an_issue_that_was_frozen_before_there_were_themes_has_the_default_one() -> None:
    document = week("usual").document()
    del document["publication"]["theme"]
    assert load_values(document) == week("usual")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"light": {"ink": "#cccccc"}}, "light, ink on paper (#cccccc on #ffffff) has a contrast of 1.6 : 1"),
        ({"dark": {"split": ["#555555", "#333333"]}}, "dark, split on its tint"),
        ({"light": {"ink": "#767676", "paper": "#ffffff", "muted": "#777777"}}, "contrast"),
        ({"light": {"ink": "red"}}, "light.ink = 'red'; a colour is written as #1b1a17"),
        ({"light": {"ink": "#fff;}</style>"}}, "light.ink"),
        ({"light": {"ship": "#005a2b"}}, "light.ship"),
        ({"light": "dark"}, "it is a table of colours"),
        ({"colour": "#1b1a17"}, "unknown colour; known: dark, footer, light, logo, title"),
        ({"light": {"link": "#1b1a17"}}, "unknown light.link"),
        ({"logo": "https://example.com/logo.png"}, "a table of url, width and height"),
        ({"logo": {"url": "https://example.com/logo.png", "width": 120}}, "lacks logo.height"),
        ({"logo": LOGO | {"url": "http://example.com/logo.png"}}, "https address of a PNG or JPEG"),
        ({"logo": LOGO | {"url": "https://example.com/logo.svg"}}, "https address of a PNG or JPEG"),
        ({"logo": LOGO | {"width": 2000}}, "logo.width = 2000"),
        ({"logo": LOGO | {"height": True}}, "logo.height"),
        ({"title": "two\nlines"}, "one line"),
        ({"footer": 3}, "one line"),
        ([], "must be a table"),
    ],
    ids=str,
)
def test_what_a_reader_could_not_read_or_a_client_not_show_is_refused(table: object, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        read_theme(json.dumps(table))


def test_the_file_of_settings_holds_it_as_a_table(tmp_path: Path) -> None:
    (tmp_path / "newsletter.toml").write_text(
        '[theme]\ntitle = "Letter"\n[theme.light]\npage = "#ffffff"\n'
        '[theme.logo]\nurl = "https://news.example.com/logo.png"\nwidth = 120\nheight = 32\n'
    )
    theme = load({}, tmp_path).theme
    assert (theme.title, theme.light.page) == ("Letter", "#ffffff")
    assert theme.logo == Logo("https://news.example.com/logo.png", 120, 32)


def test_a_theme_that_cannot_be_read_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "newsletter.toml").write_text('[theme.light]\nink = "#cccccc"\n')
    with pytest.raises(SettingsError, match=r"^theme in newsletter\.toml cannot be read: light, ink on paper"):
        load({}, tmp_path)


def test_no_other_setting_is_a_table(tmp_path: Path) -> None:
    (tmp_path / "newsletter.toml").write_text('[title]\nwords = "Letter"\n')
    with pytest.raises(SettingsError, match="must be text"):
        load({}, tmp_path)
