"""Three hundred real entries, drawn blindly, for measuring what tells announcements from the rest.

`python -m tests.announcement_sample FOLDER` draws them again from the histories in FOLDER, one JSON document a line.
The draw is uniform over the distinct entries of all captures of all histories, each as it was when first seen. The
labels in tests/data/gathering/announcements.json were given by reading these lines, before looking at a rule.
"""

import hashlib
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from newsletter.feeds.document import NotAFeedError
from newsletter.feeds.entries import read_document
from newsletter.feeds.identity import identify

SIZE, SEED = 300, 20261122


@dataclass(frozen=True, slots=True)
class Drawn:
    key: str
    feed: str
    title: str
    summary: str | None
    url: str | None


def key_of(feed: str, identity: str) -> str:
    return hashlib.sha256(f"{feed}\n{identity}".encode()).hexdigest()[:20]


def half_of(key: str) -> str:
    """``learn`` may be read to improve the rules; of ``judge`` nobody looks at more than the two figures."""
    return "learn" if int(key[-1], 16) % 2 == 0 else "judge"


def draw(histories: Path) -> list[Drawn]:
    """The sample, the same for the same histories."""
    entries = {drawn.key: drawn for drawn in reversed(list(_all_entries(histories)))}
    return random.Random(SEED).sample([entries[key] for key in sorted(entries)], SIZE)


def _all_entries(histories: Path) -> Iterator[Drawn]:
    for folder in sorted(path for path in histories.iterdir() if path.is_dir()):
        before = None
        for capture in sorted(path for path in folder.iterdir() if path.suffix != ".json"):
            body = capture.read_bytes()
            if body != before:
                yield from _entries_of(folder.name, body)
            before = body


def _entries_of(feed: str, body: bytes) -> Iterator[Drawn]:
    try:
        document = read_document(body, "", f"https://{feed}.example/feed")
    except NotAFeedError:
        return
    for found in identify(document.entries):
        named = found.identity.partition(" text:")[0]  # entries that share a link were one when the sample was drawn
        yield Drawn(key_of(feed, named), feed, found.entry.title, found.entry.summary, found.entry.url)


if __name__ == "__main__":
    for drawn in draw(Path(sys.argv[1])):
        print(json.dumps(asdict(drawn) | {"half": half_of(drawn.key)}, ensure_ascii=False))
