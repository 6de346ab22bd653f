"""Who may sign in to the editors' room."""

from datetime import datetime

from sqlalchemy import ForeignKey
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
