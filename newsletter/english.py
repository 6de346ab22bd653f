"""Numbers and lists of names as sentences have them."""

from collections.abc import Sequence


def counted(count: int, what: str, several: str = "") -> str:
    """``1 tool``, ``2,000 tools``; ``several`` where an s at its end does not make the plural."""
    return f"{count:,} {what if count == 1 else several or what + 's'}"


def listed(names: Sequence[str]) -> str:
    """``A``, ``A and B``, ``A, B and C``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
