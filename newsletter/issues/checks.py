"""Pre-flight: what would embarrass an issue that goes out, each with its place and what to do about it."""

import re
from collections.abc import Iterable, Mapping
from typing import Protocol
from urllib.parse import urlsplit

from newsletter.hostnames import is_loopback
from newsletter.issues.findings import Finding
from newsletter.issues.theme import unreadable
from newsletter.issues.values import IssueValues
from newsletter.issues.word_checks import check_words
from newsletter.issues.words import one_line

JUMP = 0.2
_LONGEST_LINE, _FOLDED, _LONGEST_WORD = 998, 78, 75


def check_values(values: IssueValues) -> list[Finding]:
    """What the content itself shows."""
    return [*_check_items(values), *check_words(values), *_check_takes(values), *_check_theme(values)]


def check_earlier(values: IssueValues, announced: Mapping[int, str]) -> list[Finding]:
    """``announced`` maps a tool's id to the latest week that featured it."""
    return [
        Finding("note", tool.slug, f"{tool.name} was in {announced[tool.id]} already.", "Drop it if nothing is new.")
        for tool in values.items
        if tool.id in announced
    ]


def check_readership(now: int, before: int | None) -> list[Finding]:
    """A readership that jumps between two issues is a mistake more often than a success."""
    if not now:
        return [Finding("warning", "recipients", "Nobody would get this issue.", "Import or invite subscribers.")]
    if not before or abs(now - before) <= JUMP * before:
        return []
    readers = "One reader" if now == 1 else f"{now:,} readers"
    message = f"{readers} would get it, {before:,} got the last issue."
    return [Finding("warning", "recipients", message, "Make sure that this is meant before you approve it.")]


class NewerTake(Protocol):
    """db/material.py: NewerTakeRow."""

    @property
    def slug(self) -> str: ...
    @property
    def tool(self) -> str: ...
    @property
    def panelist(self) -> str: ...
    @property
    def call(self) -> str: ...
    @property
    def was(self) -> str | None: ...


def check_freshness(newer: Iterable[NewerTake], *, frozen: bool) -> list[Finding]:
    """Takes that came after the draft was made, which are in it, or after the approval, which are not."""
    severity, said, advice = (
        (
            "warning",
            "after the approval, so the mail does not have it",
            "Edit the issue and approve it again to let it in.",
        )
        if frozen
        else ("note", "after the draft was made, and is in it", "Read the item again before you approve it.")
    )
    return [
        Finding(
            severity,
            take.slug,
            f"{one_line(take.panelist)}'s take on {one_line(take.tool)} ({take.call}"
            f"{f', before: {take.was}' if take.was else ''}) came {said}.",
            advice,
        )
        for take in newer
    ]


def check_headers(fields: bytes) -> list[Finding]:
    """Physical lines of at most 998 octets, folded at 78 where that is legal; encoded words of at most 75 (RFC 5322
    2.1.1, RFC 2047 2)."""
    found, name = [], ""
    for line in fields.decode("latin-1").split("\r\n"):
        name = name if line[:1] in (" ", "\t") else line.partition(":")[0]
        longest = max((len(word) for word in re.findall(r"=\?[^?\s]+\?[bq]\?[^?\s]*\?=", line, re.I)), default=0)
        foldable = " " in line.partition(": ")[2].strip() if line[:1] != " " else " " in line.strip()
        if len(line) > _LONGEST_LINE or longest > _LONGEST_WORD:
            message = f"The header field {name} has a line of {len(line)} octets that servers refuse or break."
            found.append(Finding("error", name, message, "Make what stands in it shorter."))
        elif len(line) > _FOLDED and foldable:
            message = f"The header field {name} has a line of {len(line)} octets."
            found.append(Finding("warning", name, message, "Make what stands in it shorter."))
    return found


def check_address(public_url: str) -> list[Finding]:
    """One-click unsubscription needs https (RFC 8058); loopback is for rehearsals."""
    parts = urlsplit(public_url)
    if parts.scheme == "https":
        return []
    rehearsal = is_loopback(parts.hostname or "")
    message = f"Links lead to {public_url}, so one-click unsubscription cannot work for readers elsewhere."
    advice = "Set it to the https address that readers reach."
    return [Finding("warning" if rehearsal else "error", "NEWSLETTER_PUBLIC_URL", message, advice)]


def _check_items(values: IssueValues) -> list[Finding]:
    if not values.items and not values.also:
        message = "The issue has nothing to say."
        return [Finding("error", "items", message, "Match or add a release and compose again.")]
    if not values.items:
        message = "No tool of the week has a take."
        return [Finding("warning", "items", message, "Ask the panel, or send it as it is.")]
    absent = (
        ("pick", values.pick, "The panel ships nothing, so there is no pick of the week."),
        ("pair", values.pairs, "No two tools of one category make a choice, so there is no head to head."),
        ("split", values.split, "The panel agrees on everything else, so there is no biggest split."),
    )
    advice = "Nothing needs doing: the mail leaves it out."
    return [Finding("note", place, message, advice) for place, there, message in absent if not there]


def _check_theme(values: IssueValues) -> list[Finding]:
    advice = "Change the colours of [theme] in newsletter.toml."
    return [Finding("error", "theme", f"{words}.", advice) for words in unreadable(values.publication.theme)]


def _check_takes(values: IssueValues) -> list[Finding]:
    found = []
    for tool in values.items:
        missing = [line.name for line in tool.lines if line.call is None]
        if missing:
            message = f"{tool.name} has no take from {', '.join(missing)}."
            found.append(Finding("note", tool.slug, message, "The mail says so; ask for it if it matters."))
    return found
