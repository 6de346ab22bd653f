"""What addresses, and the titles of feeds, say about the tool that an entry is a version of."""

import re

from newsletter.feeds.addresses import canonical_url

_REPOSITORY = re.compile(
    r"https?://(?:www\.)?(?:(?:github\.com|gitlab\.com|codeberg\.org)/[^/]+/(?P<repository>[^/?#]+)/(?:-/)?releases/"
    r"|pypi\.org/project/(?P<package>[^/?#]+)/[^/?#]"
    r"|(?:www\.)?npmjs\.com/package/(?P<module>(?:@[^/]+/)?[^/?#]+)/v/"
    r"|crates\.io/crates/(?P<crate>[^/?#]+)/\d|rubygems\.org/gems/(?P<gem>[^/?#]+)/versions/)",
    re.I,
)
_HOME = re.compile(
    r"https?://(?:www\.)?(?:(?:github\.com|gitlab\.com|codeberg\.org)/[^/]+/[^/?#]+(?=/(?:-/)?releases/)"
    r"|pypi\.org/project/[^/?#]+|npmjs\.com/package/(?:@[^/]+/)?[^/?#]+|crates\.io/crates/[^/?#]+"
    r"|rubygems\.org/gems/[^/?#]+)",
    re.I,
)
_OF_A_FEED = re.compile(
    r"^(?:release notes|recent updates|releases|changelog|tags|updates) (?:from|for|of) |^pypi recent updates for "
    r"|[\s:–—|·-]+(?:release notes|releases|changelog|change log|tags|updates|versions?|rss|feed|blog)$",
    re.I,
)
_EDGES = " \t-–—:|·,;"


def name_in_address(url: str | None) -> str | None:
    """What a release's page on a code host or a package index is of."""
    found = _REPOSITORY.match(url or "")
    return next((name for name in found.groups() if name), None) if found else None


def home_in_address(url: str | None) -> str | None:
    """The repository or package that a release's page on a code host or a package index lies below."""
    found = _HOME.match(url or "") if name_in_address(url) else None
    return found[0] if found else None


def taught_by(url: str, key: str) -> str:
    """The key of the address that a release's match teaches: that of the repository or package that it is a version
    of, or else the release's own ``key``."""
    home = home_in_address(url)
    return canonical_url(home) if home else key


def tool_of_feed(title: str) -> str:
    """The tool in the title of a feed that shows nothing but versions: "Release notes from quillbase"."""
    name, before = title.strip(), ""
    while name != before:
        before, name = name, _OF_A_FEED.sub("", name).strip(_EDGES) or name
    return name
