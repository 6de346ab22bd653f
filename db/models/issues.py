"""Issues: drafts, their arrangement, and what an approval froze."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db import states
from db.models.base import Base, Id, checked, new_id, ref


class Issue(Base):
    """One weekly number. ``revision`` counts changes: an edit names the revision it was made on."""

    __tablename__ = "issues"
    __table_args__ = (checked("status", states.IssueStatus), {"sqlite_autoincrement": True})

    id: Mapped[int] = new_id()
    week: Mapped[str] = mapped_column(unique=True)
    number: Mapped[int]  # 1 for the first issue
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    status: Mapped[str]
    revision: Mapped[int] = mapped_column(server_default=text("1"))
    subject: Mapped[str | None]  # null: proposed from the content
    preheader: Mapped[str | None]
    intro: Mapped[str | None]  # Markdown
    composed_at: Mapped[datetime]
    composed_of: Mapped[str | None]  # SHA-256 of the tools, takes, votes and releases that composing found
    updated_at: Mapped[datetime]
    approved_at: Mapped[datetime | None]
    approved_by: Mapped[str | None]
    send_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]  # also the messages' Date
    finished_at: Mapped[datetime | None]
    pause_reason: Mapped[str | None]
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))  # what editors chose beside the items


class EmptyWeek(Base):
    """A week that was over and had nothing when it was composed: what is seen of it afterwards is late all the same."""

    __tablename__ = "empty_weeks"

    week: Mapped[str] = mapped_column(String(8), primary_key=True)
    composed_at: Mapped[datetime]


class IssueItem(Base):
    """A tool in an issue. ``position`` is null while the rule orders it; an editor's order is kept."""

    __tablename__ = "issue_items"
    __table_args__ = (UniqueConstraint("issue_id", "tool_id"),)

    id: Mapped[int] = new_id()
    issue_id: Mapped[int] = ref("issues.id", on_delete="CASCADE", index=False)
    tool_id: Mapped[int] = ref("tools.id")
    position: Mapped[int | None]
    dropped: Mapped[bool] = mapped_column(server_default=text("false"))
    note: Mapped[str | None]  # an editor's line, Markdown
    added_by: Mapped[str | None]  # an editor, or null for the rule
    added_at: Mapped[datetime]


class IssueComparison(Base):
    """The head-to-head pairs of an issue, chosen by the rule or (``chosen_by``) an editor."""

    __tablename__ = "issue_comparisons"
    __table_args__ = (UniqueConstraint("issue_id", "left_tool_id", "right_tool_id"),)

    id: Mapped[int] = new_id()
    issue_id: Mapped[int] = ref("issues.id", on_delete="CASCADE", index=False)
    left_tool_id: Mapped[int] = ref("tools.id")
    right_tool_id: Mapped[int] = ref("tools.id")
    chosen_by: Mapped[str | None]


class IssueVerdict(Base):
    """What an approved issue says of a tool, so that a later one can say what changed since."""

    __tablename__ = "issue_verdicts"
    __table_args__ = (UniqueConstraint("issue_id", "tool_id"),)

    id: Mapped[int] = new_id()
    issue_id: Mapped[int] = ref("issues.id", on_delete="CASCADE", index=False)
    tool_id: Mapped[int] = ref("tools.id")
    call: Mapped[str | None]
    ship_percent: Mapped[int | None]
    pricing: Mapped[str | None]
    calls: Mapped[dict[str, Any]]  # panelist -> ship or skip


class IssueContent(Base):
    """What an approval froze: enough to make the same bytes again years later.

    ``content`` is the document that issues/freezing.py writes and reads: values, blocks, subject bytes, boundary, From,
    Reply-To, List-*, public URL, postal address, compiler version, blocks in order with their rules.
    ``segments`` are the blocks' encoded bytes.
    """

    __tablename__ = "issue_contents"

    issue_id: Mapped[int] = mapped_column(Id, ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True)
    content_hash: Mapped[str]
    content: Mapped[dict[str, Any]]
    segments: Mapped[bytes]
    frozen_at: Mapped[datetime]


class IssueApproval(Base):
    """What was approved once, kept after an edit voided it, so that the next approval can be compared with it.

    ``content`` is the document of an issue's values alone; see issues/values.py.
    """

    __tablename__ = "issue_approvals"

    id: Mapped[int] = new_id()
    issue_id: Mapped[int] = ref("issues.id", on_delete="CASCADE")
    at: Mapped[datetime]
    who: Mapped[str]
    content_hash: Mapped[str]
    content: Mapped[dict[str, Any]]
