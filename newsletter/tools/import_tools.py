"""Take a file of tools and takes into the catalogue: all of it, or, when anything is wrong with it, nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from db import tools as rows
from db.engine import alone, transaction
from newsletter.errors import BadInputError
from newsletter.tools.field_values import Fault
from newsletter.tools.planning import Change, Known, faults_of, new_panelists, plan
from newsletter.tools.reading import GivenTool, read_tools

_FAULTS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class ImportReport:
    """Counts of tools and takes; ``panelists`` are those who joined the panel with this file."""

    created: int
    updated: int
    unchanged: int
    new_takes: int
    replaced_takes: int
    panelists: tuple[str, ...]


def import_tools(engine: Engine, text: str, now: datetime, *, dry_run: bool = False) -> ImportReport:
    """Create and update the file's tools. With ``dry_run`` nothing is stored.

    Raises BadInputError with the place of every fault; then nothing of the file is stored.
    """
    file = read_tools(text)
    with transaction(engine) as connection:
        alone(connection, "importing tools")
        panel = [member.key for member in rows.panel(connection)]
        known = _known(connection, file.tools)
        faults = [*file.faults, *faults_of(file.tools, known, panel)]
        if faults:
            raise BadInputError(_said(faults))
        joining = new_panelists(file.tools, panel)
        changes = [plan(tool, known.get(tool.slug)) for tool in file.tools]
        if not dry_run:
            _seat(connection, joining)
            _apply(connection, [change for change in changes if not change.is_empty], now)
    return _report(file.tools, changes, joining)


def _said(faults: Sequence[Fault]) -> str:
    shown = "; ".join(str(fault) for fault in faults[:_FAULTS_SHOWN])
    more = f"; and {len(faults) - _FAULTS_SHOWN} more" if len(faults) > _FAULTS_SHOWN else ""
    return f"nothing was stored. {shown}{more}"


def _known(connection: Connection, given: Sequence[GivenTool]) -> dict[str, Known]:
    tools = rows.tools_by_slug(connection, [tool.slug for tool in given], lock=True)
    ids = [tool.id for tool in tools.values()]
    takes, aliases = rows.takes_of(connection, ids), rows.aliases_of(connection, ids)
    merged = [tool.slug for tool in given if tool.merged_votes != (None, None)]
    cast = rows.cast_votes(connection, [tools[slug].id for slug in merged if slug in tools])
    known = {}
    for slug, tool in tools.items():
        sources = {(alias.kind, alias.key): alias.source for alias in aliases.get(tool.id, ())}
        imported = frozenset(key for key, source in sources.items() if source in ("import", "editor:import"))
        others = frozenset(key for key, source in sources.items() if source != "editor") - imported
        known[slug] = Known(tool, takes[tool.id], imported, others, cast.get(tool.id, (0, 0)))
    return known


def _seat(connection: Connection, joining: Sequence[str]) -> None:
    seats = max((member.position for member in rows.panel(connection)), default=-1) + 1
    for position, key in enumerate(joining, seats):
        rows.add_panelist(connection, key, key.replace("_", " ").replace("-", " ").capitalize(), position)


def _apply(connection: Connection, changes: Sequence[Change], now: datetime) -> None:
    new = [change for change in changes if change.tool_id is None]
    added = rows.add_tools(connection, [{"slug": change.slug, **change.columns} for change in new], now)
    ids = {change.slug: change.tool_id for change in changes if change.tool_id is not None}
    ids |= dict(zip((change.slug for change in new), added, strict=True))
    rows.update_tools(connection, [(c.tool_id, c.columns) for c in changes if c.tool_id is not None], now)
    _apply_aliases(connection, changes, ids)
    _apply_takes(connection, changes, ids, now)
    rows.renew_search_text(connection, ids.values())


def _apply_aliases(connection: Connection, changes: Sequence[Change], ids: dict[str, int]) -> None:
    moved = [change for change in changes if change.address is not None]
    renamed = [change for change in changes if change.aliases is not None]
    rows.remove_aliases(connection, [ids[change.slug] for change in moved if change.tool_id], "url")
    rows.remove_aliases(connection, [ids[change.slug] for change in renamed if change.tool_id], "import")
    own = [rows.AliasRow(ids[c.slug], "address", c.address[0], c.address[1], "url") for c in moved if c.address]
    given = [
        rows.AliasRow(ids[change.slug], kind, key, label, "import")
        for change in renamed
        for kind, key, label in change.aliases or ()
    ]
    rows.add_aliases(connection, own + given)


def _apply_takes(connection: Connection, changes: Sequence[Change], ids: dict[str, int], now: datetime) -> None:
    rows.retire_takes(connection, [take_id for change in changes for take_id in change.retired], now)
    new: list[dict[str, Any]] = [
        {
            "tool_id": ids[change.slug], "panelist": take.panelist, "score": take.score, "call": take.call,
            "text": take.text, "author": take.author, "at": take.at,
        }
        for change in changes
        for take in change.new_takes
    ]  # fmt: skip
    rows.add_takes(connection, new, now)


def _report(tools: Sequence[GivenTool], changes: Sequence[Change], joining: Sequence[str]) -> ImportReport:
    created = sum(change.tool_id is None for change in changes)
    unchanged = sum(change.is_empty for change in changes)
    retired = sum(len(change.retired) for change in changes)
    added = sum(len(change.new_takes) for change in changes) - retired
    return ImportReport(
        created, len(tools) - created - unchanged, unchanged, added, retired, tuple(joining)
    )  # fmt: skip
