"""The names of hosts as the DNS has them."""


def a_labels(host: str) -> str:
    """A domain in another script in the letters that the DNS and mail have (RFC 5890); what is none as it is."""
    if host.isascii():
        return host
    import idna

    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        return host
