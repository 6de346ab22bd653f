"""Whose request it is, behind reverse proxies or not.

A header is believed only as far as the proxies that wrote it are ours (``NEWSLETTER_TRUSTED_PROXIES``): the chain is
read from its near end, and the first address that is no trusted proxy is the client. Whatever a client wrote into the
header itself stands further out and is never reached.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.requests import Request

from newsletter.setting_values import Network
from newsletter.web.site import site

UNKNOWN = "unknown"
_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*(?:"([^"]*)"|([^;\s]*))', re.I)


def client_address(request: Request) -> str:
    """The client's IP address in canonical form; ``unknown`` where there is none, as on a Unix socket."""
    peer = request.client.host if request.client else ""
    trusted = site(request).settings.trusted_proxies
    return nearest_stranger(peer, _chain(request), trusted)


def nearest_stranger(peer: str, chain: Sequence[str], trusted: Sequence[Network]) -> str:
    """The first address that is no trusted proxy, from the near end: the peer, then ``chain`` from its last.

    An entry that is no address (``unknown``, ``_hidden``) ends the walk at the last proxy that we know.
    """
    found = _canonical(peer)
    for hop in reversed(chain):
        if found == UNKNOWN or not any(ip_address(found) in network for network in trusted):
            break
        further = _canonical(hop)
        if further == UNKNOWN:
            break
        found = further
    return found


def network_of(address: str) -> str:
    """The network that an address shares with its neighbours: /24 of IPv4, /48 of IPv6."""
    return _within(address, 24, 48)


def household_of(address: str) -> str:
    """One client: an IPv4 address, or the /64 that a provider gives to one IPv6 customer."""
    return _within(address, 32, 64)


def _within(address: str, bits4: int, bits6: int) -> str:
    if address == UNKNOWN:
        return UNKNOWN
    bits = bits6 if ip_address(address).version == 6 else bits4
    return str(ip_network(f"{address.partition('%')[0]}/{bits}", strict=False))


def _chain(request: Request) -> list[str]:
    """The hops that proxies noted, the client's end first. Most proxies write X-Forwarded-For and pass a client's own
    Forwarded (RFC 7239) through, so that one is read only where the other is absent."""
    written = ",".join(request.headers.getlist("x-forwarded-for"))
    if written:
        return written.split(",")
    hops = ",".join(request.headers.getlist("forwarded"))
    found = [_FOR.search(hop) for hop in hops.split(",")] if hops else []
    return [(hop[1] or hop[2] or "") if hop else "" for hop in found]


def _canonical(text: str) -> str:
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return UNKNOWN
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)
