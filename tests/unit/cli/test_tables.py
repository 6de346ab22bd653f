"""Tables: plain in a pipe, coloured and folded on a terminal, and never able to steer it."""

import io
import re

import pytest

from newsletter.cli.tables import table
from newsletter.english import counted

ROWS = [(1, "Patchbay", "sent", "https://patchbay.example/" + "x" * 60), (20, "Zork", "failed", None)]
HEADS = ("id", "name", "status", "url")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_one_is_counted_in_the_singular() -> None:
    told = [counted(0, "tool"), counted(1, "tool"), counted(2000, "tool"), counted(1, "mail was", "mails were")]
    assert told == ["0 tools", "1 tool", "2,000 tools", "1 mail was"]


def sit_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", Terminal())
    for name, value in (("TERM", "xterm-256color"), ("COLUMNS", "60")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)


def seen(lines: list[str]) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(lines))


def test_a_pipe_gets_aligned_text_and_nothing_else() -> None:
    lines = table(ROWS, HEADS)
    assert lines[0].split() == ["ID", "NAME", "STATUS", "URL"]
    assert lines[1].endswith("x" * 60)
    assert lines[2] == "20  Zork      failed  –"


def test_a_terminal_gets_colours_and_every_letter_within_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    sit_at_a_terminal(monkeypatch)
    lines = table(ROWS, HEADS)
    assert "\x1b[32msent" in "\n".join(lines)
    assert "\x1b[31mfailed" in "\n".join(lines)
    assert max(map(len, seen(lines).splitlines())) <= 60
    assert "https://patchbay.example/" + "x" * 60 in re.sub(r"\s", "", seen(lines))


def test_who_wants_no_colour_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    sit_at_a_terminal(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in "\n".join(table(ROWS, HEADS))


def test_a_title_from_a_feed_cannot_steer_the_terminal() -> None:
    assert table([("\x1b]0;owned\x07\x9b31m",)], ("title",))[1] == "]0;owned  31m".rjust(14)


def test_an_empty_table_is_a_sentence_where_there_is_one() -> None:
    assert table([], HEADS, "Nobody is here yet.") == ["Nobody is here yet."]
    assert table([], HEADS) == ["ID  NAME  STATUS  URL"]
