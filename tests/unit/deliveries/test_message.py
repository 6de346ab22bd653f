"""The header fields that are a reader's own."""

from dataclasses import replace
from datetime import UTC, datetime

from newsletter.deliveries.message import Recipient, own_fields
from tests.unit.deliveries.test_dkim import ENVELOPE


def test_a_public_address_with_a_percent_sign_stays_as_it_is() -> None:
    envelope = replace(ENVELOPE, public_url="https://news.example.com/%41%s")
    recipient = Recipient(1, 1, "ada@example.org", "100 % Ada")
    fields = own_fields(envelope, recipient, "t" * 32, datetime(2026, 11, 24, tzinfo=UTC), 1, b"k" * 32)
    assert f"<https://news.example.com/%41%s/unsubscribe/{'t' * 32}>".encode() in fields
    assert b"100 % Ada" in fields
