"""Out of real titles: what a name is compared by, and which name, tagline and version a title gives.

Quillbase – notes that answer back        Quillbase · notes that answer back
Show HN: Quillbase: notes …               Quillbase · notes …
Introducing Quillbase 2.0                 Quillbase · 2.0
acme/quillbase: v2.1.0                    quillbase · 2.1.0
v2.1.0, of a feed of one tool's releases  that tool · 2.1.0
"""

import re
import unicodedata
from dataclasses import dataclass

_BREAKS = re.compile(r"[\s_\-–—·.,:;'’\"“”!?()\[\]/|]+")

# A version: v2, 1.2, v1.2.3-rc.1, 2026.8.1; never a bare integer, which is part of a name (Llama 4, SmolVLM2).
_VERSION = (
    r"(?:v\d+(?:\.\d+)*|\d+(?:\.\d+)+)"
    r"(?:[-.+]?(?:alpha|beta|rc|pre|preview|dev|nightly|canary|next|post|a|b)[-.]?\d*(?:[-.+][0-9a-z]+)*)?"
    r"(?:\+[0-9a-z.]+)?"
)
_WHOLE_VERSION = re.compile(rf"(?:release|version|ver\.?)?\s*({_VERSION})", re.I)
_LAST_VERSION = re.compile(rf"^(?P<name>.+?)[\s,@/]+(?:release\s+|version\s+|ver\.?\s+)?(?P<version>{_VERSION})$", re.I)
# A hyphen before it is a tag's (cli-v0.1.0, pkg-1.2.3), or else part of a name (GPT-5.4).
_TAG = re.compile(
    rf"^(?P<name>[a-z][\w.]*(?:[-/@][a-z][\w.]*)*?)(?:[/@=]+|-(?=v\d|\d+\.\d+\.\d))(?P<version>{_VERSION})$", re.I
)
_LEADING_VERSION = re.compile(rf"^(?P<version>{_VERSION})(?:\s*[-–—:|·]\s*|\s+)(?P<rest>\S.*)$", re.I)
_PRERELEASE = re.compile(
    r"(?:\d(?:[-.+_]?)(?:alpha|beta|rc|pre|preview|dev|nightly|canary|next|a|b)(?:[-._]?\d+)*(?![a-z])"
    r"|\b(?:alpha|beta|nightly|canary|pre-?release|release candidate|snapshot)\b)",
    re.I,
)

_LEADS = re.compile(
    r"^(?:show\s+hn|launch\s+hn|tell\s+hn|show\s+lobsters|product\s+hunt|new\s+release|release\s+notes?|release|"
    r"released|launch|announcement|changelog|new|updated?)\s*[:：–—-]\s+",
    re.I,
)
_INTRODUCING = re.compile(
    r"^(?:(?:we(?:'|’)?re|we\s+are|today\s+we(?:'|’)?re|i(?:'|’)?m)\s+)?"
    r"(?:introducing|announcing|meet|say\s+hello\s+to|unveiling|launching|presenting|releasing)\s+"
    r"|^(?:the\s+)?(?:first\s+|initial\s+|stable\s+|new\s+)?release\s+of\s+"
    r"|^(?:\S+\s+){1,3}?(?:is\s+)?(?:launch(?:es|ing)|introduc(?:es|ing)|unveil(?:s|ing)|releas(?:es|ing)|"
    r"announc(?:es|ing)|open[- ]sourc(?:es|ing))\s+",
    re.I,
)
_NOW = re.compile(r"(?:introducing|announcing|unveiling)\s+[A-Z]", re.I)
_AFTER_A_NAME = re.compile(r",\s|\s+(?:in|on|for|with|to|from|by|powered|that|which)\s", re.I)
_ANNOUNCED = re.compile(
    r"\s+(?:(?:is|are)\s+(?:now\s+)?(?:here|available|live|out|launched|open\s+source|generally\s+available|ga)\b"
    r"|(?:has\s+|was\s+|just\s+)?(?:been\s+)?(?:released|launched|announced|open[- ]sourced)\b"
    r"|now\s+(?:generally\s+)?available\b).*$",
    re.I,
)
_VENDOR = re.compile(r"\s+(?:from|by)\s+[A-Z]\S*(?:\s+[A-Z]\S*)*$")
_RELEASED_ZH = re.compile(r"\s*(?:正式|版本|发布|更新|上线|说明|安装|指南|总结|公告|日志|[与及和])+$")
_SEPARATOR = re.compile(r"\s+[–—―\-|·•]+\s+|\s*[—―]\s*|[:：]\s+|：|\s+\|\s*")
_OWNED = re.compile(r"^[\w.-]+/(?P<name>[\w.-]+)$")
_REPOSITORY = re.compile(
    r"https?://(?:www\.)?(?:(?:github\.com|gitlab\.com|codeberg\.org)/[^/]+/(?P<repository>[^/?#]+)/(?:-/)?releases/"
    r"|pypi\.org/project/(?P<package>[^/?#]+)/[^/?#]"
    r"|(?:www\.)?npmjs\.com/package/(?P<module>(?:@[^/]+/)?[^/?#]+)/v/)",
    re.I,
)
_HOME = re.compile(
    r"https?://(?:www\.)?(?:(?:github\.com|gitlab\.com|codeberg\.org)/[^/]+/[^/?#]+(?=/(?:-/)?releases/)"
    r"|pypi\.org/project/[^/?#]+|npmjs\.com/package/(?:@[^/]+/)?[^/?#]+)",
    re.I,
)
_OF_A_FEED = re.compile(
    r"^(?:release notes|recent updates|releases|changelog|tags|updates) (?:from|for|of) |^pypi recent updates for "
    r"|[\s:–—|·-]+(?:release notes|releases|changelog|change log|tags|updates|versions?|rss|feed|blog)$",
    re.I,
)
_URL = re.compile(r"https?://(?:www\.)?(?P<host>[^/\s]+)/?")
_EDGES = " \t-–—:|·,;\"“”'’«»《》「」"
_LONGEST_NAME = 6  # words; what is longer is a sentence
_SYMBOLS = ("So", "Sk")


@dataclass(frozen=True, slots=True)
class Naming:
    """What a title says. ``prerelease``: it is an alpha, a beta, a release candidate or a nightly build."""

    name: str
    tagline: str | None = None
    version: str | None = None
    prerelease: bool = False


def fold_name(text: str) -> str:
    """The key that names are matched by: compatibility forms folded, no case, no accents, nothing invisible, one
    space between words.

    ``Bolt.new``, ``bolt new`` and ``Bolt-New`` are one; ``C`` and ``C++`` are not.
    """
    plain = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(c for c in plain if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")
    return _BREAKS.sub(" ", bare).strip() or bare.strip()


def slug_of(name: str) -> str:
    """Lower-case words with hyphens, as in addresses; `tool` where nothing of the name can stand in one."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    return "-".join(re.findall(r"[a-z0-9]+", plain.replace("+", " plus ").replace("#", " sharp ")))[:80] or "tool"


def read_title(title: str, *, of_tool: str | None = None) -> Naming:
    """Read a launch's or a news title. With ``of_tool`` the feed announces that tool's versions alone."""
    bare = _without_symbols(title)
    if of_tool is not None:
        return _of_tool(bare, of_tool)
    text, before = bare, ""
    while text != before:
        before, text = text, _LEADS.sub("", text)
    name, tagline = _split(text)
    if tagline and _NOW.match(tagline):  # "Choice in Acme: Introducing Quillbase"
        name, tagline = tagline, None
    name = _announced(name)
    version = None
    if (found := _LAST_VERSION.match(name) or _TAG.match(name)) and len(name.split()) <= _LONGEST_NAME:
        name, version = _RELEASED_ZH.sub("", found["name"]).strip(_EDGES), found["version"]
    elif tagline and (whole := _WHOLE_VERSION.fullmatch(tagline)):
        tagline, version = None, whole[1]
    elif tagline and (leading := _LEADING_VERSION.match(tagline)) and "." in leading["version"]:
        tagline, version = leading["rest"], leading["version"]
    if owned := _OWNED.match(name) or _URL.fullmatch(name):
        name = owned[1]
    return Naming(name or bare or title, tagline or None, _bare_version(version), is_prerelease(version or ""))


def is_version(title: str) -> bool:
    """Is this title nothing but a version, as on a repository's release page?"""
    return bool(_WHOLE_VERSION.fullmatch(title.strip()))


def name_in_address(url: str | None) -> str | None:
    """What a release's page on a code host or a package index is of."""
    found = _REPOSITORY.match(url or "")
    return next((name for name in found.groups() if name), None) if found else None


def home_in_address(url: str | None) -> str | None:
    """The repository or package that a release's page on a code host or a package index lies below."""
    found = _HOME.match(url or "") if name_in_address(url) else None
    return found[0] if found else None


def tool_of_feed(title: str) -> str:
    """The tool in the title of a feed that shows nothing but versions: "Release notes from quillbase"."""
    name, before = title.strip(), ""
    while name != before:
        before, name = name, _OF_A_FEED.sub("", name).strip(_EDGES) or name
    return name


def is_name(text: str) -> bool:
    """Could a tool be called this? Not a piece of a sentence, nor a version."""
    words = text.split()
    fragment = len(words) > 2 and words[0].isalpha() and words[0].islower()
    return bool(words) and len(words) <= 2 * _LONGEST_NAME and not fragment and not is_version(text)


def is_prerelease(text: str) -> bool:
    """Of a version or of a title of a feed of releases: v0.28.0rc1, 2.0.0-beta.3, nightly."""
    return bool(_PRERELEASE.search(text))


def _of_tool(text: str, tool: str) -> Naming:
    """Titles of a releases feed: ``v1.2.3``, ``Quillbase 1.2.3``, ``cli-v0.1.0``, ``1.2.3: words``, or only words."""
    found = re.search(rf"(?<![\w.])(?:[a-z][\w.]*[-/@=])*?({_VERSION})(?![\w.]*\w)", text, re.I)
    if not found:
        return Naming(tool, text or None, None, is_prerelease(text))
    rest = text[found.end() :].strip(_EDGES)
    tagline = rest if re.search(r"[^\W\d_]{2}", rest) else None
    return Naming(tool, tagline, _bare_version(found[1]), is_prerelease(found[1]) or is_prerelease(text[: found.end()]))


def _announced(text: str) -> str:
    """What "Introducing …", "… is now available" and "Acme launches …" announce; the text itself where that is a
    sentence."""
    name = _RELEASED_ZH.sub("", text).strip(_EDGES) or text
    if lead := _INTRODUCING.match(name):
        rest = name[lead.end() :]
        end = _AFTER_A_NAME.search(rest)
        name = (rest[: end.start()] if end else rest).strip(_EDGES) or name
    shorter = _ANNOUNCED.sub("", name).strip(_EDGES)
    if shorter != name:
        shorter = _VENDOR.sub("", shorter)
    if shorter and len(shorter.split()) <= _LONGEST_NAME and not re.search(r"\b(?:we|i|they|it)$", shorter, re.I):
        name = shorter
    return name


def _split(text: str) -> tuple[str, str | None]:
    found = _SEPARATOR.search(text)
    if not found or not text[: found.start()].strip(_EDGES) or not text[found.end() :].strip(_EDGES):
        return text.strip(), None
    return text[: found.start()].strip(), text[found.end() :].strip()


def _bare_version(version: str | None) -> str | None:
    return version[1:] if version and version[0] in "vV" else version


def _without_symbols(title: str) -> str:
    """Without emoji and bracketed labels at the edges."""
    text = "".join(" " if unicodedata.category(c) in _SYMBOLS or c == "\ufe0f" else c for c in title)
    text = re.sub(r"^\s*[\[【][^\]】]{1,30}[\]】]\s*(?=\S)", "", text)
    return " ".join(text.split())
