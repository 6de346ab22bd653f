"""My data: everything that is stored about a subscriber, as one JSON document. No token is in it."""

from typing import Any

from sqlalchemy import Connection, Engine

from db.confirmations import ConfirmationRow, confirmations_of
from db.engine import reading
from db.keys import address_key
from db.readership import audited_of, bookmarks_of, deliveries_of, letters_to, returned_of_reader, standing_of, votes_of
from db.subscribers import ConsentRow, SubscriberRow, consents_of, events_of, subscriber_by_id
from db.suppressions import SuppressionRow, suppression_of
from newsletter.clock import iso
from newsletter.subscribers.addresses import hash_address
from newsletter.subscribers.selections import Selection


def export_subscriber(engine: Engine, subscriber_id: int) -> dict[str, Any] | None:
    """None where there is nobody."""
    with reading(engine) as connection:
        found = subscriber_by_id(connection, subscriber_id)
        if found is None:
            return None
        return _themselves(connection, found) | _acts(connection, found) | _mail(connection, found)


def _themselves(connection: Connection, found: SubscriberRow) -> dict[str, Any]:
    standing = standing_of(connection, found.id)
    suppression = suppression_of(connection, hash_address(found.email, address_key(connection)))
    return {
        "email": found.email,
        "name": found.name,
        "state": found.state,
        "since": iso(found.state_since),
        "created_at": iso(found.created_at),
        "format": found.format,
        **Selection.parse(found.selection).document(),
        "paused_until": iso(found.paused_until),
        "suppression": _suppression(suppression) if suppression else None,
        "soft_bounces": standing.soft_bounces,
        "soft_bounced_since": iso(standing.soft_bounced_since),
    }


def _acts(connection: Connection, found: SubscriberRow) -> dict[str, Any]:
    return {
        "requests": [_request(row) for row in confirmations_of(connection, found.id)],
        "consents": [evidence(consent) for consent in consents_of(connection, found.id)],
        "events": [{"at": iso(at), "what": what} for at, what, _ in events_of(connection, found.id)],
        "votes": [{"tool": slug, "call": call, "at": iso(at)} for slug, call, at in votes_of(connection, found.id)],
        "bookmarks": [{"tool": slug, "at": iso(at)} for slug, at in bookmarks_of(connection, found.id)],
        "done_by_others": [{"at": iso(at), "what": what} for at, what in audited_of(connection, found.email)],
    }


def _mail(connection: Connection, found: SubscriberRow) -> dict[str, Any]:
    return {
        "issues": [
            {"issue": week, "status": status, "at": iso(at), "reply": reply}
            for week, status, at, reply in deliveries_of(connection, found.id)
        ],
        "letters": [
            row._asdict() | {"at": iso(row.at), "finished_at": iso(row.finished_at)}
            for row in letters_to(connection, found.id, found.email)
        ],
        "returned_mail": [
            row._asdict() | {"at": iso(row.at), "mail": row.mail and row.mail.decode("utf-8", "replace")}
            for row in returned_of_reader(connection, found.id, found.email)
        ],
    }


def evidence(consent: ConsentRow) -> dict[str, Any]:
    """A consent as documents show it."""
    return consent._asdict() | {"at": iso(consent.at), "asked_at": iso(consent.asked_at)}


def _request(row: ConfirmationRow) -> dict[str, Any]:
    """What a sign-up form said, and whether its letter was answered."""
    return {
        "at": iso(row.created_at), "expires_at": iso(row.expires_at), "confirmed_at": iso(row.confirmed_at),
        "name": row.name, **Selection.parse(row.selection).document(), "address": row.address, "form": row.form,
        "words": row.words,
    }  # fmt: skip


def _suppression(row: SuppressionRow) -> dict[str, Any]:
    return {"reason": row.reason, "at": iso(row.at), "note": row.note}
