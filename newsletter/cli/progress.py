"""How far long work is: one line that is written over, on a terminal alone; silent in a pipe."""

import sys
from typing import Self

import click

_ANEW = "\r\x1b[K"


class Progress:
    def __init__(self) -> None:
        self.is_seen = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Whatever is said next, of an error too, begins a line."""
        self.show("")

    def show(self, line: str) -> None:
        if self.is_seen:
            click.echo(f"{_ANEW}{line}", err=True, nl=False)
