"""What an address is compared by."""

from hashlib import sha256
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

LONGEST_KEY = 2_000
"""Bytes. An index of PostgreSQL holds 2,704, and what a query says in another script is nine times as long here."""

_TRACKING = ("utm_", "mc_", "fbclid", "gclid", "ref", "ref_src", "source")


def canonical_url(url: str, *, keep_fragment: bool = False) -> str:
    """The key that addresses are matched by: no scheme's or host's case, no ``www.``, default port, fragment,
    tracking parameter or trailing slash; http and https are one. What cannot be read comes back stripped.

    ``keep_fragment`` is for pages that hold several things, such as a changelog with an anchor for each version. A key
    that would be too long for an index ends in a digest of it.
    """
    key = _canonical(url, keep_fragment=keep_fragment)
    if len(key) <= LONGEST_KEY // 4:  # no character takes more than four bytes
        return key
    data = key.encode(errors="surrogatepass")
    if len(data) <= LONGEST_KEY:
        return key
    return data[: LONGEST_KEY - 32].decode(errors="ignore") + sha256(data).hexdigest()[:32]


def _canonical(url: str, *, keep_fragment: bool) -> str:
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").removeprefix("www."), parts.port
    except ValueError:
        return url.strip()
    if parts.scheme not in ("http", "https") or not host:
        return url.strip()
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if not _tracks(name)]
    place = f"{host}:{port}" if port not in (None, 80, 443) else host
    return urlunsplit(
        ("https", place, parts.path.rstrip("/"), urlencode(sorted(kept)), parts.fragment if keep_fragment else "")
    )


def _tracks(name: str) -> bool:
    return name.lower().startswith(_TRACKING[:2]) or name.lower() in _TRACKING[2:]
