"""The design system of the mail in one place: colours, type, sizes. Templates name them and define none.

The table ``[theme]`` of newsletter.toml changes its colours, logo, title and footer; ``read_theme`` refuses what
nobody could read. A theme is part of an issue's values, so an approval freezes it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlsplit

LEAST_CONTRAST = 4.5
"""WCAG 2.2, 1.4.3 (AA) for text."""

CALLS = ("ship", "skip", "split", "none")
_COLOURS = ("page", "paper", "ink", "muted", "rule")
_HEX = re.compile(r"#[0-9a-f]{6}", re.I | re.ASCII)
_LONGEST = 300
_WIDEST, _HIGHEST = 536, 200  # the column of the mail; a logo that is higher is no line at the top


@dataclass(frozen=True, slots=True)
class Tone:
    """Ink on a tint; at least 4.5 : 1."""

    ink: str
    tint: str


@dataclass(frozen=True, slots=True)
class Palette:
    page: str
    paper: str
    ink: str
    muted: str
    rule: str
    ship: Tone
    skip: Tone
    split: Tone
    none: Tone

    def tone(self, call: str | None) -> Tone:
        found: Tone = getattr(self, call or "none")
        return found

    def pairs(self) -> Iterator[tuple[str, str, str]]:
        """Every text of the mail with what is behind it: its name, its colour, its ground."""
        yield "ink on paper", self.ink, self.paper
        yield "muted on paper", self.muted, self.paper
        yield "muted on page", self.muted, self.page
        for call in CALLS:
            tone = self.tone(call)
            yield f"{call} on its tint", tone.ink, tone.tint
            yield f"{call} on paper", tone.ink, self.paper


LIGHT = Palette(
    page="#f4f2ee", paper="#ffffff", ink="#1b1a17", muted="#5f5b53", rule="#e3ded4",
    ship=Tone("#0b6b3a", "#e4f3ea"), skip=Tone("#a3231b", "#fbe9e7"),
    split=Tone("#7a4b00", "#fff1d6"), none=Tone("#5f5b53", "#f0eee9"),
)  # fmt: skip
DARK = Palette(
    page="#12110f", paper="#1b1a17", ink="#f2efe8", muted="#b5afa3", rule="#37342e",
    ship=Tone("#7fd6a4", "#12301f"), skip=Tone("#f4a29b", "#3a1512"),
    split=Tone("#f0c674", "#33260b"), none=Tone("#b5afa3", "#26241f"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture in place of the title; sizes in CSS pixels, as it is shown."""

    url: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Theme:
    """``title`` stands at the head in place of the publication's, ``footer`` is a line below its postal address.

    ``sans`` leaves out Roboto, since the MJML compiler would link it as a web font; Android's sans is Roboto.
    """

    light: Palette = LIGHT
    dark: Palette = DARK
    serif: str = "Georgia,'Times New Roman',serif"
    sans: str = "-apple-system,'Segoe UI',Helvetica,Arial,sans-serif"
    logo: Logo | None = None
    title: str = ""
    footer: str = ""
    tones: tuple[str, ...] = CALLS


def read_theme(text: str) -> Theme:
    """What the table ``[theme]`` says, as JSON. Raises ValueError with words that finish "theme …"."""
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        table = None
    if not isinstance(table, dict):
        raise ValueError("must be a table: [theme] in newsletter.toml, or the same as JSON in the environment")
    _refuse_unknown(table, {"light", "dark", "logo", "title", "footer"}, "")
    theme = Theme(
        light=_palette(LIGHT, table.get("light", {}), "light"),
        dark=_palette(DARK, table.get("dark", {}), "dark"),
        logo=_logo(table["logo"]) if "logo" in table else None,
        title=_line(table.get("title", ""), "title"),
        footer=_line(table.get("footer", ""), "footer"),
    )
    for words in unreadable(theme):
        raise ValueError(f"cannot be read: {words}")
    return theme


def unreadable(theme: Theme) -> Iterator[str]:
    """Each text that has too little contrast in light, in the author's dark or under forced inversion, in words."""
    for name, palette in (("light", theme.light), ("dark", theme.dark), ("inverted light", inverted(theme.light))):
        for what, ink, ground in palette.pairs():
            found = contrast(ink, ground)
            if found < LEAST_CONTRAST:
                yield (
                    f"{name}, {what} ({ink} on {ground}) has a contrast of {found:.1f} : 1,"
                    f" and text needs {LEAST_CONTRAST} : 1"
                )


def load_theme(document: Mapping[str, Any]) -> Theme:
    """The inverse of ``dataclasses.asdict``."""
    light, dark = (_load_palette(document[name]) for name in ("light", "dark"))
    logo = document["logo"] and Logo(**document["logo"])
    return Theme(**{**document, "light": light, "dark": dark, "logo": logo, "tones": tuple(document["tones"])})


def contrast(one: str, other: str) -> float:
    """Of two colours, from 1 to 21 (WCAG 2.2, 1.4.3)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def turned(colour: str) -> str:
    """Its lightness turned round, its hue kept."""
    channels = _channels(colour)
    shift = 1 - max(channels) - min(channels)
    return "#" + "".join(f"{round((c + shift) * 255):02x}" for c in channels)


def inverted(palette: Palette) -> Palette:
    """As clients show it that turn lightness round and keep the hue."""
    flipped: dict[str, Any] = {name: turned(getattr(palette, name)) for name in _COLOURS}
    flipped |= {call: Tone(turned(palette.tone(call).ink), turned(palette.tone(call).tint)) for call in CALLS}
    return Palette(**flipped)


def _palette(default: Palette, table: object, name: str) -> Palette:
    if not isinstance(table, dict):
        raise ValueError(f"has {name} = {table!r}; it is a table of colours")
    _refuse_unknown(table, {*_COLOURS, *CALLS}, f"{name}.")
    given: dict[str, Any] = {key: _colour(table[key], f"{name}.{key}") for key in _COLOURS if key in table}
    for call in CALLS:
        if call in table:
            pair = table[call]
            if not isinstance(pair, list) or len(pair) != 2:
                raise ValueError(f'has {name}.{call} = {pair!r}; it is ink and tint, such as ["#0b6b3a", "#e4f3ea"]')
            given[call] = Tone(_colour(pair[0], f"{name}.{call}"), _colour(pair[1], f"{name}.{call}"))
    return replace(default, **given)


def _load_palette(document: Mapping[str, Any]) -> Palette:
    return Palette(**{**document, **{call: Tone(**document[call]) for call in CALLS}})


def _logo(table: object) -> Logo:
    """Mail clients show PNG and JPEG; SVG and WebP they mostly do not."""
    if not isinstance(table, dict):
        raise ValueError(f"has logo = {table!r}; it is a table of url, width and height")
    names = {item.name for item in fields(Logo)}
    _refuse_unknown(table, names, "logo.")
    missing = sorted(names - table.keys())
    if missing:
        raise ValueError(f"lacks logo.{missing[0]}")
    url, width, height = _line(table["url"], "logo.url"), table["width"], table["height"]
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or not parts.path.lower().endswith((".png", ".jpg", ".jpeg")):
        raise ValueError(f"has logo.url = {url!r}; it is the https address of a PNG or JPEG")
    for name, size, most in (("width", width, _WIDEST), ("height", height, _HIGHEST)):
        if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= most:
            raise ValueError(f"has logo.{name} = {size!r}; it is a number of pixels from 1 to {most}")
    return Logo(url, width, height)


def _refuse_unknown(table: Mapping[str, object], known: set[str], within: str) -> None:
    unknown = sorted(table.keys() - known)
    if unknown:
        raise ValueError(f"has an unknown {within}{unknown[0]}; known: {', '.join(sorted(known))}")


def _line(value: object, name: str) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST or any(ord(c) < 32 or ord(c) == 127 for c in value):
        raise ValueError(f"has a {name} that is not one line of at most {_LONGEST} characters")
    return value.strip()


def _colour(value: object, name: str) -> str:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise ValueError(f"has {name} = {value!r}; a colour is written as #1b1a17")
    return value.lower()


def _channels(colour: str) -> list[float]:
    return [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]


def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
