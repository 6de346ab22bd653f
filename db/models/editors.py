"""Who may sign in to the editors' room, and what was changed there."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, ForeignKey, UniqueConstraint

from db import states
from db.models.base import Base, checked, new_id, ref


class Editor(Base):
    __tablename__ = "editors"
    __table_args__ = (checked("role", states.Role),)

    id: ColumnElement[int] = new_id()
    email: ColumnElement[str] = Column(unique=True)  # folded
    role: ColumnElement[str]
    panelist: ColumnElement[str | None] = Column(ForeignKey("panelists.key"))
    created_at: ColumnElement[datetime]
    removed_at: ColumnElement[datetime | None]


class SignIn(Base):
    """A one-time link; like Confirmation, the token itself is not here."""

    __tablename__ = "sign_ins"

    id: ColumnElement[int] = new_id()
    editor_id: ColumnElement[int] = ref("editors.id", on_delete="CASCADE")
    nonce: ColumnElement[bytes]
    token_hash: ColumnElement[bytes] = Column(unique=True)
    created_at: ColumnElement[datetime]
    expires_at: ColumnElement[datetime]
    used_at: ColumnElement[datetime | None]


class Session(Base):
    __tablename__ = "sessions"

    token_hash: ColumnElement[bytes] = Column(primary_key=True)
    editor_id: ColumnElement[int] = ref("editors.id", on_delete="CASCADE")
    created_at: ColumnElement[datetime]
    expires_at: ColumnElement[datetime]


class IssueChange(Base):
    """One edit of an issue: who, what, and the arrangement before it, so that it can be undone.

    ``revision`` is the issue's revision after the edit; an editor whose page is older is shown the edits since.
    """

    __tablename__ = "issue_changes"
    __table_args__ = (UniqueConstraint("issue_id", "revision"),)

    id: ColumnElement[int] = new_id()
    issue_id: ColumnElement[int] = ref("issues.id", on_delete="CASCADE", index=False)
    revision: ColumnElement[int]
    at: ColumnElement[datetime]
    who: ColumnElement[str]
    what: ColumnElement[str]
    before: ColumnElement[dict[str, Any]]
    undone: ColumnElement[bool] = Column(default=False)
