"""Weeks by name, up to where the calendar ends."""

from zoneinfo import ZoneInfo

import pytest

from newsletter.clock import Week

ZONES = [ZoneInfo(name) for name in ("Pacific/Kiritimati", "America/New_York", "UTC")]


@pytest.mark.parametrize("name", ["1970-W01", "2026-W47", "2026-W53", "9998-W52"])
def test_a_week_of_the_calendar_has_a_beginning_an_end_and_neighbours(name: str) -> None:
    week = Week.parse(name.lower())
    assert str(week) == name
    assert week.next().previous() == week == week.previous().next()
    for zone in ZONES:
        assert week.starts_at(zone) < week.ends_at(zone)


@pytest.mark.parametrize(
    "name", ["2026-W54", "2025-W53", "2026-W00", "0001-W01", "1969-W52", "9999-W52", "2026-47", ""]
)
def test_what_is_no_week_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(ValueError, match="is no week"):
        Week.parse(name)
