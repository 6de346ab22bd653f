"""What editors decide about releases: whose they are, and which are none."""

from datetime import datetime

from sqlalchemy import Connection, Engine

from db import releases as rows
from db.engine import transaction
from db.releases import ReleaseRow
from db.states import IssueStatus, ReleaseStatus
from db.tools import AliasRow, add_aliases, standing_tool
from newsletter.errors import NotFoundError, RefusedError
from newsletter.releases.matching import is_page_of_one_tool

_OPEN = (IssueStatus.DRAFT,)


def match_to_tool(engine: Engine, release_id: int, slug: str, now: datetime, by: str = "by hand") -> ReleaseRow:
    """Say whose release it is. Its address is remembered, so that the next one is found.

    Raises NotFoundError, and RefusedError where an issue that is no draft carries it.
    """
    with transaction(engine) as connection:
        release = _open_release(connection, release_id)
        tool = standing_tool(connection, slug)
        if tool is None:
            raise NotFoundError(f"there is no tool {slug!r}; `newsletter tools list` shows those there are")
        status = ReleaseStatus.BACKFILLED if release.week is None else ReleaseStatus.MATCHED
        rows.update_release(
            connection, release_id, tool_id=tool.id, status=status, matched_at=now, match_score=1.0,
            match_reason=by, issue_id=release.issue_id if release.tool_id == tool.id else None,
        )  # fmt: skip
        if is_page_of_one_tool(release.canonical_url):
            add_aliases(connection, [AliasRow(tool.id, "address", release.canonical_url, release.url, "match")])
        return _found(connection, release_id)


def drop_release(engine: Engine, release_id: int) -> ReleaseRow:
    """It is none, or none for us: it stays listed and no issue will carry it."""
    with transaction(engine) as connection:
        _open_release(connection, release_id)
        rows.update_release(connection, release_id, status=ReleaseStatus.DROPPED, issue_id=None)
        return _found(connection, release_id)


def _open_release(connection: Connection, release_id: int) -> ReleaseRow:
    release = rows.release_by_id(connection, release_id, lock=True)
    if release is None:
        raise NotFoundError(f"there is no release {release_id}; `newsletter releases list` shows those there are")
    if release.issue is not None and release.issue_status not in _OPEN:
        raise RefusedError(
            f"release {release_id} is part of issue {release.issue}, which is {release.issue_status}; "
            "edit the issue to bring it back to a draft first"
        )
    return release


def _found(connection: Connection, release_id: int) -> ReleaseRow:
    release = rows.release_by_id(connection, release_id)
    assert release is not None
    return release
