"""An issue as a document for programs and as lines for people."""

from dataclasses import asdict
from typing import Any

from newsletter.clock import iso
from newsletter.issues.values import IssueValues, ToolValue
from newsletter.verdicts.stamps import stamp


def document(issue: Any, values: IssueValues) -> dict[str, Any]:
    """What `issues show --json` prints; ``issue`` is its row."""
    return {
        "issue": values.week,
        "number": None if issue.skipped else values.number,
        "status": str(issue.status),
        "starts_at": values.starts_at,
        "ends_at": values.ends_at,
        "subject": values.subject,
        "preheader": values.preheader,
        "intro": values.intro,
        "approved_by": issue.approved_by,
        "send_at": iso(issue.send_at),
        "revision": issue.revision,
        "pick": values.pick,
        "split": values.split,
        "items": [_item(tool) for tool in values.items],
        "comparisons": [{"left": left, "right": right} for left, right in values.pairs],
        "changed": [_changed(tool) for tool in values.changed],
        "also_released": [tool.slug for tool in values.also],
        "sponsors": [asdict(sponsor) for sponsor in values.sponsors],
    }


def lines(issue: Any, values: IssueValues) -> list[str]:
    """For a person at a terminal; ``issue`` is its row."""
    number = "" if issue.skipped else f"no. {values.number}, "
    said = [f"{values.week} ({number}{issue.status}): {values.subject}", ""]
    for tool in values.items:
        mark = "  pick" if tool.slug == values.pick else "  biggest split" if tool.slug == values.split else ""
        said.append(f"{stamp(tool.verdict.call):10} {tool.name} – {tool.why}{mark}")
    said += [f"{'head to head':10} {left} and {right}" for left, right in values.pairs]
    said += [f"{'changed':10} {tool.name}" for tool in values.changed]
    said += [f"{'sponsor':10} {sponsor.name}" for sponsor in values.sponsors]
    if values.also:
        said.append(f"also released: {', '.join(tool.name for tool in values.also)}")
    return said


def _item(tool: ToolValue) -> dict[str, Any]:
    verdict = tool.verdict
    return {
        "tool": tool.slug,
        "name": tool.name,
        "url": tool.url,
        "category": tool.category,
        "call": verdict.call,
        "ships": verdict.ships,
        "skips": verdict.skips,
        "ship_percent": verdict.ship_percent,
        "community_percent": tool.community.percent,
        "takes": [
            {"panelist": line.panelist, "score": line.score, "call": line.call, "text": line.text}
            for line in tool.takes
        ],
        "releases": [release.id for release in tool.releases],
        "late": tool.late,
        "why": tool.why,
    }


def _changed(tool: ToolValue) -> dict[str, Any]:
    before = tool.before
    assert before is not None
    return {
        "tool": tool.slug,
        "name": tool.name,
        "was": before.call,
        "was_ship_percent": before.ship_percent,
        "in": before.week,
        "call": tool.verdict.call,
        "ship_percent": tool.verdict.ship_percent,
        "changes": list(before.changes),
    }
