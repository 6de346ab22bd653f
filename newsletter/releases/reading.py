"""What an entry is, before anybody asks whose it is: announced or skipped, under which name, from which week."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from db.states import FeedKind
from newsletter.feeds.rules import matches
from newsletter.releases.announcing import announces, is_incident
from newsletter.releases.homes import name_in_address, tool_of_feed
from newsletter.releases.naming import Naming, read_title, without_symbols
from newsletter.releases.versions import is_version, leading_version
from newsletter.releases.weeks import Placement, place


@dataclass(frozen=True, slots=True)
class FeedRules:
    """What the feed's row says about its entries. ``tool`` is the name of the tool that it is about, ``name`` the
    feed's own: its title, unless somebody named it."""

    kind: str
    tool: str | None
    include: str | None
    exclude: str | None
    prereleases: bool
    name: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry as it was stored."""

    title: str
    summary: str | None
    url: str | None
    published_at: datetime | None
    first_seen_at: datetime
    backlog: bool


@dataclass(frozen=True, slots=True)
class Skipped:
    """It announces nothing that we want; ``reason`` is for an editor to read."""

    reason: str


@dataclass(frozen=True, slots=True)
class Announced:
    naming: Naming
    placement: Placement


def read_entry(entry: Shown, feed: FeedRules, *, composed: Collection[str], zone: ZoneInfo) -> Skipped | Announced:
    """Decide by the feed's rules; the first that says no gives the reason."""
    text = "\n".join(part for part in (entry.title, entry.summary, entry.url) if part)
    if feed.include and not matches(feed.include, text):
        return Skipped("the feed's include rule does not take it in")
    if feed.exclude and matches(feed.exclude, text):
        return Skipped("the feed's exclude rule leaves it out")
    title = entry.title or _first_sentence(entry.summary or "")
    if not title:
        return Skipped("it has neither a title nor a text")
    naming = read_title(title, of_tool=_of_tool(title, entry.url, feed), page=entry.url)
    versions = feed.kind == FeedKind.RELEASES or name_in_address(entry.url) is not None
    if versions and naming.prerelease and not feed.prereleases:
        return Skipped(f"it is a pre-release ({naming.version or title[:60]})")
    if feed.kind == FeedKind.LAUNCHES and is_incident(title):
        return Skipped("it is a status report")
    if feed.kind == FeedKind.NEWS and not (found := announces(title)).announces:
        return Skipped(found.reason)
    placement = place(entry.published_at, entry.first_seen_at, backlog=entry.backlog, composed=composed, zone=zone)
    return Announced(naming, placement)


# What the sites that show products, and blogs, write below every entry.
_BELOW = re.compile(
    r"\s*(?:\bDiscussion \| Link"
    r"|(?:\bArticle URL: \S+\s+)?\bComments URL: \S+(?:\s+Points: \d+)?(?:\s+# Comments: \d+)?"
    r"|\bsubmitted by /?u/\S+(?: to r/\S+)?(?: \[link\])?(?: \[comments\])?"
    r"|\bThe post (?:(?!The post ).){1,300}? (?:appeared first|first appeared) on \S.{0,100})$"
)
# Of other feeds "1.5 million readers" is no version.
_CHANGELOG = re.compile(r"\b(?:change ?log|releases?|release notes|versions?|tags)\b", re.I)


def said_in(summary: str | None) -> str | None:
    """What an entry's text says of the thing that it shows: "Article URL: … Points: 3" says nothing of it."""
    return _BELOW.sub("", summary or "") or None


def _of_tool(title: str, url: str | None, feed: FeedRules) -> str | None:
    """The tool that the entry is a version of, where the feed or a bare version for a title says that it is one."""
    known, of_feed = feed.tool or name_in_address(url), tool_of_feed(feed.name)
    title = without_symbols(title)
    if is_version(title):
        return known or of_feed or None
    begins_so = leading_version(title) is not None
    if begins_so and _CHANGELOG.search(feed.name) and of_feed != feed.name.strip():
        return known or of_feed
    return known if feed.kind == FeedKind.RELEASES or begins_so else None


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?。])\s", text, maxsplit=1)[0][:120].strip()
