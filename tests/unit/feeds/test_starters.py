from newsletter.feeds.addresses import canonical_url
from newsletter.feeds.starters import starter_feeds


def test_the_starter_list_is_some_forty_different_feeds_of_every_kind() -> None:
    feeds = starter_feeds()
    assert 38 <= len(feeds) <= 50
    assert len({canonical_url(feed.url) for feed in feeds}) == len(feeds)
    assert {feed.kind for feed in feeds} == {"launches", "releases", "news"}


def test_every_feed_of_releases_says_whose_they_are() -> None:
    assert all(feed.tool and feed.tool_url for feed in starter_feeds() if feed.kind == "releases")
