"""Editors, their one-time links and their sessions."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from db.models import Editor, Session, SignIn
from db.rows import columns_of, one_row
from db.states import Role
from db.upsert import insert_or


class EditorRow(NamedTuple):
    """Somebody who may enter. ``email`` is as it is compared; ``panelist`` is the one whose takes they may enter."""

    id: int
    email: str
    role: str
    panelist: str | None


class SignInRow(NamedTuple):
    id: int
    editor_id: int
    expires_at: datetime


_EDITOR = columns_of(Editor, EditorRow)


def save_editor(connection: Connection, email: str, role: Role, panelist: str | None, now: datetime) -> int:
    """Add an editor, or give one who is there (or was removed) this role."""
    row = {"email": email, "role": role, "panelist": panelist, "created_at": now}
    statement = insert_or(connection, Editor).values(row)
    statement = statement.on_conflict_do_update(
        index_elements=[Editor.email], set_={"role": role, "panelist": panelist, "removed_at": None}
    )
    return int(connection.execute(statement.returning(Editor.id)).scalar_one())


def list_editors(connection: Connection) -> list[EditorRow]:
    wanted = select(*_EDITOR).where(Editor.removed_at.is_(None)).order_by(Editor.email)
    return [EditorRow(*row) for row in connection.execute(wanted)]


def find_editor(connection: Connection, email: str) -> EditorRow | None:
    """Takes the address as it is compared."""
    wanted = select(*_EDITOR).where(Editor.email == email, Editor.removed_at.is_(None))
    return one_row(connection, wanted, EditorRow)


def remove_editor(connection: Connection, editor_id: int, now: datetime) -> None:
    """They are signed out everywhere, and their links stop working."""
    connection.execute(update(Editor).where(Editor.id == editor_id).values(removed_at=now))
    connection.execute(delete(SignIn).where(SignIn.editor_id == editor_id))
    end_sessions(connection, editor_id)


def add_sign_in(connection: Connection, editor_id: int, nonce: bytes, now: datetime, expires_at: datetime) -> int:
    """A link that is not usable yet: its token depends on its id, and ``set_sign_in_token`` follows."""
    row = {
        "editor_id": editor_id, "nonce": nonce, "token_hash": nonce, "created_at": now, "expires_at": expires_at,
    }  # fmt: skip
    return int(connection.execute(insert(SignIn).values(row).returning(SignIn.id)).scalar_one())


def set_sign_in_token(connection: Connection, sign_in_id: int, token_hash: bytes) -> None:
    connection.execute(update(SignIn).where(SignIn.id == sign_in_id).values(token_hash=token_hash))


def sign_in_nonce(connection: Connection, sign_in_id: int) -> bytes | None:
    """What the link's token is derived from, while its letter is sent."""
    found: bytes | None = connection.execute(select(SignIn.nonce).where(SignIn.id == sign_in_id)).scalar()
    return found


def find_sign_in(connection: Connection, token_hash: bytes, now: datetime) -> SignInRow | None:
    """The link that can still be used."""
    wanted = select(SignIn.id, SignIn.editor_id, SignIn.expires_at).where(
        SignIn.token_hash == token_hash, SignIn.used_at.is_(None), SignIn.expires_at > now
    )
    return one_row(connection, wanted, SignInRow)


def use_sign_in(connection: Connection, sign_in_id: int, now: datetime) -> bool:
    """Use the link up; False when somebody else was faster."""
    statement = update(SignIn).where(SignIn.id == sign_in_id, SignIn.used_at.is_(None)).values(used_at=now)
    return connection.execute(statement).rowcount == 1


def add_session(connection: Connection, token_hash: bytes, editor_id: int, now: datetime, expires_at: datetime) -> None:
    row = {"token_hash": token_hash, "editor_id": editor_id, "created_at": now, "expires_at": expires_at}
    connection.execute(insert(Session).values(row))
    connection.execute(delete(Session).where(Session.expires_at < now))


def editor_of_session(connection: Connection, token_hash: bytes, now: datetime) -> EditorRow | None:
    wanted = (
        select(*_EDITOR)
        .join(Session, Session.editor_id == Editor.id)
        .where(Session.token_hash == token_hash, Session.expires_at > now, Editor.removed_at.is_(None))
    )
    return one_row(connection, wanted, EditorRow)


def end_session(connection: Connection, token_hash: bytes) -> None:
    connection.execute(delete(Session).where(Session.token_hash == token_hash))


def end_sessions(connection: Connection, editor_id: int) -> None:
    """Sign an editor out everywhere."""
    connection.execute(delete(Session).where(Session.editor_id == editor_id))
