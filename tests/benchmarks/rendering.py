"""What an issue costs to render, and one more selection of it to choose and cut."""

import time
from collections.abc import Callable

from newsletter.issues import budget
from newsletter.issues.choosing import choose
from newsletter.issues.rendering import render
from newsletter.subscribers.selections import Selection
from tests.unit.issues.mails import frozen, rendered, week
from tests.unit.issues.weeks import LINKS, WEEKS

ROUNDS = 1000


def main() -> None:
    render(week("lonely"), LINKS)  # imports the compiler
    for name in WEEKS:
        issue = week(name)
        seconds = _timed(lambda issue=issue: render(issue, LINKS))
        decoded, encoded = budget.sizes(rendered(name).blocks, LINKS.token)
        print(f"{name}: rendered in {seconds:.2f} s; all blocks {decoded:,} bytes, {encoded:,} encoded")
    blocks, mail = rendered("usual").blocks, frozen("usual")
    selections = [Selection(("Audio", f"Category {number}"), ("skeptic",), 50) for number in range(ROUNDS)]
    chosen = _timed(lambda: [choose(blocks, selection) for selection in selections]) / ROUNDS
    cut = _timed(lambda: [mail.cut(selection.key(), "html") for selection in selections]) / ROUNDS
    again = _timed(lambda: [mail.cut(selection.key(), "html") for selection in selections]) / ROUNDS
    print(f"one more selection: {chosen * 1e6:.0f} µs to choose, {cut * 1e6:.0f} µs to cut, {again * 1e6:.0f} µs known")


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
