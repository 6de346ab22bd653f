"""The names of hosts: as the DNS has them, and whether one is this machine."""

from ipaddress import ip_address


def a_labels(host: str) -> str:
    """A domain in another script in the letters that the DNS and mail have (RFC 5890); what is none as it is."""
    if host.isascii():
        return host
    import idna

    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        return host


def is_loopback(host: str) -> bool:
    """Whether what is sent there never leaves this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
