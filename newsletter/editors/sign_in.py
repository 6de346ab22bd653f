"""Signing in by a one-time link, and signing out.

A link lives for 15 minutes and works once. The database keeps a hash of its token; the token in the letter is derived
while the letter is sent. A session's token is random and stored as its hash too.
"""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from db import audit, editors, letters, limits
from db.editors import EditorRow
from db.engine import reading, transaction
from db.states import LetterKind
from newsletter.clock import real_now
from newsletter.editors.roles import known_as, no_editor
from newsletter.errors import NotFoundError
from newsletter.settings import Settings, required
from newsletter.subscribers.tokens import hash_token, one_time_token

LINK_LIFE = timedelta(minutes=15)
SESSION_LIFE = timedelta(days=14)
REQUESTS_AN_HOUR = 60  # of a client
LETTERS_AN_HOUR = 15  # to an editor, asked for by one client, who cannot use up
LETTERS_OF_ALL = 60  # what others may ask for


def request_link(engine: Engine, email: str, client: str, settings: Settings, now: datetime) -> None:
    """Mail a link if this is an editor's address. Says nothing either way, so nobody learns who edits.

    Beyond the hourly limits no more letters go out.
    """
    required(settings, "secret_key")
    address = known_as(email)
    with transaction(engine) as connection:
        hour, real = timedelta(hours=1), real_now()
        asked = limits.hit(connection, "sign-in-client", client, hour, real)
        wanted = limits.hit(connection, "sign-in", f"{address} {client}", hour, real)
        if asked > REQUESTS_AN_HOUR or wanted > LETTERS_AN_HOUR:
            return
        editor = editors.find_editor(connection, address)
        if limits.hit(connection, "sign-in-all", address, hour, real) <= LETTERS_OF_ALL and editor is not None:
            sign_in_id, _ = _new_link(connection, editor, settings, now)
            data = {"sign_in_id": sign_in_id}
            letters.add_letter(connection, LetterKind.SIGN_IN, editor.email, data, real, now)


def make_link(engine: Engine, email: str, settings: Settings, now: datetime) -> str:
    """A one-time link for somebody at the command line. Raises NotFoundError for who is no editor."""
    required(settings, "secret_key")
    with transaction(engine) as connection:
        editor = editors.find_editor(connection, known_as(email))
        if editor is None:
            raise no_editor(email)
        _, token = _new_link(connection, editor, settings, now)
        audit.add_audit(connection, "command line", "made a sign-in link", f"editor {editor.email}", now)
    return f"{settings.public_url}/editor/sign-in/{token}"


def is_usable(engine: Engine, token: str, now: datetime) -> bool:
    """Would this link sign somebody in? Changes nothing: mail scanners open every link."""
    with reading(engine) as connection:
        return editors.find_sign_in(connection, hash_token(token), now) is not None


def sign_in(engine: Engine, token: str, now: datetime) -> tuple[EditorRow, str]:
    """Use the link up and open a session; returns who it is and the session's token, which only the cookie keeps.

    Raises NotFoundError when the link is unknown, used or too old, or its editor was put out.
    """
    session = secrets.token_urlsafe(32)
    with transaction(engine) as connection:
        link = editors.find_sign_in(connection, hash_token(token), now)
        if link is None or not editors.use_sign_in(connection, link.id, now):
            raise NotFoundError("this link was used, or is older than 15 minutes; ask for a new one")
        editors.add_session(connection, hash_token(session), link.editor_id, now, now + SESSION_LIFE)
        editor = editors.editor_of_session(connection, hash_token(session), now)
        if editor is None:
            raise NotFoundError("whoever this link was for is no editor any more")
        audit.add_audit(connection, editor.email, "signed in", None, now)
    return editor, session


def who_is(engine: Engine, session: str, now: datetime) -> EditorRow | None:
    """The editor of a session's token."""
    with reading(engine) as connection:
        return editors.editor_of_session(connection, hash_token(session), now)


def sign_out(engine: Engine, session: str) -> None:
    with transaction(engine) as connection:
        editors.end_session(connection, hash_token(session))


def sign_out_everywhere(engine: Engine, editor: EditorRow, now: datetime) -> None:
    """End every session of an editor."""
    with transaction(engine) as connection:
        audit.add_audit(connection, editor.email, "signed out everywhere", None, now)
        editors.end_sessions(connection, editor.id)


def _new_link(connection: Connection, editor: EditorRow, settings: Settings, now: datetime) -> tuple[int, str]:
    assert settings.secret_key
    nonce = secrets.token_bytes(16)
    sign_in_id = editors.add_sign_in(connection, editor.id, nonce, now, now + LINK_LIFE)
    token = one_time_token("sign_in", sign_in_id, nonce, settings.secret_key)
    editors.set_sign_in_token(connection, sign_in_id, hash_token(token))
    return sign_in_id, token
