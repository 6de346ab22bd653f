"""How far long work is: a line that is written over on a terminal, and nothing in a pipe."""

import io
from contextlib import suppress

import pytest

from newsletter.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told_on(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("sys.stderr", stream)
    with Progress() as progress:
        for line in ("1,000 of 20,000", "all"):
            progress.show(line)
    return stream.getvalue()


def test_a_shorter_line_leaves_nothing_of_a_longer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told_on(Terminal(), monkeypatch).split("\r\x1b[K") == ["", "1,000 of 20,000", "all", ""]


def test_an_error_in_the_middle_begins_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    with suppress(OSError), Progress() as progress:
        progress.show("1,000 of 20,000")
        raise OSError
    assert stream.getvalue().endswith("\r\x1b[K")


def test_a_pipe_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told_on(io.StringIO(), monkeypatch) == ""
