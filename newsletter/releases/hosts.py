"""What the host and the path of an address say about whose page it is. Keys are as feeds/addresses.py makes them."""

import re
from urllib.parse import urlsplit

# Where anybody shows what anybody made, in the feeds of the site, too.
BOARDS = frozenset(
    """
    producthunt.com news.ycombinator.com lobste.rs reddit.com old.reddit.com betalist.com uneed.best peerlist.io
    microlaunch.net tinylaunch.com devhunt.org fazier.com launchingnext.com indiehackers.com alternativeto.net
    saashub.com theresanaiforthat.com futurepedia.io futuretools.io toolify.ai topai.tools
    """.split()  # noqa: SIM905
)
# Hosts where every path belongs to somebody else, so that the host says nothing about whose page it is.
SHARED_HOSTS = BOARDS | frozenset(
    """
    github.com gitlab.com codeberg.org bitbucket.org sourceforge.net huggingface.co pypi.org npmjs.com crates.io
    hub.docker.com pkg.go.dev rubygems.org packagist.org
    x.com twitter.com linkedin.com facebook.com youtube.com youtu.be medium.com dev.to substack.com
    apps.apple.com play.google.com chromewebstore.google.com chrome.google.com marketplace.visualstudio.com
    addons.mozilla.org arxiv.org theverge.com techcrunch.com notion.so notion.site docs.google.com
    gist.github.com raw.githubusercontent.com bsky.app t.me discord.gg discord.com
    """.split()  # noqa: SIM905
)

# Where a page is a repository and its first level an owner: thousands of them share their names with tools.
CODE_HOSTS = frozenset({"github.com", "gitlab.com", "codeberg.org", "bitbucket.org", "huggingface.co"})
# Where anybody may publish under any name that is free: the cursor of a package index is not the editor of that name.
INDEXES = frozenset(
    """
    pypi.org npmjs.com crates.io docs.rs rubygems.org packagist.org pkg.go.dev hub.docker.com apps.apple.com
    play.google.com chromewebstore.google.com chrome.google.com addons.mozilla.org marketplace.visualstudio.com
    """.split()  # noqa: SIM905
)
_PUBLISHER = re.compile(
    r"https://(?:npmjs\.com/package/@|hub\.docker\.com/r/|packagist\.org/packages/|pkg\.go\.dev/[\w.]+/)([^/]+)/"
)
_NO_OWNERS = {"blog", "docs", "features", "marketplace", "papers", "posts", "trending"}

_LANGUAGES = (
    "ar|bg|cs|da|de|el|en|es|et|fa|fi|fr|he|hi|hr|hu|id|it|ja|ko|lt|lv|nb|nl|no|pl|pt|ro|ru|sk|sl|sv|th|tr|uk|vi|zh"
)
FRONT = re.compile(rf"/?(?:(?:{_LANGUAGES})(?:[-_][a-z]{{2}})?)?/?(?:(?:index|home|default)(?:\.\w{{2,5}})?)?/?", re.I)
"""The path of a site's front page, in one of its languages or in none."""


def host_of(key: str) -> str:
    return urlsplit(key).netloc


def path_of(key: str) -> str:
    return urlsplit(key).path


def is_repository(key: str) -> bool:
    return host_of(key) in CODE_HOSTS and path_of(key).count("/") >= 2 and path_of(key).split("/")[1] not in _NO_OWNERS


def publisher(key: str) -> set[str]:
    """Whose repository or package it is, as far as its address says."""
    if is_repository(key):
        return {path_of(key).split("/")[1]}
    return set(_PUBLISHER.findall(key))
