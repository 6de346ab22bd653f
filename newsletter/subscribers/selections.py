"""What a subscriber chose to read, as a value and as the text that subscribers and deliveries store.

Two subscribers who chose the same have the same text, so an issue is cut once per distinct selection.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_PART = re.compile(r"(?:\\[\\;]|[^;])+")


def as_field(parts: Iterable[str]) -> str:
    """What was chosen as one field of a CSV, separated by ";"; one in a name stands behind a backslash."""
    return ";".join(re.sub(r"([\\;])", r"\\\1", part) for part in parts)


def from_field(field: str) -> list[str]:
    """The inverse of ``as_field``."""
    return [re.sub(r"\\([\\;])", r"\1", part) for part in _PART.findall(field)]


@dataclass(frozen=True, slots=True)
class Selection:
    """Empty fields mean everything. ``min_ship_percent`` leaves out tools whose panel ship % is lower or unknown."""

    categories: tuple[str, ...] = ()
    panelists: tuple[str, ...] = ()
    min_ship_percent: int | None = None

    @property
    def leaves_out(self) -> bool:
        """Some tools are not for this reader. Whom they follow changes whose words they get, not on what."""
        return bool(self.categories or self.min_ship_percent)

    def document(self) -> dict[str, Any]:
        """As documents for readers and operators show it."""
        return {
            "categories": list(self.categories),
            "panelists": list(self.panelists),
            "min_ship_percent": self.min_ship_percent,
        }

    def key(self) -> str:
        """Canonical text: '' for everything, else JSON with sorted lists and without empty fields."""
        chosen: dict[str, Any] = {}
        if self.categories:
            chosen["categories"] = sorted(set(self.categories))
        if self.panelists:
            chosen["panelists"] = sorted(set(self.panelists))
        if self.min_ship_percent:
            chosen["min_ship_percent"] = self.min_ship_percent
        return json.dumps(chosen, ensure_ascii=False, sort_keys=True, separators=(",", ":")) if chosen else ""

    @classmethod
    def parse(cls, key: str) -> "Selection":
        """The inverse of ``key``."""
        if not key:
            return cls()
        chosen = json.loads(key)
        return cls(
            tuple(chosen.get("categories", ())), tuple(chosen.get("panelists", ())), chosen.get("min_ship_percent")
        )
