"""Whose request it is: believed as far as our own proxies wrote it, and no further."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.hostnames import is_loopback
from newsletter.web.client import UNKNOWN, household_of, nearest_stranger, network_of

OURS = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "chain", "client"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1", "10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("10.0.0.1", ["2001:DB8:0::1"], "2001:db8::1"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1", "_hidden"], "10.0.0.1"),
        ("fd00::1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("", ["198.51.100.1"], UNKNOWN),
    ],
)
def test_the_first_address_that_is_no_proxy_of_ours_is_the_client(peer: str, chain: list[str], client: str) -> None:
    assert nearest_stranger(peer, chain, OURS) == client


@given(st.lists(st.text(max_size=20), max_size=5))
def test_nothing_that_a_client_writes_reaches_past_the_proxy(lies: list[str]) -> None:
    assert nearest_stranger("10.0.0.1", [*lies, "198.51.100.1"], OURS) == "198.51.100.1"


def test_neighbours_share_a_network_and_a_household_is_one_client() -> None:
    assert network_of("203.0.113.7") == network_of("203.0.113.200") == "203.0.113.0/24"
    assert network_of("2001:db8:1:2::3") == "2001:db8:1::/48"
    assert household_of("2001:db8:1:2::3") == household_of("2001:db8:1:2:ffff::9")
    assert household_of("203.0.113.7") != household_of("203.0.113.8")
    assert network_of(UNKNOWN) == household_of(UNKNOWN) == UNKNOWN


def test_loopback_is_known_in_both_families() -> None:
    assert is_loopback("127.0.0.1")
    assert is_loopback("::1")
    assert not is_loopback("203.0.113.7")
    assert not is_loopback(UNKNOWN)
