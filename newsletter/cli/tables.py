"""Rows as columns under their heads: coloured and folded to its width on a terminal, plain text in a pipe."""

import sys
from collections.abc import Sequence

Row = tuple[object, ...]

_COLOURS = {
    "green": ("active", "approved", "done", "ok", "passed", "sent", "ship", "release"),
    "yellow": ("deferred", "draft", "paused", "pending", "sending", "split", "unmatched", "(unmatched)"),
    "red": ("bounced", "cancelled", "complained", "error", "failed", "missed", "revoked", "skip", "uncertain"),
}
_COLOUR_OF = {word: colour for colour, words in _COLOURS.items() for word in words}
# Titles come from strangers' feeds, and a terminal obeys what is no letter (C0 and C1 controls).
_NO_LETTERS = dict.fromkeys((*range(32), *range(127, 160)), " ")


def table(rows: Sequence[Row], heads: Sequence[str], none: str = "") -> list[str]:
    """The lines of a table; None is shown as a dash. Without rows, the sentence ``none`` where there is one."""
    if not rows and none:
        return [none]
    shown = [["–" if cell is None else str(cell).translate(_NO_LETTERS) for cell in row] for row in rows]
    titles = [head.upper() for head in heads]
    return _for_a_terminal(shown, titles) if sys.stdout.isatty() else _plain(shown, titles)


def _plain(rows: list[list[str]], heads: list[str]) -> list[str]:
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    line = "  ".join(f"{{:<{width}}}" for width in widths)
    return [line.format(*row).rstrip() for row in [heads, *rows]]


def _for_a_terminal(rows: list[list[str]], heads: list[str]) -> list[str]:
    """Nothing is cut off: what is too long goes on below. NO_COLOR and a dumb terminal are respected."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for head in heads:
        drawn.add_column(head, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell, style=_COLOUR_OF.get(cell, "")) for cell in row))
    console = Console()
    with console.capture() as captured:
        console.print(drawn)
    return [line.rstrip() for line in captured.get().splitlines()]
