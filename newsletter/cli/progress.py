"""How far long work is: one line that is written over, on a terminal alone; silent in a pipe."""

import sys

import click

_ANEW = "\r\x1b[K"


class Progress:
    def __init__(self) -> None:
        self.is_seen = sys.stderr.isatty()

    def show(self, line: str) -> None:
        if self.is_seen:
            click.echo(f"{_ANEW}{line}", err=True, nl=False)

    def end(self) -> None:
        self.show("")
