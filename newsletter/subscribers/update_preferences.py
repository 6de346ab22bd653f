"""Preferences: what a subscriber reads, how, and when they want a rest."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from db.engine import reading, transaction
from db.keys import address_key
from db.subscribers import (
    SubscriberRow,
    consents_of,
    subscriber_by_hash,
    subscriber_by_id,
    update_subscriber,
)
from db.suppressions import suppression_of
from newsletter.clock import iso
from newsletter.subscribers.addresses import hash_address
from newsletter.subscribers.selections import Selection
from newsletter.subscribers.tell_everything import evidence

PAUSE_WEEKS = (1, 2, 4, 8, 12)


@dataclass(frozen=True, slots=True)
class Preferences:
    """``pause_weeks``: None leaves a pause as it is, 0 ends it."""

    name: str
    selection: Selection
    format: str
    pause_weeks: int | None = None


def update_preferences(
    engine: Engine, subscriber_id: int, wanted: Preferences, *, now: datetime
) -> SubscriberRow | None:
    """Store the preferences and return the subscriber as they stand; None where there is nobody."""
    values = {"name": wanted.name, "selection": wanted.selection.key(), "format": wanted.format}
    if wanted.pause_weeks is not None:
        until = now + timedelta(weeks=wanted.pause_weeks) if wanted.pause_weeks else None
        values["paused_until"] = until  # type: ignore[assignment]
    with transaction(engine) as connection:
        update_subscriber(connection, subscriber_id, **values)
        return subscriber_by_id(connection, subscriber_id)


def find_subscriber(engine: Engine, email: str) -> dict[str, Any] | None:
    """Who an address is, as operators and programs are shown it; None for nobody. ``email`` is as it is stored."""
    with reading(engine) as connection:
        email_hash = hash_address(email, address_key(connection))
        found = subscriber_by_hash(connection, email_hash)
        if found is None:
            return None
        suppression = suppression_of(connection, email_hash)
        consent = next(iter(consents_of(connection, found.id)), None)
        return {
            "id": found.id,
            "email": found.email,
            "name": found.name,
            "state": found.state,
            **Selection.parse(found.selection).document(),
            "format": found.format,
            "paused_until": iso(found.paused_until),
            "since": iso(found.state_since),
            "suppressed": suppression.reason if suppression else None,
            "consent": evidence(consent) if consent else None,
        }
