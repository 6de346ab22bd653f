import pytest

from newsletter.feeds.addresses import LONGEST_KEY, canonical_url


@pytest.mark.parametrize(
    "spelling",
    [
        "https://example.com/tool",
        "HTTP://WWW.Example.com:80/tool/",
        "https://example.com/tool?utm_source=feed&utm_campaign=x",
        "https://example.com/tool?ref=news&fbclid=1#pricing",
        "  https://example.com/tool  ",
        "https://example.com/tool?msclkid=1&_hsenc=2&mkt_tok=3&pk_campaign=4&wt_mc=rss",
        "https://example.com/%74ool",
    ],
)
def test_spellings_of_one_address_have_one_key(spelling: str) -> None:
    assert canonical_url(spelling) == "https://example.com/tool"


def test_an_address_in_another_script_is_the_same_escaped_or_not() -> None:
    assert canonical_url("https://example.com/caf\u00e9/~jo%2fx") == "https://example.com/caf%C3%A9/~jo%2Fx"
    assert canonical_url("https://example.com/caf%c3%a9/%7Ejo%2Fx") == "https://example.com/caf%C3%A9/~jo%2Fx"


def test_a_domain_in_another_script_is_the_one_that_the_dns_has() -> None:
    assert canonical_url("https://B\u00fccher.example/a") == canonical_url("https://www.xn--bcher-kva.example/a")
    assert canonical_url("https://\u2603\u2603.example/") == "https://\u2603\u2603.example", "and this one has none"


def test_what_no_address_has_is_the_same_escaped_or_not() -> None:
    """Entries were stored with such addresses as they came."""
    assert canonical_url('https://example.com/a"<b>') == canonical_url("https://example.com/a%22%3Cb%3E")


def test_what_the_query_asks_for_stays_in_the_key() -> None:
    assert canonical_url("https://example.com/?p=12&utm_medium=rss") == "https://example.com?p=12"
    assert canonical_url("https://example.com/?b=2&a=1") == canonical_url("https://example.com/?a=1&b=2")


@pytest.mark.parametrize("address", ["https://example.com/?q=" + "道" * 600, "tag:example.com,2026:" + "道" * 700])
def test_a_key_fits_an_index_and_is_still_one_addresses_own(address: str) -> None:
    one, other = canonical_url(address + "a"), canonical_url(address + "b")
    assert one == canonical_url(address + "a") != other
    assert max(len(one.encode()), len(other.encode())) <= LONGEST_KEY
    assert one.startswith(address[:15])


def test_other_ports_and_paths_are_other_addresses() -> None:
    assert canonical_url("https://example.com:8443/a") != canonical_url("https://example.com/a")
    assert canonical_url("https://example.com/A") != canonical_url("https://example.com/a")


def test_a_fragment_counts_only_where_it_is_asked_for() -> None:
    assert canonical_url("https://example.com/log#v2") == "https://example.com/log"
    assert canonical_url("https://example.com/log#v2", keep_fragment=True) == "https://example.com/log#v2"


@pytest.mark.parametrize("text", ["", "tag:example.com,2026:1", "http://[broken", "https://example.com:port/"])
def test_what_is_no_web_address_comes_back_as_it_is(text: str) -> None:
    assert canonical_url(text) == text
