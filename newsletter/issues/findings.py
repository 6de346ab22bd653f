"""What a check finds, wherever it looked."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from newsletter.english import counted

_ORDER = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Finding:
    """``severity`` is error (it must not go out so), warning or note; ``place`` a field, a tool's slug, a setting."""

    severity: str
    place: str
    message: str
    advice: str


def gravest_first(found: Iterable[Finding]) -> list[Finding]:
    return sorted(found, key=lambda finding: _ORDER.index(finding.severity))


def in_numbers(found: Iterable[Finding]) -> str:
    """``1 warning, 4 notes``, the gravest first: their list may stand below the edge of the screen."""
    counts = Counter(finding.severity for finding in found)
    return ", ".join(counted(counts[kind], kind) for kind in _ORDER if counts[kind])
