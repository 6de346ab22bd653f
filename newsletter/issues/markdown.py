"""The little Markdown that editors write: paragraphs, ``**strong**``, ``*emphasis*``, ``[words](https://…)``, and lists
of lines that begin with ``- ``.

Everything else is text and is escaped. Both parts of a mail are made of the same spans, so they cannot differ.
"""

import re
from html import escape

from newsletter.issues.words import is_rtl, one_line, paragraphs

_SPAN = re.compile(
    r"\\(?P<plain>[\\*_\[\]<>`#-])"
    r"|\*\*(?P<strong>[^*]+?)\*\*"
    r"|(?<![\w*])[*_](?P<emphasis>[^*_\s](?:[^*_]*[^*_\s])?)[*_](?![\w*])"
    r"|\[(?P<words>(?!\s+\])[^\[\]]+)\]\((?P<address>https?://(?:[^\s()<>\"]|\([^\s()<>\"]*\))+)\)"
)
_PARAGRAPHS = re.compile(r"\n[^\S\n]*\n")
_ITEM = "- "
# What works elsewhere, and what readers here see as it is typed.
_LITERAL = (
    ("a heading", re.compile(r"^#{1,6}\s", re.M)),
    ("code", re.compile(r"(?<!\\)`[^`]+`|^\s*(?:```|~~~)", re.M)),
    ("a quotation", re.compile(r"^>\s", re.M)),
    ("a numbered list", re.compile(r"^\d+[.)]\s.*\n+\d+[.)]\s", re.M)),
    ("a picture", re.compile(r"!\[[^\[\]]*\]\(")),
)


def to_html(source: str, style: str = "", link: str = "") -> str:
    """``<p>`` and ``<ul>`` elements with this inline style; links carry the attributes ``link``."""
    return "".join(_element(lines, is_list, style, link) for lines, is_list in _blocks(source))


def to_text(source: str) -> list[str]:
    """Paragraphs as plain text, a list as one of several lines; an address follows its words."""
    told = ((["- " + line for line in lines] if is_list else lines) for lines, is_list in _blocks(source))
    return ["\n".join(_SPAN.sub(_as_text, line) for line in lines) for lines in told]


def addresses(source: str) -> list[str]:
    """Where its links lead."""
    lines = [line for lines, _ in _blocks(source) for line in lines]
    return [found["address"] for line in lines for found in _SPAN.finditer(line) if found["address"]]


def literal(source: str) -> list[str]:
    """What of it looks like Markdown of another kind and stays as it is typed: a heading, code, …"""
    return [kind for kind, looks in _LITERAL if looks.search(source)]


def _blocks(source: str) -> list[tuple[list[str], bool]]:
    """The lines of each paragraph, which is one line, and of each list, which says so."""
    found: list[tuple[list[str], bool]] = []
    for part in _PARAGRAPHS.split(source.replace("\r\n", "\n").replace("\r", "\n")):
        head, *items = re.split(rf"(?:^|\n)[^\S\n]*{_ITEM}", part)
        found += [(paragraphs(head), False), ([line for item in items if (line := one_line(item))], True)]
    return [(lines, is_list) for lines, is_list in found if lines]


def _element(lines: list[str], is_list: bool, style: str, link: str) -> str:
    attribute = f' style="{style}"' if style else ""
    if not is_list:
        return "".join(f"<p{_direction(line)}{attribute}>{_html(line, link)}</p>" for line in lines)
    attribute = f' style="{style};padding:0 24px"' if style else ""
    items = "".join(f"<li{_direction(line)}>{_html(line, link)}</li>" for line in lines)
    return f"<ul{attribute}>{items}</ul>"


def _direction(line: str) -> str:
    return ' dir="rtl"' if is_rtl(line) else ""


def _html(line: str, link: str) -> str:
    done, at = [], 0
    for found in _SPAN.finditer(line):
        done += [escape(line[at : found.start()]), _as_html(found, link)]
        at = found.end()
    return "".join([*done, escape(line[at:])])


def _as_html(found: re.Match[str], link: str) -> str:
    if found["plain"]:
        return escape(found["plain"])
    if found["strong"]:
        return f"<strong>{_html(found['strong'], link)}</strong>"
    if found["emphasis"]:
        return f"<em>{_html(found['emphasis'], link)}</em>"
    attributes = f" {link}" if link else ""
    return f'<a href="{escape(found["address"])}"{attributes}>{escape(found["words"])}</a>'


def _as_text(found: re.Match[str]) -> str:
    if found["address"]:
        return f"{found['words']} ({found['address']})"
    inner = found["plain"] or found["strong"] or found["emphasis"]
    return inner if found["plain"] else _SPAN.sub(_as_text, inner)
