"""Pre-flight: what would embarrass an issue that goes out, each with its place and what to do about it."""

from dataclasses import dataclass

from newsletter.issues import budget
from newsletter.issues.content import Rendered
from newsletter.issues.values import IssueValues
from newsletter.issues.wording import LONGEST_PREHEADER, SHORTEST_PREHEADER

# What phones show of a subject, by and large.
LONGEST_SUBJECT = 70


@dataclass(frozen=True, slots=True)
class Finding:
    """``severity`` is error (it must not go out so), warning or note; ``place`` a field, a tool's slug, a setting."""

    severity: str
    place: str
    message: str
    advice: str


def check_values(values: IssueValues) -> list[Finding]:
    """What the content itself shows."""
    return [*_check_items(values), *_check_words(values), *_check_takes(values)]


def check_rendered(rendered: Rendered) -> list[Finding]:
    """What the finished parts show."""
    size = max(budget.sizes(rendered.blocks, rendered.placeholder))
    if size < budget.LIMIT:
        return []
    message = f"The HTML has {size:,} bytes, more than {budget.LIMIT:,}; Gmail would clip it."
    return [Finding("error", "size", message, "Drop some items.")]


def _check_items(values: IssueValues) -> list[Finding]:
    if not values.items and not values.also:
        message = "The issue has nothing to say."
        return [Finding("error", "items", message, "Match or add a release and compose again.")]
    if not values.items:
        message = "No tool of the week has a take."
        return [Finding("warning", "items", message, "Ask the panel, or send it as it is.")]
    if values.pick is None:
        message = "The panel ships nothing, so there is no pick of the week."
        return [Finding("note", "pick", message, "Nothing needs doing.")]
    return []


def _check_words(values: IssueValues) -> list[Finding]:
    found = []
    if len(values.subject) > LONGEST_SUBJECT:
        message = f"The subject has {len(values.subject)} characters; phones cut it."
        found.append(Finding("warning", "subject", message, f"Aim at {LONGEST_SUBJECT} or fewer."))
    if not SHORTEST_PREHEADER <= len(values.preheader) <= LONGEST_PREHEADER:
        message = f"The preheader has {len(values.preheader)} characters."
        found.append(Finding("error", "preheader", message, f"Write {SHORTEST_PREHEADER} to {LONGEST_PREHEADER}."))
    return found


def _check_takes(values: IssueValues) -> list[Finding]:
    found = []
    for tool in values.items:
        missing = [line.name for line in tool.lines if line.call is None]
        if missing:
            message = f"{tool.name} has no take from {', '.join(missing)}."
            found.append(Finding("note", tool.slug, message, "The mail says so; ask for it if it matters."))
    return found
