"""Feeds, what they showed, and the releases they announced."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db import states
from db.models.base import Base, checked, new_id, partial_index, ref


class Feed(Base):
    __tablename__ = "feeds"
    __table_args__ = (
        checked("kind", states.FeedKind),
        checked("status", states.FeedStatus),
        CheckConstraint("new_tools IN ('queue', 'accept')", name="new_tools"),
    )

    id: Mapped[int] = new_id()
    url: Mapped[str] = mapped_column(unique=True)  # as added, until a permanent redirect
    name: Mapped[str]
    kind: Mapped[str]
    status: Mapped[str]
    tool_id: Mapped[int | None] = ref("tools.id", null=True)
    new_tools: Mapped[str]
    include: Mapped[str | None]
    exclude: Mapped[str | None]
    entry_limit: Mapped[int | None]  # new releases a week
    prereleases: Mapped[bool] = mapped_column(server_default=text("false"))  # are they announced too
    created_at: Mapped[datetime]
    etag: Mapped[str | None]
    last_modified: Mapped[str | None]
    content_hash: Mapped[str | None]
    next_check_at: Mapped[datetime | None] = mapped_column(index=True)
    first_fetched_at: Mapped[datetime | None]
    last_checked_at: Mapped[datetime | None]
    last_ok_at: Mapped[datetime | None]
    last_changed_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    last_error: Mapped[str | None]
    state: Mapped[dict[str, Any] | None]  # what polling learned of its rhythm


class Entry(Base):
    """Everything a feed ever showed, by identity; what was seen once is never new again."""

    __tablename__ = "entries"
    __table_args__ = (
        UniqueConstraint("feed_id", "identity"),
        checked("status", states.EntryStatus),
        partial_index("ix_entries_new", "id", where="status = 'new'"),
        Index("ix_entries_release_id", "release_id"),
        Index("ix_entries_feed_id_link_key", "feed_id", "link_key"),
    )  # fmt: skip

    id: Mapped[int] = new_id()
    feed_id: Mapped[int] = ref("feeds.id", on_delete="CASCADE", index=False)
    identity: Mapped[str]  # see feeds/identity.py
    url: Mapped[str | None]
    link_key: Mapped[str | None]  # the canonical address, null where several entries share it
    title: Mapped[str]
    summary: Mapped[str | None]
    published_at: Mapped[datetime | None]
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    backlog: Mapped[bool] = mapped_column(server_default=text("false"))  # undated, and there before we came
    status: Mapped[str]
    reason: Mapped[str | None]
    release_id: Mapped[int | None] = ref("releases.id", null=True, index=False)


class Release(Base):
    """One announced launch or version. ``issue_id`` makes it part of one issue at most."""

    __tablename__ = "releases"
    __table_args__ = (
        checked("status", states.ReleaseStatus),
        Index("ix_releases_week_status", "week", "status"),
        Index("ix_releases_status_id", "status", "id"),
    )

    id: Mapped[int] = new_id()
    feed_id: Mapped[int | None] = ref("feeds.id", null=True, on_delete="SET NULL")  # the first that showed it
    tool_id: Mapped[int | None] = ref("tools.id", null=True)
    issue_id: Mapped[int | None] = ref("issues.id", null=True)
    url: Mapped[str]
    canonical_url: Mapped[str] = mapped_column(index=True)
    title: Mapped[str]
    name: Mapped[str]
    tagline: Mapped[str | None]
    version: Mapped[str | None]
    summary: Mapped[str | None]
    published_at: Mapped[datetime | None]  # null without a believable date; once stored it never moves
    first_seen_at: Mapped[datetime] = mapped_column(index=True)
    week: Mapped[str | None]  # 2026-W47; null when back-filled
    late: Mapped[bool] = mapped_column(server_default=text("false"))
    status: Mapped[str]
    matched_at: Mapped[datetime | None]
    match_score: Mapped[float | None]
    match_reason: Mapped[str | None]
    candidates: Mapped[list[Any] | None] = mapped_column(JSON)  # [{"tool", "score", "reason"}] for unsure ones
