"""What editors decide about releases: whose they are, and which are none."""

from datetime import datetime

from sqlalchemy import Connection, Engine

from db import drafts
from db import releases as rows
from db.engine import transaction
from db.issues import void_approval
from db.releases import ReleaseRow
from db.states import IssueStatus, ReleaseStatus
from db.tools import AliasRow, add_aliases, standing_tool
from newsletter.errors import NotFoundError, RefusedError
from newsletter.releases.homes import home_in_address, taught_by
from newsletter.releases.matching import is_page_of_one_tool


def match_to_tool(engine: Engine, release_id: int, slug: str, now: datetime, by: str = "by hand") -> ReleaseRow:
    """Say whose release it is. Its address is remembered, if it has one of its own, so that the next one is found.

    Where an approved issue carries it, that is an edit: the issue is a draft again. Raises NotFoundError, and
    RefusedError where the issue is past that.
    """
    with transaction(engine) as connection:
        drafts.hold_composing(connection)
        release = _release(connection, release_id)
        tool = standing_tool(connection, slug)
        if tool is None:
            raise NotFoundError(f"there is no tool {slug!r}; `newsletter tools list` shows those there are")
        if release.tool_id != tool.id:
            _void_approval(connection, release, now)
        status = ReleaseStatus.BACKFILLED if release.week is None else ReleaseStatus.MATCHED
        rows.update_release(
            connection, release_id, tool_id=tool.id, status=status, matched_at=now, match_score=1.0,
            match_reason=by, issue_id=release.issue_id if release.tool_id == tool.id else None,
        )  # fmt: skip
        home = home_in_address(release.url)
        key = taught_by(release.url, release.canonical_url)
        if is_page_of_one_tool(key) and (home or rows.has_page_of_its_own(connection, release)):
            add_aliases(connection, [AliasRow(tool.id, "address", key, home or release.url, "match")])
        return _found(connection, release_id)


def drop_release(engine: Engine, release_id: int, now: datetime) -> ReleaseRow:
    """It is none, or none for us: it stays listed and no issue will carry it. An approved one is a draft again."""
    with transaction(engine) as connection:
        drafts.hold_composing(connection)
        _void_approval(connection, _release(connection, release_id), now)
        rows.update_release(connection, release_id, status=ReleaseStatus.DROPPED, issue_id=None)
        return _found(connection, release_id)


def _release(connection: Connection, release_id: int) -> ReleaseRow:
    release = rows.release_by_id(connection, release_id, lock=True)
    if release is None:
        raise NotFoundError(f"there is no release {release_id}; `newsletter releases list` shows those there are")
    return release


def _void_approval(connection: Connection, release: ReleaseRow, now: datetime) -> None:
    """Raises RefusedError where the issue that carries it is being sent, or its story is over."""
    if release.issue_id is None or release.issue_status == IssueStatus.DRAFT:
        return
    if not void_approval(connection, release.issue_id, now):
        raise RefusedError(
            f"release {release.id} is part of issue {release.issue}, which is {release.issue_status}; it stays as it is"
        )


def _found(connection: Connection, release_id: int) -> ReleaseRow:
    release = rows.release_by_id(connection, release_id)
    assert release is not None
    return release
