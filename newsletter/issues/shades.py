"""A mail's HTML as it looks in light, in the author's dark, in a client that inverts it, or without its pictures.

Browsers give no page a say in what ``prefers-color-scheme`` is, so a preview rewrites the question in the mail's own
rules; nothing else of the mail changes.
"""

import re
from html import escape

SHADES = ("light", "dark", "inverted")

_DARK = re.compile(r"\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.I)
_BODY = re.compile(r"<body\b[^>]*>", re.I)
_PICTURE = re.compile(r"<img\b[^>]*?\balt\s*=\s*(?:\"([^\"]*)\"|'([^']*)')[^>]*>|<img\b[^>]*>", re.I)
_TURNED = "filter:invert(1) hue-rotate(180deg)"
_INVERSION = f"<style>html{{{_TURNED};background:#fff}}img{{{_TURNED}}}</style>"
_HEADING = (
    "font:13px/1.5 system-ui,sans-serif;padding:8px 12px;background:#fff;color:#1b1a17;border-bottom:1px solid #e3ded4"
)


def in_shade(html: str, shade: str) -> str:
    """``dark`` makes the mail's dark rules hold, ``light`` and ``inverted`` make them void; ``inverted`` then turns
    every colour over, as some clients do to mail that they take for light."""
    html = _DARK.sub("(min-width: 0px)" if shade == "dark" else "(max-width: 0px)", html)
    return html.replace("</head>", f"{_INVERSION}</head>", 1) if shade == "inverted" else html


def without_pictures(html: str) -> str:
    """What a client shows that loads none: their alternative texts."""
    return _PICTURE.sub(lambda found: f"<span>{found[1] or found[2] or ''}</span>", html)


def under_heading(html: str, lines: list[tuple[str, str]]) -> str:
    """The mail below what an inbox shows above it: From, To and Subject."""
    told = "".join(f"<div><b>{escape(name)}:</b> {escape(value)}</div>" for name, value in lines)
    heading = f'<div data-heading style="{_HEADING}">{told}</div>'
    return _BODY.sub(lambda body: body[0] + heading, html, count=1)
