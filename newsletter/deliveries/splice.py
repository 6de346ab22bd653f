"""Body bytes: made once per block, joined per reader.

Blocks are written in quoted-printable (RFC 2045, 6.7) so that joining them is all that is left to do for a reader:
every block ends at a line's end, a reader's token stands in one piece, a leading dot is ``=2E`` (nothing is
dot-stuffed), and ``From `` never begins a line. Runs of spaces are broken with ``=20``, so the bytes are their own
relaxed canonical form (RFC 6376, 3.4.4): what is hashed for a signature is what is sent.
"""

import re
from collections.abc import Iterator

_LINE = 75  # and the "=" of a soft break
_LITERAL = frozenset("!\"#$%&'()*+,-./0123456789:;<>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~")
_NEVER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATES = re.compile("[\ud800-\udfff]")
SOFT_BREAK = b"=\r\n"


def encode(text: str, placeholder: str) -> bytes:
    """``text`` in quoted-printable with each ``placeholder`` in one piece; ends in CRLF or in a soft break.

    Line ends become CRLF, control characters spaces. Empty text is no bytes.
    """
    if not text:
        return b""
    text = _SURROGATES.sub("\ufffd", _NEVER.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n")))
    lines = text.split("\n")
    encoded = "\r\n".join(_encode_line(line, placeholder) for line in lines)
    return (encoded if lines[-1] == "" else encoded + "=\r\n").encode("ascii")


def cut(body: bytes, placeholder: str) -> tuple[bytes, ...]:
    """The pieces between a reader's tokens: ``token.join(pieces)`` is the body."""
    return tuple(body.split(placeholder.encode("ascii")))


def _encode_line(line: str, placeholder: str) -> str:
    done: list[str] = []
    current = ""
    atoms = list(_atoms(line, placeholder))
    for place, atom in enumerate(atoms):
        if atom == " " and (current.endswith(" ") or place == len(atoms) - 1):
            atom = "=20"
        if len(current) + len(atom) > _LINE:
            done.append(current + "=")
            current = ""
        if not current:
            atom = _first(atom, atoms, place)
        current += atom
    return "\r\n".join([*done, current])


def _first(atom: str, atoms: list[str], place: int) -> str:
    """What may not begin a line as it is: the dot that SMTP would double, and the From that mailboxes quote."""
    if atom == "." or (atom == "F" and "".join(atoms[place : place + 5]) == "From "):
        return f"={ord(atom):02X}"
    return atom


def _atoms(line: str, placeholder: str) -> Iterator[str]:
    """What no soft break may split: a literal character, the octets of another one, a placeholder."""
    for place, stretch in enumerate(line.split(placeholder)):
        if place:
            yield placeholder
        for character in stretch:
            if character in _LITERAL or character == " ":
                yield character
            else:
                yield "".join(f"={byte:02X}" for byte in character.encode())
