"""Making two tools one: everything that names the first names the second afterwards.

Issues that were approved keep naming the tool they were made with; their pages redirect.
"""

from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, case, delete, exists, literal, select, true, update

from db.material import carried
from db.models import Bookmark, Feed, Issue, IssueComparison, IssueItem, Release, Take, Tool, ToolAlias, Vote, aliased
from db.name_rules import IS_RULE
from db.states import IssueStatus

_BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)
_OPEN = select(Issue.id).where(Issue.status.in_((IssueStatus.DRAFT, IssueStatus.APPROVED)))


def move_releases(connection: Connection, source: int, target: int) -> int:
    """Releases and the feeds that announce them; returns how many releases moved."""
    connection.execute(update(Feed).where(Feed.tool_id == source).values(tool_id=target))
    return connection.execute(update(Release).where(Release.tool_id == source).values(tool_id=target)).rowcount


def move_aliases(connection: Connection, source: int, target: int) -> None:
    """What an editor said of a name stays said, of one that the target has, too."""
    other = aliased(ToolAlias)
    same = (other.kind == ToolAlias.kind, other.key == ToolAlias.key)
    rule = exists().where(other.tool_id == source, *same, other.source.like("editor%"))
    plain = (ToolAlias.tool_id == target, ToolAlias.source.not_like("editor%"))
    connection.execute(update(ToolAlias).where(*plain, rule).values(source=literal("editor:") + ToolAlias.source))
    doubled = exists().where(other.tool_id == target, *same)
    connection.execute(delete(ToolAlias).where(ToolAlias.tool_id == source, doubled))
    came = case((ToolAlias.source == "editor", "editor"), (IS_RULE, "editor:merge"), else_="merge")
    connection.execute(update(ToolAlias).where(ToolAlias.tool_id == source).values(tool_id=target, source=came))


def move_past_takes(connection: Connection, source: int, target: int) -> None:
    """They were never said of the target: they are kept as takes that never stood there, replaced before they came."""
    past = update(Take).where(Take.tool_id == source, Take.replaced_at.is_not(None))
    connection.execute(past.values(tool_id=target, replaced_at=_BEFORE_ALL))


def move_take(connection: Connection, take_id: int, target: int) -> None:
    connection.execute(update(Take).where(Take.id == take_id).values(tool_id=target))


def move_votes(connection: Connection, source: int, target: int) -> int:
    """One vote per person: who voted on both keeps the vote on the target. Returns how many moved."""
    other = aliased(Vote)
    doubled = exists().where(other.tool_id == target, other.voter == Vote.voter)
    connection.execute(delete(Vote).where(Vote.tool_id == source, doubled))
    return connection.execute(update(Vote).where(Vote.tool_id == source).values(tool_id=target)).rowcount


def move_bookmarks(connection: Connection, source: int, target: int) -> None:
    other = aliased(Bookmark)
    doubled = exists().where(other.tool_id == target, other.reader == Bookmark.reader)
    connection.execute(delete(Bookmark).where(Bookmark.tool_id == source, doubled))
    connection.execute(update(Bookmark).where(Bookmark.tool_id == source).values(tool_id=target))


def move_items(connection: Connection, source: int, target: int) -> None:
    """The rows of drafts and approved issues (an edit of an approved one starts from its rows). To be called before the
    releases move, since those tell which tools an issue carries.

    Where an issue has both tools, the target's row stays, unless the issue does not carry the target any more. The
    target is dropped only where both were. Comparisons with the source go.
    """
    stays = (IssueItem.tool_id == source, IssueItem.issue_id.in_(_OPEN), IssueItem.dropped.is_(False), carried())
    issues = connection.scalars(select(IssueItem.issue_id).where(*stays)).all()
    there = (IssueItem.tool_id == target, IssueItem.issue_id.in_(issues))
    connection.execute(update(IssueItem).where(*there).values(dropped=False))
    _give_way(connection, target, source, ~carried())
    _give_way(connection, source, target, true())
    here = (IssueItem.tool_id == source, IssueItem.issue_id.in_(_OPEN))
    connection.execute(update(IssueItem).where(*here).values(tool_id=target))
    pairs = (IssueComparison.left_tool_id == source) | (IssueComparison.right_tool_id == source)
    connection.execute(delete(IssueComparison).where(pairs, IssueComparison.issue_id.in_(_OPEN)))


def _give_way(connection: Connection, tool_id: int, other_id: int, when: ColumnElement[bool]) -> None:
    """Where an issue has rows of both tools, delete that of ``tool_id``; the other takes its note if it has none."""
    other = aliased(IssueItem)
    both = exists().where(other.issue_id == IssueItem.issue_id, other.tool_id == other_id)
    going = select(IssueItem.id, IssueItem.issue_id, IssueItem.note)
    going = going.where(IssueItem.tool_id == tool_id, IssueItem.issue_id.in_(_OPEN), both, when)
    for row in connection.execute(going).all():
        without = (IssueItem.issue_id == row.issue_id, IssueItem.tool_id == other_id, IssueItem.note.is_(None))
        connection.execute(update(IssueItem).where(*without).values(note=row.note))
        connection.execute(delete(IssueItem).where(IssueItem.id == row.id))


def redirect_tool(connection: Connection, source: int, target: int) -> None:
    """The source and whatever was merged into it lead to the target from now on."""
    connection.execute(update(Tool).where(Tool.merged_into_id == source).values(merged_into_id=target))
    connection.execute(update(Tool).where(Tool.id == source).values(merged_into_id=target, listed=False))
