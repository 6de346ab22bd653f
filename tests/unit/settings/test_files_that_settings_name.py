"""Paths in settings, and the file of settings itself, where the system refuses them."""

from pathlib import Path

import pytest

from newsletter.errors import SettingsError
from newsletter.settings import FILE, load


@pytest.mark.parametrize("name", ["NEWSLETTER_BACKUPS", "NEWSLETTER_ABOUT"])
def test_a_path_that_the_system_refuses_is_named_with_its_setting(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=rf"^{name} names x+, which cannot be used: File name too long$"):
        load({name: "x" * 300}, tmp_path)


@pytest.mark.parametrize("value", ["[" * 100_000, "{a=" * 3_000 + "1" + "}" * 3_000])
def test_what_is_nested_without_end_holds_no_settings(value: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(f"theme = {value}")
    with pytest.raises(SettingsError, match=r"^newsletter.toml is nested too deeply"):
        load({}, tmp_path)


@pytest.mark.parametrize("value", ["[" * 100_000, '{"light":' * 100_000])
def test_a_theme_that_is_nested_without_end_is_no_table(value: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^NEWSLETTER_THEME must be a table"):
        load({"NEWSLETTER_THEME": value}, tmp_path)


def test_a_number_without_end_is_no_toml(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(f"senders = {'9' * 5_000}")
    with pytest.raises(SettingsError, match=r"^newsletter.toml is not valid TOML: "):
        load({}, tmp_path)


def test_keys_may_stand_in_the_file_as_a_list(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('secret_key = ["the-new-one", "the-old-one"]')
    assert load({}, tmp_path).secret_key == ("the-new-one", "the-old-one")
