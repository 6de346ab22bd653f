"""Tools, the panel's takes, and readers' votes and bookmarks."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Column, ColumnElement, ForeignKey, Index, String, UniqueConstraint, text

from db import states
from db.models.base import Base, checked, new_id, partial_index, ref


class Tool(Base):
    """``id`` is the order in which tools joined the catalogue. A merged tool keeps its row, so its slug redirects."""

    __tablename__ = "tools"
    __table_args__ = (
        Index("ix_tools_listed_category", "listed", "category"),
        # Each sorting is answered by its index alone, filters and search included: the rows are wide.
        Index("ix_tools_by_panel", "listed", "panel_order", "id", "ships", "skips", "category", "search_text"),
        Index("ix_tools_by_community", "listed", "community_order", "id", "ships", "skips", "category", "search_text"),
        Index("ix_tools_by_age", "listed", "id", "ships", "skips", "category", "search_text"),
    )

    id: ColumnElement[int] = new_id()
    slug: ColumnElement[str] = Column(unique=True)
    name: ColumnElement[str]
    name_key: ColumnElement[str] = Column(index=True)  # folded for matching, see releases/naming.py
    tagline: ColumnElement[str | None]
    description: ColumnElement[str | None]
    url: ColumnElement[str]
    category: ColumnElement[str]
    pricing: ColumnElement[str | None]
    entry: ColumnElement[str | None]
    best_for: ColumnElement[str | None]
    listed: ColumnElement[bool]  # unlisted tools stay off public pages until they have a take or an editor lists them
    merged_into_id: ColumnElement[int | None] = ref("tools.id")
    starting_ships: ColumnElement[int] = Column(server_default=text("0"))
    starting_skips: ColumnElement[int] = Column(server_default=text("0"))
    search_text: ColumnElement[str] = Column(server_default=text("''"))  # folded words of it all, see db/tools.py
    # Kept by the verbs that change takes and votes, so that lists sort without joins; orders: tools/catalogue.py.
    ships: ColumnElement[int] = Column(server_default=text("0"))
    skips: ColumnElement[int] = Column(server_default=text("0"))
    vote_ships: ColumnElement[int] = Column(server_default=text("0"))  # starting balance included
    vote_skips: ColumnElement[int] = Column(server_default=text("0"))
    panel_order: ColumnElement[int] = Column(server_default=text("-1"))
    community_order: ColumnElement[int] = Column(server_default=text("-1"))
    created_at: ColumnElement[datetime]
    updated_at: ColumnElement[datetime]


class ToolAlias(Base):
    """Another name of a tool, or another address: what releases are matched by."""

    __tablename__ = "tool_aliases"
    __table_args__ = (
        UniqueConstraint("tool_id", "kind", "key"),
        CheckConstraint("kind IN ('name', 'address')", name="kind"),
    )

    id: ColumnElement[int] = new_id()
    tool_id: ColumnElement[int] = ref("tools.id", on_delete="CASCADE")
    kind: ColumnElement[str]
    key: ColumnElement[str] = Column(index=True)  # folded name or canonical address
    label: ColumnElement[str]  # as given
    source: ColumnElement[str]  # url (the tool's own), import, editor, match, merge; editor:import is both


class Panelist(Base):
    __tablename__ = "panelists"

    key: ColumnElement[str] = Column(String(40), primary_key=True)
    name: ColumnElement[str]
    position: ColumnElement[int]


class Take(Base):
    """A panelist's call on a tool. The one with ``replaced_at`` null stands; the others are its history."""

    __tablename__ = "takes"
    __table_args__ = (
        partial_index("uq_takes_current", "tool_id", "panelist", where="replaced_at IS NULL", unique=True),
        checked("call", states.Call),
        CheckConstraint("score IS NULL OR score BETWEEN 0 AND 100", name="score"),
    )  # fmt: skip

    id: ColumnElement[int] = new_id()
    tool_id: ColumnElement[int] = ref("tools.id", on_delete="CASCADE")
    panelist: ColumnElement[str] = Column(ForeignKey("panelists.key"))
    score: ColumnElement[int | None]
    call: ColumnElement[str]
    text: ColumnElement[str]
    author: ColumnElement[str | None]
    at: ColumnElement[date | None]  # as the panel dated it
    recorded_at: ColumnElement[datetime]
    replaced_at: ColumnElement[datetime | None]


class Vote(Base):
    """``voter`` is ``subscriber:ID`` or ``browser:ID``; one vote each per tool, the last one counts."""

    __tablename__ = "votes"
    __table_args__ = (UniqueConstraint("tool_id", "voter"), checked("call", states.Call))

    id: ColumnElement[int] = new_id()
    tool_id: ColumnElement[int] = ref("tools.id", on_delete="CASCADE", index=False)
    voter: ColumnElement[str] = Column(index=True)
    call: ColumnElement[str]
    at: ColumnElement[datetime]


class Bookmark(Base):
    """``reader`` is ``subscriber:ID`` or ``browser:ID``."""

    __tablename__ = "bookmarks"
    __table_args__ = (UniqueConstraint("reader", "tool_id"),)

    id: ColumnElement[int] = new_id()
    reader: ColumnElement[str]
    tool_id: ColumnElement[int] = ref("tools.id", on_delete="CASCADE")
    at: ColumnElement[datetime]
