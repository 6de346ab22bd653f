"""Who may sign in to the editors' room, and what was changed there."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db import states
from db.models.base import Base, checked, new_id, ref


class Editor(Base):
    __tablename__ = "editors"
    __table_args__ = (checked("role", states.Role),)

    id: Mapped[int] = new_id()
    email: Mapped[str] = mapped_column(unique=True)  # folded
    role: Mapped[str]
    panelist: Mapped[str | None] = mapped_column(ForeignKey("panelists.key"))
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class SignIn(Base):
    """A one-time link; like Confirmation, the token itself is not here."""

    __tablename__ = "sign_ins"

    id: Mapped[int] = new_id()
    editor_id: Mapped[int] = ref("editors.id", on_delete="CASCADE")
    nonce: Mapped[bytes]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Session(Base):
    __tablename__ = "sessions"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    editor_id: Mapped[int] = ref("editors.id", on_delete="CASCADE")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class IssueChange(Base):
    """One edit of an issue: who, what, and the arrangement before it, so that it can be undone.

    ``revision`` is the issue's revision after the edit; an editor whose page is older is shown the edits since.
    """

    __tablename__ = "issue_changes"
    __table_args__ = (UniqueConstraint("issue_id", "revision"),)

    id: Mapped[int] = new_id()
    issue_id: Mapped[int] = ref("issues.id", on_delete="CASCADE", index=False)
    revision: Mapped[int]
    at: Mapped[datetime]
    who: Mapped[str]
    what: Mapped[str]
    before: Mapped[dict[str, Any]]
    undone: Mapped[bool] = mapped_column(default=False)
