"""From rows to values: what an issue says as of now.

Rows come in as they lie in the database (db/material.py: IssueMaterial); what goes out is cleaned text and decisions.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from newsletter.clock import iso
from newsletter.issues import arrangement, selection, wording
from newsletter.issues.values import Before, IssueValues, Publication, ReleaseValue, Sponsor, ToolValue
from newsletter.issues.words import one_line
from newsletter.settings import Settings
from newsletter.verdicts.comparison import in_order
from newsletter.verdicts.scorecard import Line, scorecard


class IssueLike(Protocol):
    @property
    def week(self) -> str: ...
    @property
    def number(self) -> int: ...
    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...
    @property
    def subject(self) -> str | None: ...
    @property
    def preheader(self) -> str | None: ...
    @property
    def intro(self) -> str | None: ...
    @property
    def settings(self) -> Mapping[str, Any]: ...


class Material(Protocol):
    """Lists of rows; see db/material.py for their columns."""

    @property
    def issue(self) -> IssueLike: ...
    @property
    def items(self) -> Sequence[Any]: ...
    @property
    def pairs(self) -> Sequence[Any]: ...
    @property
    def releases(self) -> Sequence[Any]: ...
    @property
    def tools(self) -> Sequence[Any]: ...
    @property
    def takes(self) -> Sequence[Any]: ...
    @property
    def panel(self) -> Sequence[Any]: ...
    @property
    def announced(self) -> Sequence[Any]: ...


def publication_of(settings: Settings) -> Publication:
    return Publication(settings.shown_title, settings.public_url, settings.postal_address or "", settings.theme)


def edition(material: Material, publication: Publication) -> IssueValues:
    """The values of an issue. What its editors arranged overrides the rule."""
    rows = {item.tool_id: item for item in material.items}
    positions = {tool_id: row.position for tool_id, row in rows.items()}
    tools = _tools(material)
    before = {row.tool_id: row for row in material.announced}
    carried = [tool for tool in tools if _is_carried(tool, rows.get(tool.id))]
    among_items, in_also = (arrangement.places(positions, also=also) for also in (False, True))
    reviewed = selection.arranged(sorted((t for t in carried if t.takes), key=selection.rank), among_items)
    others = selection.arranged(sorted((t for t in carried if not t.takes), key=selection.rank_without_takes), in_also)
    pick = selection.pick_of_the_week(reviewed, among_items)
    split = selection.biggest_split(reviewed, pick)
    this_week = {tool.id for tool in tools if tool.releases} | {tool.id for tool in carried}
    changed = [tool for tool in tools if tool.id in before and tool.before and tool.id not in this_week]
    issue = material.issue
    content = wording.Content(publication.title, issue.week, issue.number, reviewed, others, pick, split)
    written = (issue.intro or "").strip()
    return IssueValues(
        week=issue.week,
        number=issue.number,
        starts_at=iso(issue.starts_at) or "",
        ends_at=iso(issue.ends_at) or "",
        publication=publication,
        subject=one_line(issue.subject) or wording.propose_subject(content),
        preheader=wording.fit_preheader(one_line(issue.preheader) or wording.propose_preheader(content)),
        intro=written or wording.propose_intro(content),
        lead=None if written else wording.propose_lead(content),
        items=tuple(reviewed),
        also=tuple(others),
        changed=tuple(sorted((tool for tool in changed if tool.takes), key=_most_changed)),
        pairs=tuple((left.slug, right.slug) for left, right in _pairs(material.pairs, reviewed)),
        pick=pick.slug if pick else None,
        split=split.slug if split else None,
        sponsors=tuple(
            Sponsor(one_line(paid["name"]), paid["text"], paid["url"]) for paid in issue.settings.get("sponsors", ())
        ),
    )


def _tools(material: Material) -> list[ToolValue]:
    takes, releases = defaultdict(list), defaultdict(list)
    for take in material.takes:
        takes[take.tool_id].append(take)
    for release in material.releases:
        releases[release.tool_id].append(release)
    notes = {item.tool_id: item.note.strip() for item in material.items if one_line(item.note)}
    announced = {row.tool_id: row for row in material.announced}
    found = []
    for row in material.tools:
        lines = tuple(map(_clean, scorecard(material.panel, takes[row.id])))
        tool = ToolValue(
            id=row.id,
            slug=row.slug,
            name=one_line(row.name) or row.slug,
            tagline=one_line(row.tagline),
            url=row.url if row.url.lower().startswith(("https://", "http://")) else "",
            category=one_line(row.category),
            pricing=one_line(row.pricing),
            entry=one_line(row.entry),
            best_for=one_line(row.best_for) or one_line(row.tagline),
            lines=lines,
            vote_ships=row.vote_ships,
            vote_skips=row.vote_skips,
            releases=tuple(map(_release, releases[row.id])),
            why="",
            note=notes.get(row.id, ""),
        )
        found.append(_explained(tool, announced.get(row.id), lines))
    return found


def _explained(tool: ToolValue, announced: Any, lines: Sequence[Line]) -> ToolValue:
    why = selection.why_item(tool) if tool.takes else f"no panel take yet; {selection.came_from(tool)}"
    return replace(tool, why=why, before=_before(tool, announced, lines) if announced else None)


def _before(tool: ToolValue, announced: Any, lines: Sequence[Line]) -> Before | None:
    """What changed since an earlier issue, or None where nothing did that a reader would call a change."""
    turned = [
        f"{line.name} turned from {was} to {line.call}"
        for line in lines
        if line.call is not None and (was := announced.calls.get(line.panelist)) not in (None, line.call)
    ]
    priced = announced.pricing is not None and one_line(announced.pricing) != tool.pricing
    now = tool.verdict.call
    flipped = announced.call is not None and now is not None and announced.call != now
    if not (turned or priced or flipped):
        return None
    changes = list(turned)
    if priced:
        changes.append(f"its pricing was “{one_line(announced.pricing) or 'not stated'}”")
    return Before(announced.week, announced.call, announced.ship_percent, tuple(changes), flipped)


def _most_changed(tool: ToolValue) -> tuple[object, ...]:
    return (not (tool.before and tool.before.flipped), *selection.rank(tool))


def _pairs(rows: Sequence[Any], order: Sequence[ToolValue]) -> list[tuple[ToolValue, ToolValue]]:
    """An editor's pairs where there are some whose tools are both still in the issue, else the rule's."""
    by_id = {tool.id: tool for tool in order}
    pairs = [
        in_order(by_id[row.left_tool_id], by_id[row.right_tool_id])
        for row in rows
        if row.chosen_by is not None and row.left_tool_id in by_id and row.right_tool_id in by_id
    ]
    if pairs:
        return pairs
    best = selection.head_to_head(order)
    return [best] if best else []


def _release(row: Any) -> ReleaseValue:
    return ReleaseValue(
        id=row.id,
        title=one_line(row.title),
        version=one_line(row.version) or None,
        url=row.url,
        feed=one_line(row.feed_name),
        published_at=iso(row.published_at),
        first_seen_at=iso(row.first_seen_at) or "",
        late=row.late,
    )


def _clean(line: Line) -> Line:
    return replace(line, name=one_line(line.name))


def _is_carried(tool: ToolValue, row: Any) -> bool:
    """By a release, or because an editor added it; not where one dropped it. ``row`` is None for a tool without any."""
    if row is None:
        return bool(tool.releases)
    return bool(tool.releases or row.added_by is not None) and not row.dropped
