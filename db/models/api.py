"""Programs that use the API: their tokens, and what they were answered."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, ColumnElement, UniqueConstraint, text

from db.models.base import Base, new_id, ref


class ApiToken(Base):
    """A bearer token by its hash; it has 256 bits, so a plain hash will do. ``scopes`` are in a stable order."""

    __tablename__ = "api_tokens"

    id: ColumnElement[int] = new_id()
    name: ColumnElement[str] = Column(unique=True)
    token_hash: ColumnElement[bytes] = Column(unique=True)
    scopes: ColumnElement[list[str]]
    created_at: ColumnElement[datetime]
    expires_at: ColumnElement[datetime | None]
    revoked_at: ColumnElement[datetime | None]
    used_at: ColumnElement[datetime | None]  # to the hour


class ApiRequest(Base):
    """An answer that was given under an idempotency key. ``status`` is null while the work is under way."""

    __tablename__ = "api_requests"
    __table_args__ = (UniqueConstraint("token_id", "key"),)

    id: ColumnElement[int] = new_id()
    token_id: ColumnElement[int] = ref("api_tokens.id", on_delete="CASCADE", index=False)
    key: ColumnElement[str]
    fingerprint: ColumnElement[str]  # of method, path and body: one key, one request
    at: ColumnElement[datetime] = Column(index=True)  # real time
    status: ColumnElement[int | None]
    answer: ColumnElement[bytes | None]


class Webhook(Base):
    """Somebody else's address that is told of events, in their order. Times are real; ``after`` is the last event that
    it knows of. ``secret`` signs, so it is kept as it is."""

    __tablename__ = "webhooks"

    id: ColumnElement[int] = new_id()
    name: ColumnElement[str] = Column(unique=True)
    url: ColumnElement[str]
    secret: ColumnElement[bytes]
    events: ColumnElement[list[str]]
    after: ColumnElement[int] = Column(BigInteger)
    created_at: ColumnElement[datetime]
    failures: ColumnElement[int] = Column(server_default=text("0"))  # in a row
    failing_since: ColumnElement[datetime | None]
    next_at: ColumnElement[datetime]
    paused_at: ColumnElement[datetime | None]  # until an operator resumes it
    answer: ColumnElement[str | None]  # the last one, in words
    lease_until: ColumnElement[datetime | None]
