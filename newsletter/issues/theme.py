"""The design system of the mail in one place: colours, type, sizes. Templates name them and define none."""

from dataclasses import dataclass, field


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
class Theme:
    """``sans`` leaves out Roboto, since the MJML compiler would link it as a web font; Android's sans is Roboto."""

    light: Palette = LIGHT
    dark: Palette = DARK
    serif: str = "Georgia,'Times New Roman',serif"
    sans: str = "-apple-system,'Segoe UI',Helvetica,Arial,sans-serif"
    logo: str = ""
    footer: str = ""
    tones: tuple[str, ...] = field(default=("ship", "skip", "split", "none"))
