"""Dates as readers read them, in English whatever the machine's locale is."""

from datetime import date, timedelta

from newsletter.clock import Week

_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
           "December")  # fmt: skip


def span(week: Week) -> str:
    """``16–22 November 2026``, ``30 November – 6 December 2026``."""
    first = week.monday()
    last = first + timedelta(days=6)
    if first.month == last.month:
        return f"{first.day}–{_long(last)}"
    return f"{_long(first).removesuffix(f' {last.year}')} – {_long(last)}"


def _long(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
