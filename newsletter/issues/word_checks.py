"""What editors and sponsors wrote, looked at before it goes out: words that shout, claims that not every mail bears
out, links that hide where they lead, Markdown of another kind, notes without room."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from newsletter.english import counted
from newsletter.issues.findings import Finding
from newsletter.issues.markdown import addresses, literal
from newsletter.issues.values import IssueValues
from newsletter.issues.wording import LONGEST_PREHEADER, SHORTEST_PREHEADER

# Of a subject, by and large.
PHONES_SHOW = 70

# Links whose owner cannot be seen, which filters judge by their worst users.
_SHORTENERS = frozenset({"bit.ly", "tinyurl.com", "t.co", "goo.gl", "ow.ly", "is.gd", "buff.ly", "cutt.ly", "rb.gy"})
_SHOUTS = re.compile(
    r"!!|\$\$|\b(?:[A-Z]{4,}\s+){2,}[A-Z]{4,}\b|(?i:\b100 ?% free\b|\bact now\b|\bclick here\b|\bfree!)"
)


def check_words(values: IssueValues) -> list[Finding]:
    return [*_check_fields(values), *_check_claims(values), *_check_links(values), *_check_markdown(values)]


def check_notes(values: IssueValues, without_note: Sequence[str]) -> list[Finding]:
    """``without_note`` are the slugs of those whose note found no room in the mail."""
    names = {tool.slug: tool.name for tool in (*values.items, *values.also)}
    advice = "Shorten notes, drop items, or move this one up."
    return [
        Finding("warning", slug, f"Your note on {names[slug]} is not in the mail, which has no room for it.", advice)
        for slug in without_note
    ]


def _check_fields(values: IssueValues) -> list[Finding]:
    found = []
    for place, words in (("subject", values.subject), ("preheader", values.preheader), ("intro", values.intro)):
        if _SHOUTS.search(words):
            message = f"The {place} shouts, which spam filters and readers dislike."
            found.append(Finding("warning", place, message, "Write it without capitals, !! and the word free."))
    if re.match(r"(?:re|fwd?|aw)\s*:", values.subject, re.I):
        message = "The subject looks like an answer to somebody, which it is not; spam filters look for that."
        found.append(Finding("warning", "subject", message, "Begin it otherwise."))
    if len(values.subject) > PHONES_SHOW:
        message = f"The subject has {len(values.subject)} characters; phones cut it."
        found.append(Finding("warning", "subject", message, f"Aim at {PHONES_SHOW} or fewer."))
    if not SHORTEST_PREHEADER <= len(values.preheader) <= LONGEST_PREHEADER:
        message = f"The preheader has {counted(len(values.preheader), 'character')}."
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
    advice = "Only **bold**, *italic*, [words](https://…) and lines that begin with “- ” are more than text."
    return [
        Finding("warning", place, f"{what} has {kind} that readers see as it is typed.", advice)
        for place, what, text in places
        for kind in literal(text)
    ]
