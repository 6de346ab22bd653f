"""E-mail addresses: which text can be one, how two are compared, how they are hashed.

Two addresses are one person when they are equal after NFC, case folding and IDNA; Gmail's dots and ``+tags`` are never
merged, since at other providers they are other people.
"""

import hmac
import re
import unicodedata
from functools import lru_cache

import idna

from newsletter.errors import BadInputError

MAX_LENGTH = 254  # RFC 5321, 4.5.3.1.3 less the angle brackets
MAX_LOCAL = 64  # octets, RFC 5321, 4.5.3.1.1

_ATEXT = r"[a-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]"
# What comes along when an address is copied from a contact, a document or a web page.
_UNSEEN = " \t\r\n\xa0\u3000\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
# ASCII as keyboards for Chinese and Japanese write it, the @ like the rest. Where that is narrow, what stands before it
# may have been suppressed or erased as it is.
_WIDE = {0xFF01 + at: 0x21 + at for at in range(94)}
_WIDE_AT = "\uff20"
_LOCAL = re.compile(rf"{_ATEXT}+(?:\.{_ATEXT}+)*", re.I)
_SIMPLE_DOMAIN = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])", re.I | re.ASCII
)


def parse_address(text: str) -> str:
    """The address in the form that is stored and mailed: trimmed, NFC, domain in lower-case A-labels.

    Raises ValueError with a sentence for the person who typed it. Quoted local parts and address literals are refused.
    """
    address = text.strip()
    if not address.isascii():
        address = address.strip(_UNSEEN)
        address = unicodedata.normalize("NFC", address.translate(_WIDE) if _WIDE_AT in address else address)
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        raise ValueError("An e-mail address has a name, an @ and a domain.")
    if _has_spaces_or_invisible(address):
        raise ValueError("An e-mail address has no spaces or invisible characters.")
    if "\ufffd" in address:
        raise ValueError("A character of this address was lost on its way here.")
    if not _LOCAL.fullmatch(local) or "=?" in local:  # programs that decode too much see another address there
        raise ValueError("The part before the @ has a character or a dot that cannot stand there.")
    host = _a_labels(domain)
    if len(local.encode()) > MAX_LOCAL or len(local.encode()) + 1 + len(host) > MAX_LENGTH:
        raise ValueError("This is longer than an e-mail address can be.")
    return f"{local}@{host}"


def address_named(text: str) -> str:
    """The same of an address that somebody names to us. Raises BadInputError, which quotes it."""
    try:
        return parse_address(text)
    except ValueError as error:
        raise BadInputError(f"{text!r} cannot be an address: {error}") from None


def comparable(address: str) -> str:
    """What two spellings of one address share. Takes the stored form."""
    return unicodedata.normalize("NFC", address.casefold())


def hash_address(address: str, key: bytes) -> bytes:
    """The keyed hash by which an address is looked up and suppressed; 32 bytes."""
    return hmac.digest(key, comparable(address).encode(), "sha256")


def _has_spaces_or_invisible(address: str) -> bool:
    if address.isascii():
        return " " in address or not address.isprintable()
    return any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Zs") for c in address)


@lru_cache(maxsize=4096)
def _a_labels(domain: str) -> str:
    if _SIMPLE_DOMAIN.fullmatch(domain) and "xn--" not in domain.lower() and len(domain) <= 253:
        return domain.lower()
    try:
        host = idna.encode(domain, uts46=True).decode().lower()
    except (idna.IDNAError, UnicodeError):
        raise ValueError("The part after the @ is no domain name.") from None
    if not _SIMPLE_DOMAIN.fullmatch(host) or len(host) > 253:
        raise ValueError("The part after the @ is no domain name.")
    return host
