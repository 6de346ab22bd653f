"""Tools, the panel and its takes.

A tool that was merged into another keeps its row, so that its slug redirects; lists never show it.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, count
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, case, delete, func, insert, literal, or_, select, update

from db.models import Panelist, Take, Tool, ToolAlias, Vote
from db.rows import columns_of, one_row
from db.states import Call
from db.upsert import insert_or

T = TypeVar("T")

_CHUNK = 500
_SEARCHED = 1000


@dataclass(frozen=True, slots=True)
class ToolRow:
    """One tool; ``vote_ships`` and ``vote_skips`` include the starting balance."""

    id: int
    slug: str
    name: str
    tagline: str | None
    description: str | None
    url: str
    category: str
    pricing: str | None
    entry: str | None
    best_for: str | None
    listed: bool
    merged_into_id: int | None
    starting_ships: int
    starting_skips: int
    ships: int
    skips: int
    vote_ships: int
    vote_skips: int
    created_at: datetime
    updated_at: datetime

    @property
    def suits(self) -> str | None:
        """What it is best for; the tagline where nobody said."""
        return self.best_for or self.tagline


@dataclass(frozen=True, slots=True)
class TakeRow:
    """``at`` is the panel's own date of it; ``replaced_at`` is null while it stands."""

    id: int
    tool_id: int
    panelist: str
    score: int | None
    call: str
    text: str
    author: str | None
    at: date | None
    recorded_at: datetime
    replaced_at: datetime | None


@dataclass(frozen=True, slots=True)
class PanelistRow:
    key: str
    name: str
    position: int


@dataclass(frozen=True, slots=True)
class AliasRow:
    """``key`` is what releases are matched by, ``label`` what was given. ``kind`` is name or address. ``source`` is who
    gave it: url, import, match, merge or editor; ``editor:import`` where an editor said it of what an import gave."""

    tool_id: int
    kind: str
    key: str
    label: str
    source: str


TOOL_COLUMNS = columns_of(Tool, ToolRow)
_TAKE_COLUMNS = columns_of(Take, TakeRow)
ALIAS_COLUMNS = columns_of(ToolAlias, AliasRow)


def search_words(*texts: str | None) -> str:
    """Text as search compares it: lower case, without accents and what is invisible, one space between words; 1,000
    bytes at most, since PostgreSQL's indexes take no more than 2,700 of a row."""
    plain = unicodedata.normalize("NFKD", " ".join(text for text in texts if text)).casefold()
    if not plain.isascii():
        plain = "".join(c for c in plain if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")
    folded = " ".join(plain.split())
    return folded.encode()[:_SEARCHED].decode(errors="ignore")


def tool_by_slug(connection: Connection, slug: str) -> ToolRow | None:
    """The tool itself, even if it was merged: see ``merged_into_id``. Any text may be asked for."""
    if "\x00" in slug:
        return None
    return one_row(connection, select(*TOOL_COLUMNS).where(Tool.slug == slug), ToolRow)


def tool_by_id(connection: Connection, tool_id: int) -> ToolRow | None:
    return one_row(connection, select(*TOOL_COLUMNS).where(Tool.id == tool_id), ToolRow)


def standing_tool(connection: Connection, slug: str) -> ToolRow | None:
    """The tool that a slug leads to: itself, or what it was merged into."""
    found = tool_by_slug(connection, slug)
    if found is not None and found.merged_into_id is not None:
        return tool_by_id(connection, found.merged_into_id)
    return found


def lock_tool(connection: Connection, tool_id: int) -> ToolRow | None:
    """The tool, held until the transaction ends, for those who change its counts."""
    return one_row(connection, select(*TOOL_COLUMNS).where(Tool.id == tool_id).with_for_update(), ToolRow)


def tools_by_slug(connection: Connection, slugs: Iterable[str], *, lock: bool = False) -> dict[str, ToolRow]:
    """``lock`` holds them until the transaction ends, always in the same order."""
    found = {}
    for chunk in chunks(sorted(slug for slug in slugs if "\x00" not in slug)):  # PostgreSQL refuses NUL
        wanted = select(*TOOL_COLUMNS).where(Tool.slug.in_(chunk)).order_by(Tool.slug)
        for row in connection.execute(wanted.with_for_update() if lock else wanted):
            found[row.slug] = ToolRow(*row)
    return found


def tools_by_id(connection: Connection, ids: Iterable[int]) -> dict[int, ToolRow]:
    found = {}
    for chunk in chunks(ids):
        for row in connection.execute(select(*TOOL_COLUMNS).where(Tool.id.in_(chunk))):
            found[row.id] = ToolRow(*row)
    return found


def merged_tools(connection: Connection, ids: Iterable[int]) -> dict[int, int]:
    """Of these tools those that were merged into another, with that one."""
    found: dict[int, int] = {}
    for chunk in chunks(ids):
        wanted = select(Tool.id, Tool.merged_into_id).where(Tool.id.in_(chunk), Tool.merged_into_id.is_not(None))
        found |= {row.id: row.merged_into_id for row in connection.execute(wanted)}
    return found


def cast_votes(connection: Connection, ids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """(ships, skips) cast here on each of these tools that has any, without the starting balance."""
    found: dict[int, tuple[int, int]] = {}
    ships = func.sum(case((Vote.call == Call.SHIP, 1), else_=0))
    for chunk in chunks(ids):
        wanted = select(Vote.tool_id, ships, func.count() - ships).where(Vote.tool_id.in_(chunk))
        found |= {row[0]: (int(row[1]), int(row[2])) for row in connection.execute(wanted.group_by(Vote.tool_id))}
    return found


def all_tools(connection: Connection, after_id: int = 0) -> list[ToolRow]:
    """The next thousand tools in the order in which they joined, merged ones left out."""
    wanted = select(*TOOL_COLUMNS).where(Tool.merged_into_id.is_(None), Tool.id > after_id)
    return [ToolRow(*row) for row in connection.execute(wanted.order_by(Tool.id).limit(1000))]


def panel(connection: Connection) -> list[PanelistRow]:
    """The panelists in their order."""
    wanted = select(*columns_of(Panelist, PanelistRow)).order_by(Panelist.position, Panelist.key)
    return [PanelistRow(*row) for row in connection.execute(wanted)]


def add_panelist(connection: Connection, key: str, name: str, position: int) -> None:
    connection.execute(insert(Panelist).values(key=key, name=name, position=position))


def takes_of(connection: Connection, tool_ids: Iterable[int]) -> dict[int, list[TakeRow]]:
    """The takes that stand, in the panel's order. Tools without a take have an empty list."""
    return _takes(connection, tool_ids, Take.replaced_at.is_(None))


def past_takes_of(connection: Connection, tool_ids: Iterable[int]) -> dict[int, list[TakeRow]]:
    """The takes that were replaced, in the panel's order, oldest first."""
    return _takes(connection, tool_ids, Take.replaced_at.is_not(None))


def _takes(connection: Connection, tool_ids: Iterable[int], which: Any) -> dict[int, list[TakeRow]]:
    wanted = list(tool_ids)
    found: dict[int, list[TakeRow]] = {tool_id: [] for tool_id in wanted}
    for chunk in chunks(wanted):
        rows = connection.execute(
            select(*_TAKE_COLUMNS)
            .join(Panelist, Panelist.key == Take.panelist)
            .where(Take.tool_id.in_(chunk), which)
            .order_by(Take.tool_id, Panelist.position, Panelist.key, Take.id)
        )
        for row in rows:
            found[row.tool_id].append(TakeRow(*row))
    return found


def aliases_of(connection: Connection, tool_ids: Iterable[int]) -> dict[int, list[AliasRow]]:
    """Other names and addresses, the tool's own address (source ``url``) among them, in the order given."""
    found: dict[int, list[AliasRow]] = defaultdict(list)
    for chunk in chunks(tool_ids):
        wanted = select(*ALIAS_COLUMNS).where(ToolAlias.tool_id.in_(chunk)).order_by(ToolAlias.id)
        for row in connection.execute(wanted):
            found[row.tool_id].append(AliasRow(*row))
    return found


def free_slug(connection: Connection, wished: str) -> str:
    """The slug, or where a tool has it, the slug with the first number that is free."""
    pattern = wished.replace("%", r"\%").replace("_", r"\_") + "-%"
    alike = select(Tool.slug).where(or_(Tool.slug == wished, Tool.slug.like(pattern, escape="\\")))
    taken = set(connection.scalars(alike))
    numbered = (f"{wished}-{number}" for number in count(2))
    return next(slug for slug in chain([wished], numbered) if slug not in taken)


def add_tools(connection: Connection, rows: Sequence[Mapping[str, Any]], now: datetime) -> list[int]:
    """Insert tools and return their ids in the order given. Every row has the same keys: slug, name, name_key, url,
    category and listed, and any of the optional columns. Aliases and takes are added apart."""
    if not rows:
        return []
    values = [{**row, "search_text": _search_text(row), "created_at": now, "updated_at": now} for row in rows]
    statement = insert(Tool).returning(Tool.id, sort_by_parameter_order=True)
    return list(connection.scalars(statement, values))


def add_tool(
    connection: Connection,
    *,
    slug: str,
    name: str,
    name_key: str,
    url: str,
    address_key: str | None,
    category: str,
    listed: bool,
    now: datetime,
    **optional: Any,
) -> int:
    """Insert one tool with its own address as an alias, where it has one; returns its id. Keys as in ToolAlias.key."""
    row = {"slug": slug, "name": name, "name_key": name_key, "url": url, "category": category, "listed": listed}
    (tool_id,) = add_tools(connection, [row | optional], now)
    if address_key is not None:
        add_aliases(connection, [AliasRow(tool_id, "address", address_key, url, "url")])
    return tool_id


def update_tool(connection: Connection, tool_id: int, values: Mapping[str, Any], now: datetime) -> None:
    """Change columns of a tool. Its search words are renewed by ``renew_search_text``."""
    connection.execute(update(Tool).where(Tool.id == tool_id).values(**values, updated_at=now))


def update_tools(connection: Connection, changes: Iterable[tuple[int, Mapping[str, Any]]], now: datetime) -> None:
    """Change columns of many; those that change the same ones in one statement."""
    alike: dict[frozenset[str], list[dict[str, Any]]] = defaultdict(list)
    for tool_id, values in changes:
        row = {f"its_{name}": value for name, value in values.items()}
        alike[frozenset(values)].append({"of": tool_id, **row})
    for names, rows in alike.items():
        columns: dict[str, Any] = {name: bindparam(f"its_{name}") for name in sorted(names)}
        statement = update(Tool).where(Tool.id == bindparam("of")).values(**columns, updated_at=now)
        connection.execute(statement, rows)


def renew_search_text(connection: Connection, tool_ids: Iterable[int]) -> None:
    """Make tools findable by what they and their aliases are called now."""
    wanted = list(tool_ids)
    aliases = aliases_of(connection, wanted)
    rows = []
    for tool_id, row in tools_by_id(connection, wanted).items():
        names = [alias.label for alias in aliases.get(tool_id, ()) if alias.kind == "name"]
        rows.append({"of": tool_id, "words": search_words(row.name, row.slug, row.category, row.tagline, *names)})
    if rows:
        statement = update(Tool).where(Tool.id == bindparam("of")).values(search_text=bindparam("words"))
        connection.execute(statement, rows)


def add_aliases(connection: Connection, rows: Sequence[AliasRow]) -> None:
    """Those a tool has already are left as they are; a rule of an editor stays one, and is given by these, too."""
    if rows:
        values = [{name: getattr(row, name) for name in AliasRow.__dataclass_fields__} for row in rows]
        statement = insert_or(connection, ToolAlias)
        both = {"source": literal("editor:") + statement.excluded.source}
        here = {"index_elements": ["tool_id", "kind", "key"], "where": ToolAlias.source == "editor"}
        connection.execute(statement.on_conflict_do_update(**here, set_=both), values)


def remove_aliases(connection: Connection, tool_ids: Iterable[int], source: str) -> None:
    """Remove what one source gave: import, url, match or merge. What an editor said of it, too, is the editor's."""
    for chunk in chunks(tool_ids):
        connection.execute(delete(ToolAlias).where(ToolAlias.tool_id.in_(chunk), ToolAlias.source == source))
        said = (ToolAlias.tool_id.in_(chunk), ToolAlias.source == f"editor:{source}")
        connection.execute(update(ToolAlias).where(*said).values(source="editor"))


def add_takes(connection: Connection, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Insert takes (tool_id, panelist, score, call, text, author, at); those of the same panelist must be retired."""
    if rows:
        connection.execute(insert(Take), [{**row, "recorded_at": now, "replaced_at": None} for row in rows])


def retire_takes(connection: Connection, take_ids: Iterable[int], now: datetime) -> None:
    """Make takes history."""
    for chunk in chunks(take_ids):
        connection.execute(update(Take).where(Take.id.in_(chunk)).values(replaced_at=now))


def set_counts(connection: Connection, rows: Sequence[Mapping[str, int]]) -> None:
    """Each row has ``id`` and columns to set among ships, skips, panel_order, vote_ships, vote_skips,
    community_order; every row the same ones."""
    if rows:
        columns = rows[0].keys() - {"id"}
        statement = update(Tool).where(Tool.id == bindparam("of")).values({name: bindparam(name) for name in columns})
        connection.execute(statement, [{"of": row["id"], **{name: row[name] for name in columns}} for row in rows])


def chunks(items: Iterable[T], size: int = _CHUNK) -> Iterable[list[T]]:
    """Lists short enough for one statement's parameters."""
    listed = list(items)
    for start in range(0, len(listed), size):
        yield listed[start : start + size]


def _search_text(row: Mapping[str, Any]) -> str:
    return search_words(row["name"], row["slug"], row["category"], row.get("tagline"))
