"""Text as a mail can carry it: cleaned of what would break a layout, cut where a reader would cut it, wrapped."""

import re
import textwrap
import unicodedata

WIDTH = 78
LONGEST_TAKE = 400

# Scripts put five marks on a letter at most (Hebrew, pointed and chanted); hundreds are drawn over the whole page.
_MOST_MARKS = 6
# Overrides and isolates can turn round the words after a name (CVE-2021-42574); letters keep their own direction.
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069\ufeff]")

_SPACES = re.compile(r"\s+")
_PARAGRAPHS = re.compile(r"\n\s*\n")
# Sentences end at . ! ? … or their CJK forms, closing quotes and brackets included; Latin ones only before a space.
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]»]*(?=\s|$)|[。！？]+[」』）”’]*")


def one_line(text: str | None) -> str:
    """Controls, line ends and runs of spaces become one space; lone surrogates become U+FFFD."""
    return _SPACES.sub(" ", _plain(in_its_place(text or ""))).strip()


def in_its_place(text: str) -> str:
    """The text without what reaches beyond it: controls that turn other words round, marks piled over other lines."""
    if text.isascii():
        return text
    kept = _TURNS.sub("", text)
    kinds = {character: unicodedata.category(character) for character in set(kept) if character > "\u02ff"}
    marks = "".join(sorted(character for character, kind in kinds.items() if kind in ("Mn", "Me")))
    if not marks:
        return kept
    joiners = "".join(sorted(character for character, kind in kinds.items() if kind == "Cf"))
    between = f"[{joiners}]*" if joiners else ""  # a joiner makes no new letter
    return re.sub(f"((?:[{marks}]{between}){{{_MOST_MARKS}}})[{marks}][{marks}{joiners}]*", r"\1", kept)


def paragraphs(text: str | None) -> list[str]:
    """The paragraphs of a text, each on one line, without empty ones."""
    found = _PARAGRAPHS.split((text or "").replace("\r\n", "\n").replace("\r", "\n"))
    return [line for line in map(one_line, found) if line]


def shortened(text: str, longest: int = LONGEST_TAKE) -> tuple[str, bool]:
    """The text and False, or its beginning of at most ``longest`` characters and True.

    It ends at the last sentence that fits whole, or at a word and an ellipsis where none does.
    """
    if len(text) <= longest:
        return text, False
    ends = [found.end() for found in _SENTENCE_END.finditer(text[: longest + 1]) if found.end() <= longest]
    if ends:
        return text[: ends[-1]], True
    return _at_word(text, longest), True


def fitted(text: str, longest: int) -> str:
    """One line that is at most ``longest`` characters long, cut at a word."""
    return text if len(text) <= longest else _at_word(text, longest)


def sentence(text: str) -> str:
    """The text with a full stop, unless it ends as a sentence does: what others wrote may end in ! or ? or …"""
    ended = any(found.end() == len(text) for found in _SENTENCE_END.finditer(text))
    return text if ended else f"{text}."


def is_rtl(text: str) -> bool:
    """Does its first letter of a strong direction run from right to left? So UAX #9 finds a paragraph's (P2, P3)."""
    kinds = (unicodedata.bidirectional(letter) for letter in text)
    return next((kind for kind in kinds if kind in ("L", "R", "AL")), "L") != "L"


def wrapped(text: str, indent: str = "", first: str | None = None) -> str:
    """Lines of at most 78 characters; what has no spaces is broken too, except addresses, which stay whole."""
    lines: list[str] = []
    for paragraph in in_its_place(text).split("\n"):
        lines += _wrapped_line(paragraph, indent, indent if first is None or lines else first)
    return "\n".join(lines)


def linked(words: str, address: str) -> str:
    """``Words: https://…``, on two lines where one would be too long."""
    line = f"{words}: {address}"
    return line if len(line) <= WIDTH else f"{words}:\n{address}"


class _Wrapper(textwrap.TextWrapper):
    """Breaks what is too long for a line, but no address: half of one leads nowhere."""

    def _handle_long_word(self, reversed_chunks: list[str], cur_line: list[str], cur_len: int, width: int) -> None:
        if "://" not in reversed_chunks[-1]:
            super()._handle_long_word(reversed_chunks, cur_line, cur_len, width)
        elif not cur_line:
            cur_line.append(reversed_chunks.pop())


def _wrapped_line(text: str, indent: str, first: str) -> list[str]:
    wrapper = _Wrapper(WIDTH, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False)
    # A number and its % stay together; cleaned texts hold no such space of their own.
    return [line.replace("\xa0", " ") for line in wrapper.wrap(text.replace(" %", "\xa0%"))] or [first.rstrip()]


def _at_word(text: str, longest: int) -> str:
    """Before the last space that leaves room for an ellipsis; text without spaces is cut between characters."""
    room = text[: longest - 1]
    cut = room.rfind(" ") if not text[longest - 1].isspace() else len(room)
    beginning = room[:cut] if cut > longest // 2 else room
    while beginning and (unicodedata.combining(text[len(beginning)]) or text[len(beginning)] in "\u200d\ufe0f"):
        beginning = beginning[:-1]
    return beginning.rstrip(" ,;:–—-.") + "…"


def _plain(text: str) -> str:
    """Looks at each letter that occurs once, not wherever it does: a week of long takes has millions."""
    odd = {ord(character): shown for character in set(text) if (shown := _shown(character)) != character}
    return text.translate(odd) if odd else text


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    return " " if category in ("Cc", "Zl", "Zp", "Zs", "Cn") else character
