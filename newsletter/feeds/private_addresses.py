"""Which network addresses a feed may live on when nobody allowed more: those of the public internet."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Looks through IPv6 forms that carry an IPv4 address: mapped, 6to4, Teredo, NAT64."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:  # fec0::/10, which RFC 3879 took back; routers still keep it inside
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved
