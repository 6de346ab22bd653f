"""Record one panelist's take; the one it replaces stays as history."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Engine

from db import tools as rows
from db.engine import transaction
from newsletter.errors import BadInputError
from newsletter.named import tool_named
from newsletter.tools.catalogue import panel_order
from newsletter.tools.reading import GivenTake
from newsletter.verdicts.tally import Verdict, tally


@dataclass(frozen=True, slots=True)
class RecordReport:
    """The tool's verdict before and after; ``replaced`` tells whether the panelist had said something else."""

    before: Verdict
    after: Verdict
    replaced: bool


def record_take(engine: Engine, slug: str, take: GivenTake, now: datetime) -> RecordReport:
    """Make ``take`` the one that stands. Saying the same again changes nothing.

    Raises NotFoundError for an unknown tool, BadInputError for a panelist who is not on the panel.
    """
    with transaction(engine) as connection:
        tool = rows.lock_tool(connection, tool_named(connection, slug).id)
        assert tool is not None, "no tool's row is ever deleted"
        if take.panelist not in {member.key for member in rows.panel(connection)}:
            raise BadInputError(f"{take.panelist!r} is not on the panel")
        standing = rows.takes_of(connection, [tool.id])[tool.id]
        old = next((one for one in standing if one.panelist == take.panelist), None)
        before = tally(standing)
        if old is not None and _says(old) == _says(take):
            return RecordReport(before, before, replaced=False)
        rows.retire_takes(connection, [old.id] if old else [], now)
        values = dict(zip(("call", "score", "text", "at", "author"), _says(take), strict=True))
        rows.add_takes(connection, [{"tool_id": tool.id, "panelist": take.panelist, **values}], now)
        after = tally(rows.takes_of(connection, [tool.id])[tool.id])
        counts = {"ships": after.ships, "skips": after.skips, "panel_order": panel_order(after.ships, after.skips)}
        listed = tool.listed or not standing  # what has a take is shown, unless an editor took it off since
        rows.update_tool(connection, tool.id, {**counts, "listed": listed}, now)
    return RecordReport(before, after, replaced=old is not None)


def _says(take: GivenTake | rows.TakeRow) -> tuple[str, int | None, str, date | None, str | None]:
    return take.call, take.score, take.text, take.at, take.author
