"""Counts again what a mail says, from the files that were imported, with nothing of the project's code.

``said_in(mail)`` reads a message's verdicts with the standard library alone; ``expected(documents)`` computes them from
the tools files in the order of their import. ``python recount.py MAIL TOOLS.json…`` compares the two by hand.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from email import message_from_bytes, policy
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

COUNTS = re.compile(r"[▲▼◆] (Ship|Skip|Split) · (\d+) ship / (\d+) skip, (\d+) %")
COMMUNITY = re.compile(r"Community (\d+) % ship of (\d+) votes?|No community votes yet")


class Verdict(NamedTuple):
    """``community`` is (percent, votes), or None where nobody voted."""

    call: str
    ships: int
    skips: int
    percent: int
    community: tuple[int, int] | None


def expected(documents: Iterable[Mapping[str, Any]]) -> dict[str, Verdict]:
    """By name, for every tool that has a take; a later document replaces the takes that it gives."""
    takes: dict[str, dict[str, str]] = {}
    votes: dict[str, tuple[int, int]] = {}
    for tool in (tool for document in documents for tool in document["tools"]):
        mine = takes.setdefault(tool["name"], {})
        mine.update({take["panelist"]: take["call"] for take in tool.get("takes", [])})
        if "votes" in tool:
            votes[tool["name"]] = (tool["votes"]["ship"], tool["votes"]["skip"])
    return {name: _verdict(list(calls.values()), votes.get(name, (0, 0))) for name, calls in takes.items() if calls}


def _verdict(calls: list[str], votes: tuple[int, int]) -> Verdict:
    ships, skips = calls.count("ship"), calls.count("skip")
    call = "Ship" if ships > skips else "Skip" if skips > ships else "Split"
    community = (_percent(votes[0], sum(votes)), sum(votes)) if sum(votes) else None
    return Verdict(call, ships, skips, _percent(ships, ships + skips), community)


def _percent(part: int, whole: int) -> int:
    return round(Fraction(part * 100, whole))


def said_in(mail: bytes, names: Iterable[str]) -> dict[str, dict[str, list[Verdict]]]:
    """For the plain and the HTML part: each verdict that stands under a tool's name, as often as it stands there."""
    message = message_from_bytes(mail, policy=policy.default)
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    return {
        "plain": _read(plain.get_content().splitlines(), set(names)),
        "html": _read(_texts(html.get_content()), set(names)),
    }


def _read(lines: list[str], names: set[str]) -> dict[str, list[Verdict]]:
    found: dict[str, list[Verdict]] = {}
    stripped = [" ".join(line.split()) for line in lines]
    starts = [at for at, line in enumerate(stripped) if line in names]
    for start, end in zip(starts, [*starts[1:], len(stripped)], strict=True):
        text = " ".join(stripped[start + 1 : end])
        counts = COUNTS.search(text)
        if counts:
            share = COMMUNITY.search(text)
            community = (int(share[1]), int(share[2])) if share and share[1] else None
            call, ships, skips, percent = counts.groups()
            found.setdefault(stripped[start], []).append(Verdict(call, int(ships), int(skips), int(percent), community))
    return found


class _Text(HTMLParser):
    """The texts of a document, one for each element that is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("style", "script", "title")
        if tag in ("p", "div", "td", "h1", "h2", "h3", "a", "span"):
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "script", "title")

    def handle_data(self, data: str) -> None:
        if not self._hidden and self.texts:
            self.texts[-1] += data


def _texts(html: str) -> list[str]:
    reader = _Text()
    reader.feed(html)
    return reader.texts


if __name__ == "__main__":
    right = expected([json.loads(Path(name).read_text("utf-8")) for name in sys.argv[2:]])
    for part, said in said_in(Path(sys.argv[1]).read_bytes(), right).items():
        for name, verdicts in said.items():
            for verdict in verdicts:
                print(part, name, verdict, "" if verdict == right[name] else f"but it is {right[name]}")
