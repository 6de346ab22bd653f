"""Paths in settings, and the file of settings itself, where the system refuses them."""

from pathlib import Path

import pytest

from newsletter.errors import SettingsError
from newsletter.settings import FILE, load


@pytest.mark.parametrize("name", ["NEWSLETTER_BACKUPS", "NEWSLETTER_ABOUT"])
def test_a_path_that_the_system_refuses_is_named_with_its_setting(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=rf"^{name} names x+, which cannot be used: File name too long$"):
        load({name: "x" * 300}, tmp_path)


def test_a_number_without_end_is_no_toml(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(f"senders = {'9' * 5_000}")
    with pytest.raises(SettingsError, match=r"^newsletter.toml is not valid TOML: "):
        load({}, tmp_path)
