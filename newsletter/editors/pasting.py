"""Several takes pasted at once, as panelists write them.

Each begins on a line of its own with the panelist, an optional score and the call::

    Builder 88 ship: Installs in a minute, and the tests run.
    Skeptic - skip
    The pricing page changed twice in a week.

The score may also stand behind the call: ``Founder: ship (88)``. What follows, up to the next such line, is its text.
"""

import re
from collections.abc import Sequence

from newsletter.errors import BadInputError
from newsletter.tools.field_values import LONGEST_TEXT, paragraphs
from newsletter.tools.reading import GivenTake


def read_takes(text: str, panel: Sequence[tuple[str, str]]) -> list[GivenTake]:
    """``panel`` has each panelist's key and name. Raises BadInputError that names the line at fault."""
    heads = _head(panel)
    keys = {word.casefold(): key for key, name in panel for word in (key, name)}
    found: list[tuple[str, int | None, str, list[str]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        head = heads.fullmatch(line.strip())
        if head and not _is_prose(head):
            said = head["score"] or head["late"]
            score = int(said) if said else None
            found.append((keys[head["who"].casefold()], score, head["call"].lower(), [head["text"]]))
        elif found:
            found[-1][3].append(line.rstrip())
        elif line.strip():
            names = ", ".join(name for _, name in panel)
            raise BadInputError(f"line {number} should begin with a panelist ({names}), a score and ship or skip")
    takes = [given_take(who, call, score, "\n".join(lines)) for who, score, call, lines in found]
    if not takes:
        raise BadInputError("there is no take in what was pasted")
    if len({take.panelist for take in takes}) < len(takes):
        raise BadInputError("a panelist stands there twice; each has one take on a tool")
    return takes


def given_take(panelist: str, call: str, score: int | None, text: str) -> GivenTake:
    """A take as a form gives it. Raises BadInputError for a call, score or text that cannot be one."""
    if call not in ("ship", "skip"):
        raise BadInputError("a take says ship or skip; choose one")
    if score is not None and not 0 <= score <= 100:
        raise BadInputError(f"a score is between 0 and 100, not {score}")
    if len(text.strip()) > LONGEST_TEXT:
        raise BadInputError(f"a take is at most {LONGEST_TEXT:,} characters long, this one has {len(text.strip()):,}")
    return GivenTake(panelist, call, score, paragraphs(text.strip()) or "")


def _head(panel: Sequence[tuple[str, str]]) -> re.Pattern[str]:
    words = sorted({word for pair in panel for word in pair}, key=len, reverse=True)
    who = "|".join(map(re.escape, words))
    return re.compile(
        rf"(?P<who>{who})(?P<gap>\W*)(?:(?P<score>\d{{1,3}})(?:\s*/\s*100)?\W*)?"
        r"\b(?P<call>ship|skip)(?P<s>s?)\b"
        r"(?(score)|(?:[\s(,–—-]*(?P<late>\d{1,3})(?:\s*(?:/\s*100|%))?(?:\)|(?=\s*(?:[:–—-](?!\w)|$))))?)"
        r"(?P<end>[\s:.,)–—-]*)(?P<text>.*)",
        re.I,
    )


def _is_prose(head: re.Match[str]) -> bool:
    """ "Skeptic skips this, and I see why" is a sentence of somebody else's take."""
    scored = head["score"] or head["late"]
    set_apart = head["gap"].strip() or scored or re.search("[:.–—-]", head["end"]) or not head["text"]
    return bool(head["s"]) and not set_apart
