"""The verdict as a stamp: a shape and a word, never a colour alone. The same in mail and on pages."""

SHAPES = {"ship": "▲", "skip": "▼", "split": "◆", None: "○"}
WORDS = {"ship": "Ship", "skip": "Skip", "split": "Split", None: "No panel take yet"}

NO_TAKE = "No panel take"
NO_VOTES = "No community votes yet"


def stamp(call: str | None) -> str:
    """``▲ Ship``, ``▼ Skip``, ``◆ Split`` or ``○ No panel take yet``."""
    return f"{SHAPES[call]} {WORDS[call]}"
