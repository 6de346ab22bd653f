"""Instants that tests agree on."""

from datetime import UTC, datetime

MONDAY = datetime(2026, 11, 16, 6, 0, tzinfo=UTC)
"""The Monday after 2026-W46 ended; 2026-W47 has begun."""

LATER = datetime(2100, 1, 1, tzinfo=UTC)
"""After everything that a test does."""
