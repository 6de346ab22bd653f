"""Issues as they were published. What one says never changes again, so a process reads each content once."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import Any, NamedTuple

from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from db import archive
from db.archive import Head, PublicIssue
from db.issues import IssueRow
from newsletter.clock import Week
from newsletter.issues import dates
from newsletter.issues.laying_out import lay_out
from newsletter.issues.values import IssueValues, ToolValue, load_values
from newsletter.verdicts.comparison import difference

_KEPT, _HEADS_KEPT = 64, 2000
_values: OrderedDict[str, IssueValues] = OrderedDict()
_heads: OrderedDict[str, Head] = OrderedDict()
_lock = Lock()


class Headline(NamedTuple):
    """A public issue in lists."""

    week: str
    number: int
    started_at: datetime
    subject: str
    preheader: str


def published_issue(connection: Connection, week: Week) -> tuple[PublicIssue, IssueValues]:
    """Raises HTTPException 404 for a week without an issue that readers may see."""
    found = archive.public_issue(connection, str(week))
    if found is None:
        raise HTTPException(404)
    return found, values_of(connection, found)


def newest_issue(connection: Connection) -> IssueValues | None:
    """What the newest issue says that readers may see."""
    return next((values_of(connection, one) for one in archive.newest_issues(connection, 1)), None)


def values_of(connection: Connection, issue: PublicIssue) -> IssueValues:
    with _lock:
        if issue.content_hash in _values:
            _values.move_to_end(issue.content_hash)
            return _values[issue.content_hash]
    values = load_values(archive.values_of(connection, issue.id))
    with _lock:
        _values[issue.content_hash] = values
        while len(_values) > _KEPT:
            _values.popitem(last=False)
    return values


def heads(connection: Connection, issues: Mapping[int, str]) -> dict[int, Head]:
    """Subject and preheader of issues by id; their content's hashes are given."""
    with _lock:
        known = {issue_id: _heads[content] for issue_id, content in issues.items() if content in _heads}
    read = archive.heads_of(connection, issues.keys() - known) if len(known) < len(issues) else {}
    with _lock:
        _heads.update({issues[issue_id]: head for issue_id, head in read.items()})
        while len(_heads) > _HEADS_KEPT:
            _heads.popitem(last=False)
    return known | read


def subjects(connection: Connection, issues: Sequence[IssueRow]) -> dict[int, str]:
    """Under which subject those of these issues that were approved go, or went, out."""
    hashes = archive.content_hashes(connection, [issue.id for issue in issues])
    return {issue_id: head.subject for issue_id, head in heads(connection, hashes).items()}


def headlines(connection: Connection, issues: Sequence[PublicIssue]) -> list[Headline]:
    said = heads(connection, {issue.id: issue.content_hash for issue in issues})
    return [Headline(one.week, one.number, one.started_at, *said[one.id]) for one in issues]


def front_of(values: IssueValues) -> dict[str, Any]:
    """What stands first in an issue, which the landing page shows too."""
    return {
        "issue": values,
        "span": dates.span(Week.parse(values.week)),
        "pick": values.item(values.pick) if values.pick else None,
        "split": values.item(values.split) if values.split else None,
    }


def parts_of(values: IssueValues) -> Mapping[str, Any]:
    """What the page and the text of an issue show, in the order of the mail, but whole: no budget cuts them."""
    layout = lay_out(values)
    sides = [(values.item(left), values.item(right)) for left, right in values.pairs]
    pairs = [(left, right, difference(left, right, left.lines, right.lines)) for left, right in sides]
    by_category: dict[str, list[ToolValue]] = {}
    for tool in values.also:
        by_category.setdefault(tool.category, []).append(tool)
    return front_of(values) | {
        "pairs": pairs,
        "sections": [(section.title, [card.tool for card in section.cards]) for section in layout.sections],
        "also": by_category,
    }
