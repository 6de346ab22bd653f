"""Two branches that each add a revision meet here, before a database does."""

import re
from pathlib import Path

VERSIONS = Path(__file__).parents[3] / "db" / "migrations" / "versions"


def test_each_revision_follows_the_one_before() -> None:
    found = []
    for path in sorted(VERSIONS.glob("0*.py")):
        text = path.read_text()
        revision = re.search(r'^revision = "(\d+)"', text, re.M)
        before = re.search(r'^down_revision = (?:None|"(\d+)")', text, re.M)
        assert revision is not None, path.name
        assert before is not None, path.name
        assert path.name.startswith(revision[1])
        found.append((revision[1], before[1]))
    assert [revision for revision, _ in found] == [f"{number:04}" for number in range(1, len(found) + 1)]
    assert [before for _, before in found] == [None, *(revision for revision, _ in found[:-1])]
