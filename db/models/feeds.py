"""Feeds, what they showed, and the releases they announced."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, ColumnElement, Index, UniqueConstraint, text

from db import states
from db.models.base import Base, checked, new_id, partial_index, ref


class Feed(Base):
    __tablename__ = "feeds"
    __table_args__ = (
        checked("kind", states.FeedKind),
        checked("status", states.FeedStatus),
        CheckConstraint("new_tools IN ('queue', 'accept')", name="new_tools"),
    )

    id: ColumnElement[int] = new_id()
    url: ColumnElement[str] = Column(unique=True)  # as added, until a permanent redirect
    name: ColumnElement[str]
    kind: ColumnElement[str]
    status: ColumnElement[str]
    tool_id: ColumnElement[int | None] = ref("tools.id")
    new_tools: ColumnElement[str]
    include: ColumnElement[str | None]
    exclude: ColumnElement[str | None]
    entry_limit: ColumnElement[int | None]  # new releases a week
    prereleases: ColumnElement[bool] = Column(server_default=text("false"))  # are they announced too
    created_at: ColumnElement[datetime]
    etag: ColumnElement[str | None]
    last_modified: ColumnElement[str | None]
    content_hash: ColumnElement[str | None]
    next_check_at: ColumnElement[datetime | None] = Column(index=True)
    first_fetched_at: ColumnElement[datetime | None]
    last_checked_at: ColumnElement[datetime | None]
    last_ok_at: ColumnElement[datetime | None]
    last_changed_at: ColumnElement[datetime | None]
    failures: ColumnElement[int] = Column(server_default=text("0"))
    last_error: ColumnElement[str | None]
    state: ColumnElement[dict[str, Any] | None]  # what polling learned of its rhythm


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

    id: ColumnElement[int] = new_id()
    feed_id: ColumnElement[int] = ref("feeds.id", on_delete="CASCADE", index=False)
    identity: ColumnElement[str]  # see feeds/identity.py
    url: ColumnElement[str | None]
    link_key: ColumnElement[str | None]  # the canonical address, null where several entries share it
    title: ColumnElement[str]
    summary: ColumnElement[str | None]
    published_at: ColumnElement[datetime | None]
    first_seen_at: ColumnElement[datetime]
    backlog: ColumnElement[bool] = Column(server_default=text("false"))  # undated, and there before we came
    status: ColumnElement[str]
    reason: ColumnElement[str | None]
    release_id: ColumnElement[int | None] = ref("releases.id", index=False)


class Release(Base):
    """One announced launch or version. ``issue_id`` makes it part of one issue at most."""

    __tablename__ = "releases"
    __table_args__ = (
        checked("status", states.ReleaseStatus),
        Index("ix_releases_week_status", "week", "status"),
        Index("ix_releases_status_id", "status", "id"),
    )

    id: ColumnElement[int] = new_id()
    feed_id: ColumnElement[int | None] = ref("feeds.id", on_delete="SET NULL")  # the first that showed it
    tool_id: ColumnElement[int | None] = ref("tools.id")
    issue_id: ColumnElement[int | None] = ref("issues.id")
    url: ColumnElement[str]
    canonical_url: ColumnElement[str] = Column(index=True)
    title: ColumnElement[str]
    name: ColumnElement[str]
    tagline: ColumnElement[str | None]
    version: ColumnElement[str | None]
    summary: ColumnElement[str | None]
    published_at: ColumnElement[datetime | None]  # null without a believable date; once stored it never moves
    first_seen_at: ColumnElement[datetime] = Column(index=True)
    week: ColumnElement[str | None]  # 2026-W47; null when back-filled
    late: ColumnElement[bool] = Column(server_default=text("false"))
    status: ColumnElement[str]
    matched_at: ColumnElement[datetime | None]
    match_reason: ColumnElement[str | None]
    candidates: ColumnElement[list[Any] | None] = Column(JSON)  # [{"tool", "score", "reason"}] for unsure ones
