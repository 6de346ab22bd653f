"""What editors decide about releases: whose they are, and which are none."""

from datetime import datetime

from sqlalchemy import Connection, Engine

from db import drafts
from db import releases as rows
from db.engine import transaction
from db.issues import void_approval
from db.releases import ReleaseRow
from db.states import IssueStatus, ReleaseStatus
from db.tools import AliasRow, add_aliases, add_tool, free_slug
from newsletter.errors import RefusedError, known
from newsletter.feeds.addresses import canonical_url
from newsletter.named import tool_named
from newsletter.releases.homes import home_in_address, taught_by
from newsletter.releases.matching import is_page_of_one_tool
from newsletter.releases.naming import fold_name, slug_of
from newsletter.tools.reading import NewTool


class DecidedError(RefusedError):
    """Somebody decided about the release since it was seen waiting."""


def match_to_tool(
    engine: Engine, release_id: int, slug: str, now: datetime, by: str = "by hand", *, waiting: bool = False
) -> ReleaseRow:
    """Say whose release it is. Its address is remembered, if it has one of its own, so that the next one is found.

    Where an approved issue carries it, that is an edit: the issue is a draft again. ``waiting`` says that it was seen
    in the queue: another decision than this stands then. Raises NotFoundError, DecidedError, and RefusedError where the
    issue is past editing.
    """
    with transaction(engine) as connection:
        drafts.hold_composing(connection)
        release = locked_release(connection, release_id)
        tool = tool_named(connection, slug)
        if waiting and not (release.status != ReleaseStatus.DROPPED and release.tool_id == tool.id):
            _check_waits(release)
        _match(connection, release, tool.id, now, by)
        return _found(connection, release_id)


def make_into_tool(engine: Engine, release_id: int, given: NewTool, now: datetime, by: str) -> ReleaseRow:
    """A new tool of a release that waits, which is matched with it; unlisted until it has a take. Releases at its
    address are its own, unless that is, for want of another, the address of the release's feed.

    Raises NotFoundError and DecidedError: of one release one tool is made, however often that is asked for at once.
    """
    with transaction(engine) as connection:
        drafts.hold_composing(connection)
        release = locked_release(connection, release_id)
        _check_waits(release)
        shared = canonical_url(given.url) == release.canonical_url and not rows.has_page_of_its_own(connection, release)
        slug = free_slug(connection, slug_of(given.name))
        tool_id = add_tool(
            connection, slug=slug, name=given.name, name_key=fold_name(given.name), url=given.url,
            address_key=None if shared else canonical_url(given.url), category=given.category,
            listed=False, now=now, tagline=given.tagline, best_for=given.tagline,
        )  # fmt: skip
        _match(connection, release, tool_id, now, by)
        return _found(connection, release_id)


def drop_release(engine: Engine, release_id: int, now: datetime, *, waiting: bool = False) -> ReleaseRow:
    """Say that it is no release, or none for us: it stays listed, and no issue will carry it. Where an approved issue
    carried it, that is a draft again.

    ``waiting`` is as ``match_to_tool`` takes it.
    """
    with transaction(engine) as connection:
        drafts.hold_composing(connection)
        release = locked_release(connection, release_id)
        if waiting and release.status != ReleaseStatus.DROPPED:
            _check_waits(release)
        _void_approval(connection, release, now)
        rows.update_release(connection, release_id, status=ReleaseStatus.DROPPED, issue_id=None)
        return _found(connection, release_id)


def _match(connection: Connection, release: ReleaseRow, tool_id: int, now: datetime, by: str) -> None:
    if release.tool_id != tool_id:
        _void_approval(connection, release, now)
    status = ReleaseStatus.BACKFILLED if release.week is None else ReleaseStatus.MATCHED
    rows.update_release(
        connection, release.id, tool_id=tool_id, status=status, matched_at=now, match_reason=by,
        issue_id=release.issue_id if release.tool_id == tool_id else None,
    )  # fmt: skip
    home = home_in_address(release.url)
    key = taught_by(release.url, release.canonical_url)
    if is_page_of_one_tool(key) and (home or rows.has_page_of_its_own(connection, release)):
        add_aliases(connection, [AliasRow(tool_id, "address", key, home or release.url, "match")])


def _check_waits(release: ReleaseRow) -> None:
    if release.status != ReleaseStatus.UNMATCHED:
        raise decided(release)


def decided(release: ReleaseRow) -> DecidedError:
    matched = release.tool and release.status != ReleaseStatus.DROPPED
    done = f"matched with {release.tool} ({release.match_reason})" if matched else release.status
    return DecidedError(f"{release.title!r} is {done} by now, and nothing was changed")


def locked_release(connection: Connection, release_id: int) -> ReleaseRow:
    return known(rows.release_by_id(connection, release_id, lock=True), f"release {release_id}", "releases")


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
