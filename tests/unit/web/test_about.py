from pathlib import Path

import pytest

from newsletter.setting_paths import text_file
from newsletter.web.about_pages import own_words


def test_the_operators_words_are_shown_with_their_headings(tmp_path: Path) -> None:
    path = tmp_path / "about.md"
    path.write_text("Hello **there**.\n\n## Who we are\n\nTwo people & a dog.\n", "utf-8")
    assert own_words(path) == [
        ("", "<p>Hello <strong>there</strong>.</p>"),
        ("Who we are", "<p>Two people &amp; a dog.</p>"),
    ]


def test_a_file_from_windows_begins_with_its_heading(tmp_path: Path) -> None:
    path = tmp_path / "about.md"
    path.write_bytes("# Über uns\r\n\r\nZwei Leute.\r\n".encode("utf-8-sig"))
    assert own_words(path) == [("Über uns", "<p>Zwei Leute.</p>")]


def test_markup_in_them_is_text(tmp_path: Path) -> None:
    path = tmp_path / "about.md"
    path.write_text("<script>alert(1)</script>", "utf-8")
    assert "<script>" not in own_words(path)[0][1]


def test_without_a_file_there_are_none(tmp_path: Path) -> None:
    assert own_words(None) == own_words(tmp_path / "gone.md") == []
    with pytest.raises(ValueError, match="there is none at"):
        text_file(str(tmp_path / "gone.md"))
