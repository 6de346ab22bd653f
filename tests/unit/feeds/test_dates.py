"""Dates that feeds write in ways of their own."""

from datetime import UTC, datetime

import pytest

from newsletter.feeds.dates import read_date
from newsletter.feeds.entries import read_document


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
        ("Monday, November 23, 2026 - 10:00", "2026-11-23T10:00"),
        ("23-11-2026", "2026-11-23T00:00"),
        ("2026/11/23", "2026-11-23T00:00"),
        ("2026/11/23 10:00:00 +0900", "2026-11-23T01:00"),
        ("2026. 11. 23.", "2026-11-23T00:00"),
        ("2026\u5e7411\u670823\u65e5 10:00", "2026-11-23T10:00"),
        ("2026-Nov-23", "2026-11-23T00:00"),
        ("2026-11-23 20:00:00 PST", "2026-11-24T04:00"),
        ("2026-11-23T00:15:00+0530", "2026-11-22T18:45"),
        ("2026-11-23 10:00:00.123456789 +0100 CET", "2026-11-23T09:00"),
        ("2026-11-23 23:00:00 -0800 PST", "2026-11-24T07:00"),
        ("2026-11-23T10:00:00-08:00[America/Los_Angeles]", "2026-11-23T18:00"),
        ("2026-11-23T24:00:00Z", "2026-11-24T00:00"),
        ("20261123T100000Z", "2026-11-23T10:00"),
        ("2026-W48-1", "2026-11-23T00:00"),
        ("25 de noviembre de 2026", "2026-11-25T00:00"),
        ("25 de novembro de 2026 10:00", "2026-11-25T10:00"),
        ("\u0441\u0440, 25 \u043d\u043e\u044f\u0431. 2026 10:00:00 +0300", "2026-11-25T07:00"),
        ("25 \u043c\u0430\u0439 2026", "2026-05-25T00:00"),
        ("25 \u043b\u0438\u0441\u0442\u043e\u043f\u0430\u0434\u0430 2026", "2026-11-25T00:00"),
        ("25 Kas\u0131m 2026", "2026-11-25T00:00"),
        ("25 A\u011fustos 2026", "2026-08-25T00:00"),
        ("25. marraskuuta 2026", "2026-11-25T00:00"),
        ("ons. 25 maj 2026", "2026-05-25T00:00"),
        ("25. des. 2026", "2026-12-25T00:00"),
        ("\u015br., 25 listopada 2026 10:00", "2026-11-25T10:00"),
        ("1 pa\u017adziernika 2026", "2026-10-01T00:00"),
        ("25 lis 2026", "2026-11-25T00:00"),
        ("3 marca 2026", "2026-03-03T00:00"),
        ("1795687200", "2026-11-26T10:00"),
        ("1795687200.25", "2026-11-26T10:00"),
        ("1795687200123", "2026-11-26T10:00"),
        ("Mon, 23 Nov 2026 07:00:00 +1400", "2026-11-22T17:00"),
    ],
)
def test_a_date_is_read_with_its_month_and_its_zone(text: str, instant: str) -> None:
    assert read_date(text) == datetime.fromisoformat(instant).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "", "yesterday", "11/17/2026 10:00", "32 Nov 2026", "17 Nov 2026 25:00", "17 Nov 2026 10:61", "17 Foo 2026",
        "Tue, 17 Nov 2026 07:00:00 XYZ", "17 Nov 2026 07:00 +9900", "2026-11", "2026/13/17", "179568720", "1 Jan 0000",
        "31 Dec 9999 23:00 PST", "Mon, 23 Nov 2026 07:00:00 +99:99", "2026-11-23T07:00:00+12:99",
        "23 Nov 2026 07:00 -1275", "2026-11-23 07:00:00 UTC+99:99", "20261123T100000+9999", "17956872001",
        "17956872001795687200", "25. listopada 2026.", "25. listopada 2026",
    ],
)  # fmt: skip
def test_what_is_no_whole_date_is_none(text: str) -> None:
    assert read_date(text) is None


@pytest.mark.parametrize("date", ["Mon, 23 Nov 2026 07:00:00 +99:99", "2026-11-23T07:00:00+12:99"])
def test_a_zone_that_there_is_none_is_computed_with_by_nobody(date: str) -> None:
    feed = f"<rss version='2.0'><channel><item><title>One</title><pubDate>{date}</pubDate></item></channel></rss>"
    (entry,) = read_document(feed.encode(), "application/rss+xml", "https://example.com/feed").entries
    assert entry.published_at is None


@pytest.mark.parametrize(
    ("date", "read"),
    [("1795687200", True), ("1795687200000", True), ('"1795687200"', True), ("true", False), ("-5", False)],
)
def test_a_json_feed_may_count_its_dates(date: str, read: bool) -> None:
    item = f'{{"id": "1", "date_published": {date}}}'
    feed = f'{{"version": "https://jsonfeed.org/version/1.1", "items": [{item}]}}'
    (entry,) = read_document(feed.encode(), "application/feed+json", "https://example.com/feed").entries
    assert entry.published_at == (datetime(2026, 11, 26, 10, tzinfo=UTC) if read else None)
