"""Body bytes: made once per block, joined per reader.

Blocks are written in quoted-printable (RFC 2045, 6.7) so that joining them is all that is left to do for a reader:
every block ends at a line's end, a reader's token stands in one piece, a leading dot is ``=2E`` (nothing is
dot-stuffed), and ``From `` never begins a line. Runs of spaces are broken with ``=20``, so the bytes are their own
relaxed canonical form (RFC 6376, 3.4.4): what is hashed for a signature is what is sent.
"""

import re

_LINE = 75  # and the "=" of a soft break
_NEVER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_NOT_LITERAL = re.compile("[^ -<>-~\n]+")
_SPACES = re.compile("  +| $", re.MULTILINE)
SOFT_BREAK = b"=\r\n"


def encode(text: str, placeholder: str) -> bytes:
    """``text`` in quoted-printable with each ``placeholder`` in one piece; ends in CRLF or in a soft break.

    Line ends become CRLF, control characters spaces. Empty text is no bytes. The placeholder is of letters, digits,
    ``-`` and ``_``, and shorter than a line.
    """
    if not text:
        return b""
    text = _SURROGATES.sub("\ufffd", _NEVER.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n")))
    escaped = _SPACES.sub(_spaced, _NOT_LITERAL.sub(_octets, text))
    encoded = "\r\n".join(_broken(line, placeholder) for line in escaped.split("\n"))
    return (encoded if text.endswith("\n") else encoded + "=\r\n").encode("ascii")


def cut(body: bytes, placeholder: str) -> tuple[bytes, ...]:
    """The pieces between a reader's tokens: ``token.join(pieces)`` is the body."""
    return tuple(body.split(placeholder.encode("ascii")))


def _octets(found: re.Match[str]) -> str:
    return "=" + found[0].encode().hex("=").upper()


def _spaced(found: re.Match[str]) -> str:
    """Of spaces in a row every other one, and what would end the line, is escaped."""
    spaces = [" ", "=20"] * (len(found[0]) // 2 + 1)
    at_end = found.end() == len(found.string) or found.string[found.end()] == "\n"
    return "".join(spaces[: len(found[0]) - at_end]) + "=20" * at_end


def _broken(line: str, placeholder: str) -> str:
    """Soft breaks where the line gets too long."""
    if len(line) <= _LINE and not line.startswith((".", "F")):
        return line
    done: list[str] = []
    place = 0
    while True:
        first, after = _first(line, place)
        end = after + _LINE - len(first)
        if end >= len(line):
            return "=\r\n".join([*done, first + line[after:]])
        end = _whole(line, end, placeholder)
        done.append(first + line[after:end])
        place = end


def _first(line: str, place: int) -> tuple[str, int]:
    """What may not begin a line as it is: the dot that SMTP would double, and the From that mailboxes quote."""
    if line.startswith((".", "From ", "From=20"), place):
        return f"={ord(line[place]):02X}", place + 1
    return "", place


def _whole(line: str, end: int, placeholder: str) -> int:
    """The last place up to ``end`` where no octet, no character of several octets and no token is split."""
    if "=" in line[end - 2 : end]:
        end = line.index("=", end - 2)
    while line[end] == "=" and line[end + 1] in "89AB":
        end -= 3
    token = line.find(placeholder, end - len(placeholder) + 1, end + len(placeholder) - 1)
    return end if token == -1 else token
