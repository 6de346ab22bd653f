"""Make two tools one. The first keeps its row, so that its slug leads to the second."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from db import drafts, merging
from db import tools as rows
from db.engine import transaction
from newsletter.errors import RefusedError, known
from newsletter.releases.naming import fold_name
from newsletter.tools.catalogue import community_order, panel_order
from newsletter.verdicts.tally import tally


@dataclass(frozen=True, slots=True)
class MergeReport:
    """How many of each moved; takes that the target had already are kept as history."""

    releases: int
    takes: int
    votes: int


def merge_tools(engine: Engine, source_slug: str, target_slug: str, now: datetime) -> MergeReport:
    """Move releases, feeds, names, takes, votes and bookmarks; the target's own takes and fields stand.

    Raises NotFoundError for a slug that is none, RefusedError for a tool that was merged away or is the same.
    """
    with transaction(engine) as connection:
        drafts.hold_composing(connection)
        found = rows.tools_by_slug(connection, [source_slug, target_slug], lock=True)
        source, target = _standing(found, source_slug), _standing(found, target_slug)
        if source.id == target.id:
            raise RefusedError(f"{source_slug!r} cannot be merged into itself")
        merging.move_items(connection, source.id, target.id)
        releases = merging.move_releases(connection, source.id, target.id)
        takes = _move_takes(connection, source.id, target.id, now)
        balance = _balance(connection, source, target)
        votes = merging.move_votes(connection, source.id, target.id)
        merging.move_bookmarks(connection, source.id, target.id)
        merging.move_aliases(connection, source.id, target.id)
        _keep_name(connection, source, target)
        merging.redirect_tool(connection, source.id, target.id)
        _count(connection, source, target, balance, now)
        rows.renew_search_text(connection, [target.id])
    return MergeReport(releases, takes, votes)


def _standing(found: dict[str, rows.ToolRow], slug: str) -> rows.ToolRow:
    tool = known(found.get(slug), f"tool {slug!r}", "tools")
    if tool.merged_into_id is not None:
        raise RefusedError(f"{slug!r} was merged into another tool already; name that one")
    return tool


def _move_takes(connection: Connection, source: int, target: int, now: datetime) -> int:
    takes = rows.takes_of(connection, [source, target])
    taken = {take.panelist for take in takes[target]}
    gaps = [take for take in takes[source] if take.panelist not in taken]
    rows.retire_takes(connection, [take.id for take in takes[source] if take.panelist in taken], now)
    merging.move_past_takes(connection, source, target)
    for take in gaps:
        merging.move_take(connection, take.id, target)
    return len(gaps)


def _keep_name(connection: Connection, source: rows.ToolRow, target: rows.ToolRow) -> None:
    """Feeds go on calling it by its old name."""
    key = fold_name(source.name)
    if key != fold_name(target.name):
        rows.add_aliases(connection, [rows.AliasRow(target.id, "name", key, source.name, "merge")])


def _balance(connection: Connection, source: rows.ToolRow, target: rows.ToolRow) -> tuple[int, int]:
    """(ships, skips) that no vote cast here stands for: what both began with, and what earlier merges brought. It does
    not become the target's starting balance, which the next import sets anew."""
    ships, skips = 0, 0
    for tool in (source, target):
        cast_ships, cast_skips = rows.cast_votes(connection, [tool.id]).get(tool.id, (0, 0))
        ships += max(tool.vote_ships - cast_ships, tool.starting_ships)
        skips += max(tool.vote_skips - cast_skips, tool.starting_skips)
    return ships, skips


def _count(
    connection: Connection, source: rows.ToolRow, target: rows.ToolRow, balance: tuple[int, int], now: datetime
) -> None:
    verdict = tally(rows.takes_of(connection, [target.id])[target.id])
    cast_ships, cast_skips = rows.cast_votes(connection, [target.id]).get(target.id, (0, 0))
    ships, skips = balance[0] + cast_ships, balance[1] + cast_skips
    values = {
        "vote_ships": ships, "vote_skips": skips, "community_order": community_order(ships, skips),
        "ships": verdict.ships, "skips": verdict.skips, "panel_order": panel_order(verdict.ships, verdict.skips),
        "listed": source.listed or target.listed,
    }  # fmt: skip
    rows.update_tool(connection, target.id, values, now)
