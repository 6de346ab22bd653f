"""Takes and tools as values, for tests of the nouns."""

from dataclasses import dataclass
from datetime import UTC, datetime

START = datetime(2026, 11, 2, tzinfo=UTC)


@dataclass(frozen=True)
class FakeTake:
    panelist: str
    call: str
    score: int | None = None
    text: str = ""
    id: int = 1
    recorded_at: datetime = START
    replaced_at: datetime | None = None


@dataclass(frozen=True)
class Seat:
    key: str

    @property
    def name(self) -> str:
        return self.key.capitalize()


PANEL = [Seat(key) for key in ("builder", "skeptic", "futurist", "founder", "creator")]


@dataclass(frozen=True)
class FakeTool:
    id: int
    slug: str
    category: str = "Developer Tools"
    pricing: str | None = None
    entry: str | None = None

    @property
    def name(self) -> str:
        return self.slug.replace("-", " ").title()


def take(panelist: str, call: str, score: int | None = None, **more: object) -> FakeTake:
    return FakeTake(panelist, call, score, **more)  # type: ignore[arg-type]
