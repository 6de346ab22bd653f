"""Pre-flight: what would embarrass an issue that goes out, each with its place and what to do about it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol
from urllib.parse import urlsplit

from newsletter.issues.findings import Finding
from newsletter.issues.markdown import addresses, literal
from newsletter.issues.theme import unreadable
from newsletter.issues.values import IssueValues
from newsletter.issues.wording import LONGEST_PREHEADER, SHORTEST_PREHEADER
from newsletter.issues.words import one_line

# What phones show of a subject, by and large.
LONGEST_SUBJECT = 70
JUMP = 0.2
_LONGEST_LINE, _FOLDED, _LONGEST_WORD = 998, 78, 75

# Links whose owner cannot be seen, which filters judge by their worst users.
_SHORTENERS = frozenset({"bit.ly", "tinyurl.com", "t.co", "goo.gl", "ow.ly", "is.gd", "buff.ly", "cutt.ly", "rb.gy"})
_SHOUTS = re.compile(
    r"!!|\$\$|\b(?:[A-Z]{4,}\s+){2,}[A-Z]{4,}\b|(?i:\b100 ?% free\b|\bact now\b|\bclick here\b|\bfree!)"
)


def check_values(values: IssueValues) -> list[Finding]:
    """What the content itself shows."""
    return [
        *_check_items(values), *_check_words(values), *_check_claims(values), *_check_links(values),
        *_check_takes(values), *_check_theme(values), *_check_markdown(values),
    ]  # fmt: skip


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
    """db/issues.py: NewerTakeRow."""

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


def check_notes(values: IssueValues, without_note: Sequence[str]) -> list[Finding]:
    """``without_note`` are the slugs of those whose note found no room in the mail."""
    names = {tool.slug: tool.name for tool in (*values.items, *values.also)}
    advice = "Shorten notes, drop items, or move this one up."
    return [
        Finding("warning", slug, f"Your note on {names[slug]} is not in the mail, which has no room for it.", advice)
        for slug in without_note
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
    rehearsal = parts.hostname in ("127.0.0.1", "localhost", "::1")
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


def _check_words(values: IssueValues) -> list[Finding]:
    found = []
    for place, words in (("subject", values.subject), ("preheader", values.preheader), ("intro", values.intro)):
        if _SHOUTS.search(words):
            message = f"The {place} shouts, which spam filters and readers dislike."
            found.append(Finding("warning", place, message, "Write it without capitals, !! and the word free."))
    if re.match(r"(?:re|fwd?|aw)\s*:", values.subject, re.I):
        message = "The subject looks like an answer to somebody, which it is not; spam filters look for that."
        found.append(Finding("warning", "subject", message, "Begin it otherwise."))
    if len(values.subject) > LONGEST_SUBJECT:
        message = f"The subject has {len(values.subject)} characters; phones cut it."
        found.append(Finding("warning", "subject", message, f"Aim at {LONGEST_SUBJECT} or fewer."))
    if not SHORTEST_PREHEADER <= len(values.preheader) <= LONGEST_PREHEADER:
        message = f"The preheader has {len(values.preheader)} characters."
        found.append(Finding("error", "preheader", message, f"Write {SHORTEST_PREHEADER} to {LONGEST_PREHEADER}."))
    return found


def _check_claims(values: IssueValues) -> list[Finding]:
    """Whoever chose other categories does not get a tool that is not the pick; what every mail says may not name it."""
    intro = values.intro if values.lead is None else ""
    return [
        Finding(
            "warning",
            place,
            f"The {place} names {tool.name}, which is not in the mails of those who chose other categories.",
            "Name only the pick of the week, or make it the pick.",
        )
        for place, words in (("subject", values.subject), ("preheader", values.preheader), ("intro", intro))
        for tool in (*values.items, *values.also)
        if tool.slug != values.pick and re.search(rf"(?<!\w){re.escape(tool.name)}(?!\w)", words)
    ]


def _check_links(values: IssueValues) -> list[Finding]:
    places = [("intro", values.intro), *((tool.slug, tool.note) for tool in (*values.items, *values.also))]
    urls = [(place, url) for place, text in places for url in addresses(text)]
    urls += [("sponsor", url) for paid in values.sponsors for url in (paid.url, *addresses(paid.text))]
    return [
        Finding("warning", place, f"{url} hides where it leads, and filters distrust that.", "Link to the page itself.")
        for place, url in urls
        if (urlsplit(url).hostname or "").removeprefix("www.") in _SHORTENERS
    ]


def _check_markdown(values: IssueValues) -> list[Finding]:
    places = [("intro", "The intro", values.intro)]
    places += [(tool.slug, f"The note on {tool.name}", tool.note) for tool in (*values.items, *values.also)]
    places += [("sponsor", f"The text of {paid.name}", paid.text) for paid in values.sponsors]
    advice = "Only **bold**, *italic*, [words](https://…) and lists of lines that begin with “- ” are more than text."
    return [
        Finding("warning", place, f"{what} has {kind} that readers see as it is typed.", advice)
        for place, what, text in places
        for kind in literal(text)
    ]


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
