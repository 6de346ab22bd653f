"""What an issue says, as values: frozen at approval, and all that rendering looks at.

They hold names as they will be shown (cleaned, not escaped), takes as they were written, and instants as ISO 8601
text, so that a stored document gives the same values back years later.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from db.states import Call
from newsletter.issues.theme import Theme, load_theme
from newsletter.readers.community import Community, community
from newsletter.verdicts.scorecard import Line
from newsletter.verdicts.tally import Verdict, verdict_of


@dataclass(frozen=True, slots=True)
class Publication:
    """Who publishes, how it looks, and where its pages are; the address has no trailing slash."""

    title: str
    public_url: str
    postal_address: str
    theme: Theme = field(default_factory=Theme)


@dataclass(frozen=True, slots=True)
class ReleaseValue:
    """``feed`` is the name of the feed that showed it first, '' where nobody knows any more."""

    id: int
    title: str
    version: str | None
    url: str
    feed: str
    published_at: str | None
    first_seen_at: str
    late: bool


@dataclass(frozen=True, slots=True)
class Before:
    """What an earlier issue said of a tool, and in sentences what changed since."""

    week: str
    call: str | None
    ship_percent: int | None
    changes: tuple[str, ...]
    flipped: bool


@dataclass(frozen=True, slots=True)
class ToolValue:
    """``lines`` has one for every panelist, in the panel's order; those without a call have no take."""

    id: int
    slug: str
    name: str
    tagline: str
    url: str
    category: str
    pricing: str
    entry: str
    best_for: str
    lines: tuple[Line, ...]
    vote_ships: int
    vote_skips: int
    releases: tuple[ReleaseValue, ...]
    why: str
    note: str = ""
    before: Before | None = None

    @property
    def takes(self) -> list[Line]:
        return [line for line in self.lines if line.call is not None]

    @property
    def verdict(self) -> Verdict:
        calls = [line.call for line in self.lines]
        return verdict_of(calls.count(Call.SHIP), calls.count(Call.SKIP))

    @property
    def community(self) -> Community:
        return community(self.vote_ships, self.vote_skips)

    @property
    def late(self) -> bool:
        """Every release that brought it here was seen too late for its own week."""
        return bool(self.releases) and all(release.late for release in self.releases)

    @property
    def newest(self) -> str:
        """When its newest release was published, or first seen; '' for a tool that an editor added."""
        return max((release.published_at or release.first_seen_at for release in self.releases), default="")


@dataclass(frozen=True, slots=True)
class Sponsor:
    """A paid block, marked as one. ``text`` is the little Markdown that editors write."""

    name: str
    text: str
    url: str


@dataclass(frozen=True, slots=True)
class IssueValues:
    """``items`` are the week's tools that have a take, in the order of the mail; ``also`` are those without any.

    ``pairs`` hold slugs of items, the one that joined the catalogue first on the left. ``changed`` are tools of
    earlier issues whose verdict or price is another now. ``lead`` is the part of the intro that holds for mails which
    leave something out; None where an editor wrote the intro, which then stands in all of them.
    """

    week: str
    number: int
    starts_at: str
    ends_at: str
    publication: Publication
    subject: str
    preheader: str
    intro: str
    items: tuple[ToolValue, ...]
    also: tuple[ToolValue, ...]
    changed: tuple[ToolValue, ...]
    pairs: tuple[tuple[str, str], ...]
    pick: str | None
    split: str | None
    sponsors: tuple[Sponsor, ...] = ()
    lead: str | None = None

    def item(self, slug: str) -> ToolValue:
        return next(tool for tool in self.items if tool.slug == slug)

    def document(self) -> dict[str, Any]:
        """JSON that ``load_values`` reads back."""
        return asdict(self)


def load_values(document: dict[str, Any]) -> IssueValues:
    """The inverse of ``IssueValues.document``."""
    return IssueValues(
        **{
            **document,
            "publication": _publication(document["publication"]),
            "items": tuple(map(_tool, document["items"])),
            "also": tuple(map(_tool, document["also"])),
            "changed": tuple(map(_tool, document["changed"])),
            "pairs": tuple((left, right) for left, right in document["pairs"]),
            "sponsors": tuple(Sponsor(**sponsor) for sponsor in document.get("sponsors", ())),
        }
    )


def _publication(document: dict[str, Any]) -> Publication:
    """Issues that were frozen before there were themes have none."""
    theme = document.get("theme")
    return Publication(**{**document, "theme": load_theme(theme) if theme else Theme()})


def _tool(document: dict[str, Any]) -> ToolValue:
    before = document["before"]
    return ToolValue(
        **{
            **document,
            "lines": tuple(Line(**line) for line in document["lines"]),
            "releases": tuple(ReleaseValue(**release) for release in document["releases"]),
            "before": before and Before(**{**before, "changes": tuple(before["changes"])}),
        }
    )
