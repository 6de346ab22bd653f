"""Which network addresses a feed may live on when nobody allowed more: those of the public internet."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Looks through IPv6 forms that carry an IPv4 address: mapped, 6to4, Teredo, NAT64."""
    address = _meant(address)
    if isinstance(address, IPv6Address) and address.is_site_local:
        return False  # fec0::/10, which RFC 3879 took back; routers still keep it inside
    return address.is_global and not address.is_multicast and not address.is_reserved


def is_of_the_link(address: IPv4Address | IPv6Address) -> bool:
    """169.254.0.0/16 and fe80::/10, where clouds hand a machine its own passwords: no feed lives there."""
    return _meant(address).is_link_local


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one carries, or else itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1] or address
