"""Dates that feeds write in ways of their own."""

from datetime import UTC, datetime

import pytest

from newsletter.feeds.dates import read_date


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("Mon, 23 Nov 2026 07:00:00 GMT", "2026-11-23T07:00"),
        ("Mon, 23 Nov 2026 07:00:00 +0100", "2026-11-23T06:00"),
        ("Mon, 23 Nov 2026 07:00:00 JST", "2026-11-22T22:00"),
        ("Mon, 23 Nov 2026 07:00:00 CEST", "2026-11-23T05:00"),
        ("Mon, 23 Nov 2026 07:00:00 AEDT", "2026-11-22T20:00"),
        ("Mon, 23 Nov 2026 07:00:00 BST", "2026-11-23T06:00"),
        ("Mon, 23 Nov 2026 07:00:00 PST (Pacific Time)", "2026-11-23T15:00"),
        ("23 Nov 26 07:00", "2026-11-23T07:00"),
        ("Tue, 05 Mar 2024 10:00:00.000 GMT", "2024-03-05T10:00"),
        ("Di, 05 M\u00e4r 2024 10:00:00 +0100", "2024-03-05T09:00"),
        ("mar., 5 juil. 2024 10:00:00 +0200", "2024-07-05T08:00"),
        ("5 f\u00e9vrier 2024", "2024-02-05T00:00"),
        ("5 mei 2024 10:00", "2024-05-05T10:00"),
        ("Nov 17, 2026", "2026-11-17T00:00"),
        ("November 17th, 2026 3:05 PM EST", "2026-11-17T20:05"),
        ("Tue, Nov 17, 2026 12:00 AM", "2026-11-17T00:00"),
        ("Tue, 17 Nov 2026 24:00:00 GMT", "2026-11-18T00:00"),
        ("Mon,23 Nov 2026 10:00:00 GMT", "2026-11-23T10:00"),
        ("23.11.2026", "2026-11-23T00:00"),
        ("23.11.2026 10:30", "2026-11-23T10:30"),
        ("Mon, 23 Nov 2026 10:00:00 GMT+2", "2026-11-23T08:00"),
    ],
)
def test_a_date_is_read_with_its_month_and_its_zone(text: str, instant: str) -> None:
    assert read_date(text) == datetime.fromisoformat(instant).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "", "yesterday", "11/17/2026 10:00", "32 Nov 2026", "17 Nov 2026 25:00", "17 Nov 2026 10:61", "17 Foo 2026",
        "Tue, 17 Nov 2026 07:00:00 XYZ", "17 Nov 2026 07:00 +9900", "2026-11-17", "1 Jan 0000", "31 Dec 9999 23:00 PST",
    ],
)  # fmt: skip
def test_what_is_no_date_of_this_kind_is_none(text: str) -> None:
    assert read_date(text) is None
