"""Programs that use the API: their tokens, and what they were answered."""

from datetime import datetime

from sqlalchemy import BigInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, new_id, ref


class ApiToken(Base):
    """A bearer token by its hash; it has 256 bits, so a plain hash will do. ``scopes`` are in a stable order."""

    __tablename__ = "api_tokens"

    id: Mapped[int] = new_id()
    name: Mapped[str] = mapped_column(unique=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]  # to the hour


class ApiRequest(Base):
    """An answer that was given under an idempotency key. ``status`` is null while the work is under way."""

    __tablename__ = "api_requests"
    __table_args__ = (UniqueConstraint("token_id", "key"),)

    id: Mapped[int] = new_id()
    token_id: Mapped[int] = ref("api_tokens.id", on_delete="CASCADE", index=False)
    key: Mapped[str]
    fingerprint: Mapped[str]  # of method, path and body: one key, one request
    at: Mapped[datetime] = mapped_column(index=True)  # real time
    status: Mapped[int | None]
    answer: Mapped[bytes | None]


class Webhook(Base):
    """Somebody else's address that is told of events, in their order. Times are real; ``after`` is the last event that
    it knows of. ``secret`` signs, so it is kept as it is."""

    __tablename__ = "webhooks"

    id: Mapped[int] = new_id()
    name: Mapped[str] = mapped_column(unique=True)
    url: Mapped[str]
    secret: Mapped[bytes]
    events: Mapped[list[str]]
    after: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    failures: Mapped[int] = mapped_column(server_default=text("0"))  # in a row
    failing_since: Mapped[datetime | None]
    next_at: Mapped[datetime]
    paused_at: Mapped[datetime | None]  # given up, until an operator resumes it
    answer: Mapped[str | None]  # the last one, in words
    lease_until: Mapped[datetime | None]
