"""Confirm: the mailbox answered, so the sign-up becomes a subscription, with its evidence."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, Engine

from db.confirmations import ConfirmationRow, answer_confirmations, confirmation_by_hash
from db.engine import reading, transaction
from db.keys import address_key
from db.letters import add_letter, address_of_confirmation
from db.states import LetterKind, SubscriberState
from db.subscribers import (
    ConsentRow,
    SubscriberRow,
    add_consent,
    add_event,
    move_subscriber,
    subscriber_by_id,
    update_subscriber,
)
from db.suppressions import lift_suppression, suppression_of
from newsletter.settings import Settings
from newsletter.subscribers.addresses import comparable, hash_address
from newsletter.subscribers.lifecycle import LIFTED_BY_OPT_IN, may_opt_in
from newsletter.subscribers.tokens import hash_token, one_time_token

SOURCE = "double opt-in"


class Answer(StrEnum):
    """What became of a confirmation link."""

    UNKNOWN = "unknown"  # no token of ours
    WAITING = "waiting"  # nobody has pressed the button yet
    CONFIRMED = "confirmed"
    ALREADY = "already"
    EXPIRED = "expired"
    REFUSED = "refused"  # an operator must lift the suppression first


@dataclass(frozen=True, slots=True)
class ConfirmReport:
    """``subscriber_id`` is None for an unknown token."""

    answer: Answer
    subscriber_id: int | None = None


def look_at_confirmation(engine: Engine, token: str, *, now: datetime, settings: Settings) -> ConfirmReport:
    """What pressing the button would meet; changes nothing."""
    with reading(engine) as connection:
        return _judge(connection, _find(connection, token, settings), now)


def confirm(
    engine: Engine, token: str, *, address: str | None, now: datetime, real_now: datetime, settings: Settings
) -> ConfirmReport:
    """Make the subscription active, apply what its form asked for, record the consent and queue the welcome."""
    with transaction(engine) as connection:
        waiting = _find(connection, token, settings)
        report = _judge(connection, waiting, now)
        if report.answer is not Answer.WAITING or waiting is None:
            return report
        subscriber = subscriber_by_id(connection, waiting.subscriber_id)
        if subscriber is None or not answer_confirmations(connection, waiting.subscriber_id, now):
            return ConfirmReport(Answer.ALREADY, waiting.subscriber_id)
        email = _spelled(connection, subscriber, waiting)
        _come_in(connection, subscriber, waiting, email, address, now)
        if settings.welcome:
            add_letter(connection, LetterKind.WELCOME, email, {}, real_now, now, subscriber.id)
        return ConfirmReport(Answer.CONFIRMED, subscriber.id)


def _find(connection: Connection, token: str, settings: Settings) -> ConfirmationRow | None:
    """The row of a token that one of today's secret keys makes: a key that was taken away confirms nothing."""
    row = confirmation_by_hash(connection, hash_token(token))
    if row is None:
        return None
    made = (one_time_token("confirm", row.id, row.nonce, [key]) for key in settings.secret_key or ())
    return row if token in made else None


def _judge(connection: Connection, row: ConfirmationRow | None, now: datetime) -> ConfirmReport:
    if row is None:
        return ConfirmReport(Answer.UNKNOWN)
    subscriber = subscriber_by_id(connection, row.subscriber_id)
    if subscriber is None:
        return ConfirmReport(Answer.UNKNOWN)
    if row.confirmed_at is not None or subscriber.state is SubscriberState.ACTIVE:
        return ConfirmReport(Answer.ALREADY, subscriber.id)
    if now > row.expires_at:
        return ConfirmReport(Answer.EXPIRED, subscriber.id)
    suppression = suppression_of(connection, hash_address(subscriber.email, address_key(connection)))
    allowed = may_opt_in(subscriber.state, suppression.reason if suppression else None)
    return ConfirmReport(Answer.WAITING if allowed else Answer.REFUSED, subscriber.id)


def _spelled(connection: Connection, subscriber: SubscriberRow, waiting: ConfirmationRow) -> str:
    """The address in the capitals that were typed into the form. Only the mailbox's own answer changes them."""
    typed = address_of_confirmation(connection, waiting.id, subscriber.id)
    if typed is None or comparable(typed) != comparable(subscriber.email):
        return subscriber.email
    return typed


def _come_in(
    connection: Connection, subscriber: SubscriberRow, waiting: ConfirmationRow, email: str, address: str | None,
    now: datetime,
) -> None:  # fmt: skip
    email_hash = hash_address(subscriber.email, address_key(connection))
    move_subscriber(connection, subscriber.id, SubscriberState.ACTIVE, now)
    lift_suppression(connection, email_hash, LIFTED_BY_OPT_IN)
    update_subscriber(
        connection, subscriber.id, email=email, name=waiting.name or subscriber.name, selection=waiting.selection,
        paused_until=None, soft_bounces=0, soft_bounced_since=None,
    )  # fmt: skip
    consent = ConsentRow(now, SOURCE, waiting.address, waiting.form, waiting.words, waiting.created_at, address)
    add_consent(connection, subscriber.id, consent)
    add_event(connection, "subscribed", subscriber.id, now)
