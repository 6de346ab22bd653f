"""Ask again: whoever no issue has reached for a year and a half is asked whether they still want it.

Reached is whose mail server took an issue; whether mail is opened is never looked at.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, Engine

from db.confirmations import add_confirmation, keep_token_hash
from db.engine import reading, transaction
from db.letters import add_letter
from db.states import LetterKind, SubscriberState
from db.subscribers import SubscriberRow, move_subscriber, unreached_subscribers
from newsletter.settings import Settings, required
from newsletter.subscribers import consent
from newsletter.subscribers.lifecycle import ASKED_AGAIN_VALID, UNREACHED_FOR
from newsletter.subscribers.tokens import hash_token, one_time_token

FORM = "asked again"
AT_MOST = 500
"""A day: a relay that suddenly carries thousands of letters to old addresses is soon on a list itself."""
_AT_ONCE = 50  # whoever else writes, on SQLite, waits for so many


def ask_again(
    engine: Engine, settings: Settings, *, now: datetime, real_now: datetime, nonce: Callable[[], bytes]
) -> int:
    """Each becomes pending, so no issue goes there until they answer; returns how many were asked.

    ``nonce`` gives 32 random bytes.
    """
    required(settings, "secret_key", "title")
    with reading(engine) as connection:  # of a large list that takes a second
        found = unreached_subscribers(connection, now - UNREACHED_FOR, now, AT_MOST)
    asked = 0
    for start in range(0, len(found), _AT_ONCE):
        with transaction(engine) as connection:
            for subscriber in found[start : start + _AT_ONCE]:
                asked += _ask(connection, subscriber, settings, now, real_now, nonce())
    return asked


def _ask(
    connection: Connection, subscriber: SubscriberRow, settings: Settings, now: datetime, real_now: datetime,
    nonce: bytes,
) -> bool:  # fmt: skip
    """False where they have left since they were found."""
    assert settings.secret_key is not None
    if not move_subscriber(connection, subscriber.id, SubscriberState.PENDING, now, where=(SubscriberState.ACTIVE,)):
        return False
    confirmation = add_confirmation(
        connection, subscriber_id=subscriber.id, nonce=nonce, name=subscriber.name, selection=subscriber.selection,
        address=None, form=FORM, words=consent.words(settings.shown_title), created_at=now,
        expires_at=now + ASKED_AGAIN_VALID,
    )  # fmt: skip
    token = one_time_token("confirm", confirmation, nonce, settings.secret_key)
    keep_token_hash(connection, confirmation, hash_token(token))
    data = {"confirmation": confirmation, "again": True}
    add_letter(connection, LetterKind.CONFIRM, subscriber.email, data, real_now, now, subscriber.id)
    return True
