"""Versions as titles and tags write them: v2, 1.2, v1.2.3-rc.1, 2.0 Beta 3, 2026.8.1.

A bare integer is none: it is part of a name (Llama 4, SmolVLM2), and so is a size (1.5B).
"""

import re
from string import ascii_letters

_UNFINISHED = (
    "alpha|beta|rc|pre-?release|preview|pre|dev|nightly|canary|next|snapshot|insiders|unstable|experimental|test|ea"
)
VERSION = (
    r"(?:v\d{1,12}(?!\d|-\d\d-\d\d)(?:\.\d{1,12}){0,5}|\d{1,12}(?:\.\d{1,12}){1,5})"
    rf"(?:[-.+_]?(?:(?:{_UNFINISHED}|post)"
    r"[-.]?\d*|[abm][-.]?\d+)(?:[-.+][0-9a-z]{1,40}){0,5})?"
    r"(?:\+[0-9a-z.]{1,40})?"
)
_SAID = r"(?:\s+(?:(?:is|was|has\s+been)\s+)?(?:now\s+)?(?:released|available|out|here|live)(?:\s+now)?)?[.!]*"
_WHOLE = re.compile(rf"(?:release|version|ver\.?|v(?=\s))?[\s:]*({VERSION}){_SAID}", re.I)
_LEADING = re.compile(
    rf"^(?:(?:release|version|ver\.?)\s+)?(?P<version>{VERSION})(?:\s*[-–—:|·]\s*|\s+)(?P<rest>\S.*)$", re.I
)
# Tags that are no version by themselves, but one on a feed of one tool's: b4567, r12, 20260818, 2026-08-18, Release 5.
_TAG_ALONE = re.compile(r"(?:(?:release|version|build)[-_# ]*)?([a-z]{0,3}\d(?:[\d.-]*\d)?)", re.I)
_PRERELEASE = re.compile(
    rf"^(?:edge|tip|dev[- ]build|rc[-.]?\d*)$|\d[-.+_]?(?:{_UNFINISHED})"
    r"(?:[-._]?\d+)*(?![a-z])|\d[-.+_]?[abm][-._]?\d+(?![a-z])"
    r"|\b(?:alpha|beta|nightly|canary|pre-?release|release candidate|snapshot|insiders)\b",
    re.I,
)

_IN_BRACKETS = re.compile(rf"\s*[(\[](?:version\s+|release\s+)?({VERSION})[)\]]", re.I)
_STAGE = re.compile(
    rf"({VERSION})\s+[(\[]?(alpha|beta|rc|release candidate|preview|nightly|canary|dev|snapshot|pre-?release)"
    r"\s*(\d*)[)\]]?(?=$|\s*[:：–—|·!]|\s+-\s|\s+(?:is|are|now|released|available)\b)",
    re.I,
)
_REPAIR = "(?:maintenance|security|bug-?fix|patch)"
_REMARK = re.compile(
    rf"({VERSION})\s*(?:[(\[](?:lts|current|stable|latest|final|hotfix|\d{{4}}-\d\d-\d\d|build\s*\w+)[)\]]"
    rf"|\s(?:lts|release notes|(?:{_REPAIR}(?:\s(?:and|&)\s{_REPAIR})?\s)?release|changelog"
    r"|on (?:pypi|npm|crates\.io))(?=$|\s*[:：–—|·!])"
    # What some call each of their versions: 6.9 “Gene”.
    r"|\s(?:“[^”]{1,30}”|\"[^\"]{1,30}\"|„[^“”]{1,30}[“”]|«[^»]{1,30}»)"
    r"(?=$|\s*[:：–—|·!]|\s(?:is|are|now|has|released|available)\b))",
    re.I,
)
_SEVERAL = re.compile(rf"({VERSION})(?:,\s*{VERSION})+(?:,?\s+and\s+{VERSION})?", re.I)
_STAGES = {"release candidate": "rc", "pre-release": "pre", "prerelease": "pre"}
_POINT = re.compile(r"\b(v)\.\s?(?=\d)", re.I)
_DIGIT = re.compile(r"\d")
_OF = re.compile(
    rf"^(?:version|release)\s+({VERSION})\s+of\s+(.+?)(?=$|\s+(?:is|was|released|now|available)\b|[:：,–—])", re.I
)

_OF_A_REPOSITORY = re.compile(rf"^release\s+({VERSION})\s+·\s+[\w.-]+/([\w.-]+)(?=$|\s)", re.I)


def tidy(title: str) -> str:
    """The title with its version written as tags write it: "2.0 (Beta 3)" is "2.0-beta3", of several the first."""
    if not _DIGIT.search(title):
        return title
    title = _OF_A_REPOSITORY.sub(r"\2 \1", title)
    text = _OF.sub(r"\2 \1", _POINT.sub(r"\1", title))
    text = _IN_BRACKETS.sub(r" \1", text)
    text = _STAGE.sub(lambda found: f"{found[1]}-{_short(found[2])}{found[3]}", text)
    return _SEVERAL.sub(r"\1", _REMARK.sub(r"\1", text))


def _short(stage: str) -> str:
    return _STAGES.get(stage.lower(), stage.lower())


def whole_version(text: str) -> str | None:
    """The version that this text is, with nothing beside it but the word for it."""
    found = _WHOLE.fullmatch(text)
    return found[1] if found else None


def leading_version(text: str) -> tuple[str, str] | None:
    """The version that this text begins with, and the rest of it."""
    found = _LEADING.match(text)
    return (found["version"], found["rest"]) if found else None


def tag_alone(text: str) -> str | None:
    """The number of a build or a day where that is all there is; letters before a number with points are no part of it
    (go1.26.1)."""
    found = _TAG_ALONE.fullmatch(text.strip())
    return (found[1].lstrip(ascii_letters) if "." in found[1] else found[1]) if found else None


def bare(version: str | None) -> str | None:
    """Without its leading v."""
    return version[1:] if version and version[0] in "vV" else version


def is_version(title: str) -> bool:
    """Is this title nothing but a version, as on a repository's release page?"""
    return whole_version(tidy(title).strip()) is not None


def is_prerelease(text: str) -> bool:
    """Of a version or of a title of a feed of releases: v0.28.0rc1, 2.0.0-beta.3, nightly."""
    return bool(_PRERELEASE.search(text))
