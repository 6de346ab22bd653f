"""Readers' votes and bookmarks. A reader is ``browser:ID`` or ``subscriber:ID``; see readers/identity.py."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, exists, func, select, update

from db.models import Bookmark, Subscriber, Tool, Vote, aliased
from db.tools import TOOL_COLUMNS, ToolRow
from db.upsert import insert_or


class Saved(NamedTuple):
    """A bookmark with its tool; ``id`` is where the next page goes on."""

    id: int
    at: datetime
    tool: ToolRow


def subscriber_exists(connection: Connection, subscriber_id: int) -> bool:
    return bool(connection.scalar(select(exists().where(Subscriber.id == subscriber_id))))


def vote_of(connection: Connection, tool_id: int, voter: str) -> str | None:
    """ship, skip, or None where this reader has not voted on it."""
    found: str | None = connection.scalar(select(Vote.call).where(Vote.tool_id == tool_id, Vote.voter == voter))
    return found


def put_vote(connection: Connection, tool_id: int, voter: str, call: str, now: datetime) -> None:
    """One vote per reader and tool: the last one counts."""
    statement = insert_or(connection, Vote).values(tool_id=tool_id, voter=voter, call=call, at=now)
    again = {"call": call, "at": now}
    connection.execute(statement.on_conflict_do_update(index_elements=[Vote.tool_id, Vote.voter], set_=again))


def drop_vote(connection: Connection, tool_id: int, voter: str) -> str | None:
    """Take a vote back; returns what it was."""
    found: str | None = connection.scalar(
        delete(Vote).where(Vote.tool_id == tool_id, Vote.voter == voter).returning(Vote.call)
    )
    return found


def tools_voted_by(connection: Connection, voter: str) -> list[int]:
    return list(connection.scalars(select(Vote.tool_id).where(Vote.voter == voter).order_by(Vote.tool_id)))


def tools_voted_by_both(connection: Connection, one: str, other: str) -> list[int]:
    mine, theirs = aliased(Vote), aliased(Vote)
    wanted = select(mine.tool_id).join(theirs, theirs.tool_id == mine.tool_id)
    return list(connection.scalars(wanted.where(mine.voter == one, theirs.voter == other).order_by(mine.tool_id)))


def hand_over_votes(connection: Connection, source: str, target: str) -> None:
    """Every vote of one reader becomes another's; those that both cast must be gone before."""
    connection.execute(update(Vote).where(Vote.voter == source).values(voter=target))


def add_bookmark(connection: Connection, reader: str, tool_id: int, now: datetime) -> None:
    statement = insert_or(connection, Bookmark).values(reader=reader, tool_id=tool_id, at=now)
    connection.execute(statement.on_conflict_do_nothing())


def remove_bookmark(connection: Connection, reader: str, tool_id: int) -> None:
    connection.execute(delete(Bookmark).where(Bookmark.reader == reader, Bookmark.tool_id == tool_id))


def is_saved(connection: Connection, reader: str, tool_id: int) -> bool:
    return bool(connection.scalar(select(exists().where(Bookmark.reader == reader, Bookmark.tool_id == tool_id))))


def count_bookmarks(connection: Connection, reader: str) -> int:
    return connection.execute(select(func.count()).where(Bookmark.reader == reader)).scalar_one()


def saved_tools(connection: Connection, reader: str, before: int | None, limit: int) -> Sequence[Saved]:
    """The newest first; ``before`` is the id of the last one seen."""
    wanted = select(Bookmark.id, Bookmark.at, *TOOL_COLUMNS).join(Tool, Tool.id == Bookmark.tool_id)
    wanted = wanted.where(Bookmark.reader == reader).order_by(Bookmark.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(Bookmark.id < before)
    return [Saved(row[0], row[1], ToolRow(*row[2:])) for row in connection.execute(wanted)]


def hand_over_bookmarks(connection: Connection, source: str, target: str) -> int:
    """Every bookmark of one reader becomes another's; returns how many are new to that one."""
    other = aliased(Bookmark)
    doubled = exists().where(other.reader == target, other.tool_id == Bookmark.tool_id)
    connection.execute(delete(Bookmark).where(Bookmark.reader == source, doubled))
    return connection.execute(update(Bookmark).where(Bookmark.reader == source).values(reader=target)).rowcount
