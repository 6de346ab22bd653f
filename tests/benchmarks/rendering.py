"""What an issue costs to render, and one more selection of it to choose and cut."""

import time
from collections.abc import Callable, Sequence
from functools import partial

from newsletter.issues import budget
from newsletter.issues.choosing import choose
from newsletter.issues.rendering import render
from newsletter.subscribers.selections import Selection
from tests.unit.issues.mails import frozen, rendered, week
from tests.unit.issues.weeks import LINKS, WEEKS

ROUNDS = 5
EACH = 200


def main() -> None:
    render(week("lonely"), LINKS)  # imports the compiler
    for name in WEEKS:
        issue = week(name)
        seconds = _best([partial(render, issue, LINKS)] * ROUNDS)
        decoded, encoded = budget.sizes(rendered(name).blocks, LINKS.token)
        print(f"{name}: rendered in {seconds:.2f} s; all blocks {decoded:,} bytes, {encoded:,} encoded")
    blocks, mail = rendered("usual").blocks, frozen("usual")
    batches = [
        [Selection(("Audio", f"Category {batch}-{number}"), ("skeptic",), 50) for number in range(EACH)]
        for batch in range(ROUNDS)
    ]

    def choose_all(some: list[Selection]) -> None:
        for one in some:
            choose(blocks, one)

    def cut_all(some: list[Selection]) -> None:
        for one in some:
            mail.cut(one.key(), "html")

    chosen = _best([partial(choose_all, some) for some in batches]) / EACH
    cut = _best([partial(cut_all, some) for some in batches]) / EACH
    again = _best([partial(cut_all, batches[-1])] * ROUNDS) / EACH
    print(f"one more selection: {chosen * 1e6:.0f} µs to choose, {cut * 1e6:.0f} µs to cut, {again * 1e6:.0f} µs known")


def _best(works: Sequence[Callable[[], object]]) -> float:
    """Seconds of the quickest, which other programs disturbed least."""
    return min(map(_timed, works))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
