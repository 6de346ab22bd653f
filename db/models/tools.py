"""Tools, the panel's takes, and readers' votes and bookmarks."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

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

    id: Mapped[int] = new_id()
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(index=True)  # folded for matching, see releases/naming.py
    tagline: Mapped[str | None]
    description: Mapped[str | None]
    url: Mapped[str]
    category: Mapped[str]
    pricing: Mapped[str | None]
    entry: Mapped[str | None]
    best_for: Mapped[str | None]
    picture: Mapped[str | None]
    listed: Mapped[bool]  # unlisted tools stay off public pages until they have a take or an editor lists them
    merged_into_id: Mapped[int | None] = ref("tools.id", null=True)
    starting_ships: Mapped[int] = mapped_column(server_default=text("0"))
    starting_skips: Mapped[int] = mapped_column(server_default=text("0"))
    search_text: Mapped[str] = mapped_column(server_default=text("''"))  # folded words of it all, see db/catalogue.py
    # Kept by the verbs that change takes and votes, so that lists sort without joins; orders: tools/catalogue.py.
    ships: Mapped[int] = mapped_column(server_default=text("0"))
    skips: Mapped[int] = mapped_column(server_default=text("0"))
    vote_ships: Mapped[int] = mapped_column(server_default=text("0"))  # starting balance included
    vote_skips: Mapped[int] = mapped_column(server_default=text("0"))
    panel_order: Mapped[int] = mapped_column(server_default=text("-1"))
    community_order: Mapped[int] = mapped_column(server_default=text("-1"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ToolAlias(Base):
    """Another name of a tool, or another address: what releases are matched by."""

    __tablename__ = "tool_aliases"
    __table_args__ = (
        UniqueConstraint("tool_id", "kind", "key"),
        CheckConstraint("kind IN ('name', 'address')", name="kind"),
    )

    id: Mapped[int] = new_id()
    tool_id: Mapped[int] = ref("tools.id", on_delete="CASCADE")
    kind: Mapped[str]
    key: Mapped[str] = mapped_column(index=True)  # folded name or canonical address
    label: Mapped[str]  # as given
    source: Mapped[str]  # url (the tool's own), import, editor, match, merge


class Panelist(Base):
    __tablename__ = "panelists"

    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str]
    position: Mapped[int]


class Take(Base):
    """A panelist's call on a tool. The one with ``replaced_at`` null stands; the others are its history."""

    __tablename__ = "takes"
    __table_args__ = (
        partial_index("uq_takes_current", "tool_id", "panelist", where="replaced_at IS NULL", unique=True),
        checked("call", states.Call),
        CheckConstraint("score IS NULL OR score BETWEEN 0 AND 100", name="score"),
    )  # fmt: skip

    id: Mapped[int] = new_id()
    tool_id: Mapped[int] = ref("tools.id", on_delete="CASCADE")
    panelist: Mapped[str] = mapped_column(ForeignKey("panelists.key"))
    score: Mapped[int | None]
    call: Mapped[str]
    text: Mapped[str]
    author: Mapped[str | None]
    at: Mapped[date | None]  # as the panel dated it
    recorded_at: Mapped[datetime]
    replaced_at: Mapped[datetime | None]


class Vote(Base):
    """``voter`` is ``subscriber:ID`` or ``browser:ID``; one vote each per tool, the last one counts."""

    __tablename__ = "votes"
    __table_args__ = (UniqueConstraint("tool_id", "voter"), checked("call", states.Call))

    id: Mapped[int] = new_id()
    tool_id: Mapped[int] = ref("tools.id", on_delete="CASCADE", index=False)
    voter: Mapped[str] = mapped_column(index=True)
    call: Mapped[str]
    at: Mapped[datetime]


class Bookmark(Base):
    """``reader`` is ``subscriber:ID`` or ``browser:ID``."""

    __tablename__ = "bookmarks"
    __table_args__ = (UniqueConstraint("reader", "tool_id"),)

    id: Mapped[int] = new_id()
    reader: Mapped[str]
    tool_id: Mapped[int] = ref("tools.id", on_delete="CASCADE")
    at: Mapped[datetime]
