"""The little Markdown that editors write: paragraphs, ``**strong**``, ``*emphasis*``, ``[words](https://…)``.

Everything else is text and is escaped. Both parts of a mail are made of the same spans, so they cannot differ.
"""

import re
from html import escape

from newsletter.issues.words import is_rtl, paragraphs

_SPAN = re.compile(
    r"\\(?P<plain>[\\*_\[\]<>`])"
    r"|\*\*(?P<strong>[^*]+?)\*\*"
    r"|(?<![\w*])[*_](?P<emphasis>[^*_\s](?:[^*_]*[^*_\s])?)[*_](?![\w*])"
    r"|\[(?P<words>[^\[\]]+)\]\((?P<address>https?://[^\s()<>\"]+)\)"
)


def to_html(source: str, style: str = "", link: str = "") -> str:
    """``<p>`` elements with this inline style; links carry the attributes ``link``."""
    attribute = f' style="{style}"' if style else ""
    return "".join(f"<p{_direction(line)}{attribute}>{_html(line, link)}</p>" for line in paragraphs(source))


def to_text(source: str) -> list[str]:
    """Paragraphs as plain text; an address follows its words."""
    return [_SPAN.sub(_as_text, line) for line in paragraphs(source)]


def addresses(source: str) -> list[str]:
    """Where its links lead."""
    return [found["address"] for line in paragraphs(source) for found in _SPAN.finditer(line) if found["address"]]


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
