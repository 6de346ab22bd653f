"""What an address is compared by."""

import re
from hashlib import sha256
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from newsletter.hostnames import a_labels

LONGEST_KEY = 2_000
"""Bytes. An index of PostgreSQL holds 2,704, and what a query says in another script is nine times as long here."""

_TRACKING = ("utm_", "mc_", "mtm_", "_hs")  # whatever follows
_TRACKING_NAMES = frozenset(
    """
    fbclid gclid gbraid wbraid gad_source dclid msclkid yclid twclid ttclid igshid srsltid mkt_tok wt_mc xtor at_medium
    at_campaign pk_campaign pk_kwd ref ref_ ref_src source
    """.split()  # noqa: SIM905
)
_ESCAPED = re.compile(r"%([0-9a-f]{2})", re.I)
_PLAIN = frozenset("-._~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_AS_IT_IS = "/%:@!$&'()*+,;=~"
_NOTHING_ODD = re.compile(r"[\w.~/:@!$&'()*+,;=-]*", re.ASCII)


def canonical_url(url: str, *, keep_fragment: bool = False) -> str:
    """The key that addresses are matched by: no scheme's or host's case, no ``www.``, default port, fragment,
    tracking parameter or trailing slash; http and https are one, and paths are escaped alike. What cannot be read comes
    back stripped.

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
        host, port = a_labels(parts.hostname or "").removeprefix("www."), parts.port
    except ValueError:
        return url.strip()
    if parts.scheme not in ("http", "https") or not host:
        return url.strip()
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if not _tracks(name)]
    place = f"{host}:{port}" if port not in (None, 80, 443) else host
    return urlunsplit(
        (
            "https",
            place,
            _one_spelling(parts.path.rstrip("/")),
            urlencode(sorted(kept)),
            parts.fragment if keep_fragment else "",
        )
    )


def _tracks(name: str) -> bool:
    return name.lower().startswith(_TRACKING) or name.lower() in _TRACKING_NAMES


def _one_spelling(path: str) -> str:
    """Escaped what must be, and nothing else (RFC 3986 6.2.2); feeds differ in it."""
    if _NOTHING_ODD.fullmatch(path):
        return path
    escaped = quote(path, safe=_AS_IT_IS, errors="replace")
    return _ESCAPED.sub(lambda found: c if (c := chr(int(found[1], 16))) in _PLAIN else found[0].upper(), escaped)
