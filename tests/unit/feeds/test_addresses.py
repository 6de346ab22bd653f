import pytest

from newsletter.feeds.addresses import canonical_url


@pytest.mark.parametrize(
    "spelling",
    [
        "https://example.com/tool",
        "HTTP://WWW.Example.com:80/tool/",
        "https://example.com/tool?utm_source=feed&utm_campaign=x",
        "https://example.com/tool?ref=news&fbclid=1#pricing",
        "  https://example.com/tool  ",
    ],
)
def test_spellings_of_one_address_have_one_key(spelling: str) -> None:
    assert canonical_url(spelling) == "https://example.com/tool"


def test_what_the_query_asks_for_stays_in_the_key() -> None:
    assert canonical_url("https://example.com/?p=12&utm_medium=rss") == "https://example.com?p=12"
    assert canonical_url("https://example.com/?b=2&a=1") == canonical_url("https://example.com/?a=1&b=2")


def test_other_ports_and_paths_are_other_addresses() -> None:
    assert canonical_url("https://example.com:8443/a") != canonical_url("https://example.com/a")
    assert canonical_url("https://example.com/A") != canonical_url("https://example.com/a")


def test_a_fragment_counts_only_where_it_is_asked_for() -> None:
    assert canonical_url("https://example.com/log#v2") == "https://example.com/log"
    assert canonical_url("https://example.com/log#v2", keep_fragment=True) == "https://example.com/log#v2"


@pytest.mark.parametrize("text", ["", "tag:example.com,2026:1", "http://[broken", "https://example.com:port/"])
def test_what_is_no_web_address_comes_back_as_it_is(text: str) -> None:
    assert canonical_url(text) == text
