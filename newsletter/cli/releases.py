"""``newsletter releases``: what the feeds announced, and what editors say about it."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.door import ROW_ID, Door, answer, in_pages, json_option, note, pass_door, stream, week_argument
from newsletter.cli.tables import table
from newsletter.releases.showing import shown

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from db.releases import ReleaseRow


@click.group()
def releases() -> None:
    """What the feeds announced: all of it, whether or not an issue will carry it.

    \b
    Example:
      newsletter releases list --unmatched
    """


@releases.command("list")
@click.option("--week", help="Only those of this week, such as 2026-W47.")
@click.option("--unmatched", is_flag=True, help="Only those that wait for an editor.")
@json_option
@pass_door
def list_(door: Door, week: str | None, unmatched: bool, as_json: bool) -> None:
    """List releases in the order in which they were seen. Back-filled ones have no week.

    \b
    Example:
      newsletter releases list --week 2026-W47
    """
    name = None if week is None else str(week_argument(week))
    found = _listed(door, name, "unmatched" if unmatched else None)
    if as_json:
        stream("releases", (_document(one, sources) for one, sources in found))
        return
    rows = [(one.id, one.week, one.name, one.version, one.tool or f"({one.status})", one.feed_name) for one, _ in found]
    click.echo("\n".join(table(rows, ("id", "week", "name", "version", "tool", "feed"), "No releases.")))


def _listed(door: Door, week: str | None, status: str | None) -> "Iterator[tuple[ReleaseRow, list[str]]]":
    """With the addresses of the feeds that showed each."""
    from db.releases import list_releases, sources_of

    def read(connection: "Connection", after: int) -> "list[tuple[ReleaseRow, list[str]]]":
        page = list_releases(connection, week=week, status=status, after_id=after)
        sources = sources_of(connection, [release.id for release in page])
        return [(release, sources.get(release.id, [])) for release in page]

    return chain.from_iterable(in_pages(door.engine, read, lambda one: one[0].id))


@releases.command()
@click.argument("release_id", metavar="ID", type=ROW_ID)
@click.argument("tool")
@json_option
@pass_door
def match(door: Door, release_id: int, tool: str, as_json: bool) -> None:
    """Say which tool a release is of. Its address is remembered for the next time.

    \b
    Example:
      newsletter releases match 17 example-tool
    """
    from db.engine import reading
    from newsletter.releases.foresee import where_it_goes
    from newsletter.releases.resolve import match_to_tool
    from newsletter.releases.weeks import as_clause

    now, zone = door.clock.now(), door.settings.timezone
    with _telling_of_approvals(door, release_id):
        found = match_to_tool(door.engine, release_id, tool, now)
    with reading(door.engine) as connection:
        coming = where_it_goes(connection, release_id, zone, now, flowed=False)
    document = _shown(door, found) | {"coming": coming}
    answer(document, as_json, f"Release {found.id} ({found.name}) is of {found.tool}{as_clause(coming)}.")


@releases.command()
@click.argument("release_id", metavar="ID", type=ROW_ID)
@json_option
@pass_door
def drop(door: Door, release_id: int, as_json: bool) -> None:
    """Take a release out of what issues may carry. It stays listed.

    \b
    Example:
      newsletter releases drop 17
    """
    from newsletter.releases.resolve import drop_release

    with _telling_of_approvals(door, release_id):
        found = drop_release(door.engine, release_id, door.clock.now())
    answer(_shown(door, found), as_json, f"Release {found.id} ({found.name}) is dropped.")


@releases.command()
@click.argument("url")
@click.option("--tool", help="The tool that it is of; without it, it is matched like any other.")
@json_option
@pass_door
def add(door: Door, url: str, tool: str | None, as_json: bool) -> None:
    """Add what an editor found by hand. The page's title and description are read.

    \b
    Example:
      newsletter releases add https://example.com/launch --tool example-tool
    """
    from newsletter.releases.add import add_release

    found = add_release(door.engine, door.settings, url, tool, door.clock.now())
    whose = f"of {found.tool}" if found.tool else "not matched to a tool yet"
    answer(_document(found, []), as_json, f"Release {found.id}: {found.name}, {whose}, in {found.week}.")


@contextmanager
def _telling_of_approvals(door: Door, release_id: int) -> Iterator[None]:
    """Say so where the decision was an edit to an approved issue."""
    from db.engine import reading
    from db.issues import issue_of_week
    from db.releases import release_by_id

    with reading(door.engine) as connection:
        before = release_by_id(connection, release_id)
    yield
    if before is not None and before.issue is not None and before.issue_status == "approved":
        with reading(door.engine) as connection:
            issue = issue_of_week(connection, before.issue)
        if issue is not None and issue.status == "draft":
            again = f"`newsletter issues compose --week {before.issue}` and approve it once more"
            note(f"Issue {before.issue} was approved and is a draft again; bring it up to date by {again}.")


def _shown(door: Door, release: "ReleaseRow") -> dict[str, Any]:
    """A release as JSON, with the feeds that showed it looked up."""
    from db.engine import reading
    from db.releases import sources_of

    with reading(door.engine) as connection:
        return _document(release, sources_of(connection, [release.id]).get(release.id, []))


def _document(release: "ReleaseRow", sources: list[str]) -> dict[str, Any]:
    """With the reasons that editors decide by."""
    return shown(release, sources) | {"reason": release.match_reason, "candidates": release.candidates or []}
