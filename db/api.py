"""The API's own memory: tokens of programs, and answers given under idempotency keys; and its pages of lists."""

import json
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, delete, select, update

from db.models import ApiRequest, ApiToken, Tool
from db.rows import columns_of
from db.upsert import insert_or

KEPT = timedelta(hours=24)
UNDER_WAY = timedelta(minutes=10)


class TokenRow(NamedTuple):
    id: int
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None


class Remembered(NamedTuple):
    """``status`` is None while the first request is under way."""

    fingerprint: str
    status: int | None
    answer: bytes | None


_COLUMNS = columns_of(ApiToken, TokenRow)


def add_token(
    connection: Connection, name: str, token_hash: bytes, scopes: list[str], now: datetime, expires_at: datetime | None
) -> bool:
    """False where the name is taken, revoked or not: logs and audit lines name tokens."""
    values = {"name": name, "token_hash": token_hash, "scopes": scopes, "created_at": now, "expires_at": expires_at}
    statement = insert_or(connection, ApiToken).values(**values).on_conflict_do_nothing(index_elements=[ApiToken.name])
    return connection.execute(statement.returning(ApiToken.id)).first() is not None


def valid_token(connection: Connection, token_hash: bytes, now: datetime) -> TokenRow | None:
    """The token, unless it is revoked or has run out. ``now`` is real time."""
    row = connection.execute(select(*_COLUMNS).where(ApiToken.token_hash == token_hash)).one_or_none()
    if row is None or row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
        return None
    return TokenRow(*row)


def note_use(connection: Connection, token_id: int, now: datetime) -> None:
    connection.execute(update(ApiToken).where(ApiToken.id == token_id).values(used_at=now))


def list_tokens(connection: Connection) -> list[TokenRow]:
    return [TokenRow(*row) for row in connection.execute(select(*_COLUMNS).order_by(ApiToken.id))]


def revoke_token(connection: Connection, name: str, now: datetime) -> bool:
    """False where there is no such token that is still good."""
    held = (ApiToken.name == name, ApiToken.revoked_at.is_(None))
    return connection.execute(update(ApiToken).where(*held).values(revoked_at=now)).rowcount == 1


def begin_request(
    connection: Connection, token_id: int, key: str, fingerprint: str, now: datetime
) -> Remembered | None:
    """Claim an idempotency key; None when it is ours now, else what is remembered of the request that has it.

    Claims that nobody finished are forgotten after ten minutes. ``now`` is real time.
    """
    forget_requests(connection, now)
    connection.execute(delete(ApiRequest).where(ApiRequest.status.is_(None), ApiRequest.at < now - UNDER_WAY))
    values = {"token_id": token_id, "key": key, "fingerprint": fingerprint, "at": now}
    statement = insert_or(connection, ApiRequest).values(**values)
    statement = statement.on_conflict_do_nothing(index_elements=[ApiRequest.token_id, ApiRequest.key])
    if connection.execute(statement.returning(ApiRequest.id)).first() is not None:
        return None
    wanted = select(*columns_of(ApiRequest, Remembered))
    row = connection.execute(wanted.where(ApiRequest.token_id == token_id, ApiRequest.key == key)).one()
    return Remembered(*row)


def forget_requests(connection: Connection, now: datetime) -> int:
    """Drop the answers that are a day old. ``now`` is real time."""
    return connection.execute(delete(ApiRequest).where(ApiRequest.at < now - KEPT)).rowcount


def end_request(connection: Connection, token_id: int, key: str, status: int, answer: bytes) -> None:
    """Keep an answer for whoever asks again."""
    held = (ApiRequest.token_id == token_id, ApiRequest.key == key)
    connection.execute(update(ApiRequest).where(*held).values(status=status, answer=answer))


def forget_request(connection: Connection, token_id: int, key: str) -> None:
    """Give a key back: the work failed, and may be tried again."""
    connection.execute(delete(ApiRequest).where(ApiRequest.token_id == token_id, ApiRequest.key == key))


def forget_answers_about(connection: Connection, email: str) -> None:
    """Of an erased reader, kept for whoever asks again."""
    told = [words.lower().encode() for words in (email, json.dumps(email)[1:-1])]
    kept = connection.execute(select(ApiRequest.id, ApiRequest.answer).where(ApiRequest.answer.is_not(None)))
    about = [row.id for row in kept if any(words in row.answer.lower() for words in told)]
    connection.execute(delete(ApiRequest).where(ApiRequest.id.in_(about)))


class ToolLine(NamedTuple):
    id: int
    slug: str
    name: str
    url: str
    category: str
    ships: int
    skips: int
    listed: bool


def tools_page(connection: Connection, after: int, limit: int) -> list[ToolLine]:
    """The next standing tools in the order in which they joined."""
    wanted = select(*columns_of(Tool, ToolLine)).where(Tool.id > after, Tool.merged_into_id.is_(None))
    return [ToolLine(*row) for row in connection.execute(wanted.order_by(Tool.id).limit(limit))]
