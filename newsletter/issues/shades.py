"""A mail's HTML as it looks in light, in the author's dark, in a client that inverts it, or without its pictures.

Browsers give no page a say in what ``prefers-color-scheme`` is, so a preview rewrites the question in the mail's own
rules; nothing else of the mail changes.
"""

import re

SHADES = ("light", "dark", "inverted")

_DARK = re.compile(r"\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.I)
_PICTURE = re.compile(r"<img\b[^>]*?\balt\s*=\s*(?:\"([^\"]*)\"|'([^']*)')[^>]*>|<img\b[^>]*>", re.I)
_TURNED = "filter:invert(1) hue-rotate(180deg)"
_INVERSION = f"<style>html{{{_TURNED};background:#fff}}img{{{_TURNED}}}</style>"


def in_shade(html: str, shade: str) -> str:
    """``dark`` makes the mail's dark rules hold, ``light`` and ``inverted`` make them void; ``inverted`` then turns
    every colour over, as some clients do to mail that they take for light."""
    html = _DARK.sub("(min-width: 0px)" if shade == "dark" else "(max-width: 0px)", html)
    return html.replace("</head>", f"{_INVERSION}</head>", 1) if shade == "inverted" else html


def without_pictures(html: str) -> str:
    """What a client shows that loads none: their alternative texts."""
    return _PICTURE.sub(lambda found: f"<span>{found[1] or found[2] or ''}</span>", html)
