"""Issues: drafts, their arrangement, and what an approval froze."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, ForeignKey, String, UniqueConstraint, text

from db import states
from db.models.base import Base, Id, checked, new_id, ref


class Issue(Base, sqlite_autoincrement=True):
    """One weekly number. ``revision`` counts changes: an edit names the revision it was made on."""

    __tablename__ = "issues"
    __table_args__ = (checked("status", states.IssueStatus),)

    id: ColumnElement[int] = new_id()
    week: ColumnElement[str] = Column(unique=True)
    number: ColumnElement[int]  # 1 for the first issue
    starts_at: ColumnElement[datetime]
    ends_at: ColumnElement[datetime]
    status: ColumnElement[str]
    revision: ColumnElement[int] = Column(server_default=text("1"))
    subject: ColumnElement[str | None]  # null: proposed from the content
    preheader: ColumnElement[str | None]
    intro: ColumnElement[str | None]  # Markdown
    composed_at: ColumnElement[datetime]
    composed_of: ColumnElement[str | None]  # SHA-256 of the tools, takes, votes and releases that composing found
    updated_at: ColumnElement[datetime]
    approved_at: ColumnElement[datetime | None]
    approved_by: ColumnElement[str | None]
    send_at: ColumnElement[datetime | None]
    started_at: ColumnElement[datetime | None]  # also the messages' Date
    finished_at: ColumnElement[datetime | None]
    pause_reason: ColumnElement[str | None]
    trouble: ColumnElement[str | None]  # why a sending could not begin or go on when it was last tried
    settings: ColumnElement[dict[str, Any]] = Column(server_default=text("'{}'"))  # what editors chose beside the items


class EmptyWeek(Base):
    """A week that was over and had nothing when it was composed: what is seen of it afterwards is late all the same."""

    __tablename__ = "empty_weeks"

    week: ColumnElement[str] = Column(String(8), primary_key=True)
    composed_at: ColumnElement[datetime]


class IssueItem(Base):
    """A tool in an issue. ``position`` is null while the rule orders it; an editor's order is kept."""

    __tablename__ = "issue_items"
    __table_args__ = (UniqueConstraint("issue_id", "tool_id"),)

    id: ColumnElement[int] = new_id()
    issue_id: ColumnElement[int] = ref("issues.id", on_delete="CASCADE", index=False)
    tool_id: ColumnElement[int] = ref("tools.id")
    position: ColumnElement[int | None]
    dropped: ColumnElement[bool] = Column(server_default=text("false"))
    note: ColumnElement[str | None]  # an editor's line, Markdown
    added_by: ColumnElement[str | None]  # an editor, or null for the rule
    added_at: ColumnElement[datetime]


class IssueComparison(Base):
    """The head-to-head pairs of an issue, chosen by the rule or (``chosen_by``) an editor."""

    __tablename__ = "issue_comparisons"
    __table_args__ = (UniqueConstraint("issue_id", "left_tool_id", "right_tool_id"),)

    id: ColumnElement[int] = new_id()
    issue_id: ColumnElement[int] = ref("issues.id", on_delete="CASCADE", index=False)
    left_tool_id: ColumnElement[int] = ref("tools.id")
    right_tool_id: ColumnElement[int] = ref("tools.id")
    chosen_by: ColumnElement[str | None]


class IssueVerdict(Base):
    """What an approved issue says of a tool, so that a later one can say what changed since."""

    __tablename__ = "issue_verdicts"
    __table_args__ = (UniqueConstraint("issue_id", "tool_id"),)

    id: ColumnElement[int] = new_id()
    issue_id: ColumnElement[int] = ref("issues.id", on_delete="CASCADE", index=False)
    tool_id: ColumnElement[int] = ref("tools.id")
    call: ColumnElement[str | None]
    ship_percent: ColumnElement[int | None]
    pricing: ColumnElement[str | None]
    calls: ColumnElement[dict[str, Any]]  # panelist -> ship or skip


class IssueContent(Base):
    """What an approval froze: enough to make the same bytes again years later.

    ``content`` is the document that issues/freezing.py writes and reads: the values; of the message its subject, its
    blocks in order with their rules, and who it is from (From, Reply-To, public URL, postal address); link key and
    compiler version. ``segments`` are the blocks' encoded bytes.
    """

    __tablename__ = "issue_contents"

    issue_id: ColumnElement[int] = Column(Id, ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True)
    content_hash: ColumnElement[str]
    content: ColumnElement[dict[str, Any]]
    segments: ColumnElement[bytes]
    frozen_at: ColumnElement[datetime]


class IssueApproval(Base):
    """What was approved once, kept after an edit voided it, so that the next approval can be compared with it.

    ``content`` is the document of an issue's values alone; see issues/values.py.
    """

    __tablename__ = "issue_approvals"

    id: ColumnElement[int] = new_id()
    issue_id: ColumnElement[int] = ref("issues.id", on_delete="CASCADE")
    at: ColumnElement[datetime]
    who: ColumnElement[str]
    content_hash: ColumnElement[str]
    content: ColumnElement[dict[str, Any]]
