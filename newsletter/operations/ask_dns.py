"""Ask the DNS what receivers ask it about us, and say how that stands: SPF, DKIM, DMARC, MX, PTR."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Protocol

import httpx
from sqlalchemy.exc import SQLAlchemyError

from newsletter.errors import NewsletterError, advice_on
from newsletter.operations import checks, dns_checks, spf
from newsletter.operations.checks import Check, error, ok, warning
from newsletter.setting_values import DkimKey
from newsletter.settings import Settings

_MOST_RECORDS = 20

# What is looked at, by name, and how.
Look = tuple[str, Callable[[], list[Check]]]


class Resolver(Protocol):
    """What is asked of the DNS. Names that do not exist give []; LookupError where there was no answer."""

    def txt(self, name: str) -> list[str]: ...
    def mx(self, name: str) -> list[str]: ...
    def addresses(self, name: str) -> list[str]: ...
    def ptr(self, address: str) -> list[str]: ...


def guarded(name: str, look: Callable[[], list[Check]]) -> list[Check]:
    """One look; what goes wrong in it is a finding, and stops no other."""
    try:
        return look()
    except LookupError as found:
        return [warning(name, f"the DNS gave no answer ({line(found)})", "see that this machine can ask the DNS")]
    except (NewsletterError, SQLAlchemyError, OSError, ValueError, httpx.HTTPError) as found:
        return [error(name, line(found), advice_on(line(found)) or "see docs/operators.md")]


def identity(settings: Settings, resolver: Resolver) -> Iterator[Look]:
    """What the mail is judged by: SPF, DMARC and DKIM of who sends it."""
    if settings.from_ is not None:
        domain = settings.from_.domain.lower()
        envelope = settings.bounce_domain or domain
        yield f"SPF of {envelope}", lambda: [_spf(envelope, resolver)]
        yield f"DMARC of {domain}", lambda: [_dmarc(domain, settings, resolver)]
    for key in settings.dkim:
        yield f"DKIM {key.selector}", partial(_dkim, key, resolver)
    if settings.dkim:
        yield "fast signing", _fast_signing
    else:
        advice = "run `newsletter dkim generate`"
        yield "DKIM", lambda: [warning("DKIM", "no key is set, so only the relay can sign", advice)]


def _fast_signing() -> list[Check]:
    """Whether what somebody installed for it works."""
    from newsletter.deliveries import rsa_eights

    try:
        rsa_eights.load()
    except PackageNotFoundError:
        return []
    except OSError as reason:
        advice = "install the extra fast-signing anew, or uninstall ipp-crypto; OpenSSL signs meanwhile"
        return [warning("fast signing", f"cannot be used: {line(reason)}", advice)]
    return [ok("fast signing", "RSA signatures are made eight at a time")]


def dns(settings: Settings, resolver: Resolver) -> Iterator[Check]:
    """All of it, as it is done."""
    for name, look in identity(settings, resolver):
        yield from guarded(name, look)
    if settings.bounce_domain is not None:
        bounces = settings.bounce_domain
        yield from guarded(f"MX of {bounces}", lambda: [_mx(bounces, resolver)])
    for host in dict.fromkeys(relay.host for relay in settings.smtp if not checks.is_local(relay.host)):
        yield from guarded(f"PTR of {host}", lambda host=host: _ptr(host, resolver))  # type: ignore[misc]


def _spf(domain: str, resolver: Resolver) -> Check:
    """With all that the record leads to, as far as a receiver would go."""
    texts: dict[str, list[str]] = {}
    waiting = [domain]
    while waiting and len(texts) < _MOST_RECORDS:
        name = waiting.pop(0)
        if name not in texts:
            texts[name] = resolver.txt(name)
            waiting += spf.leads_to(texts[name])
    return spf.spf_check(domain, texts)


def _mx(domain: str, resolver: Resolver) -> Check:
    exchanges = {host: resolver.addresses(host) if host.strip(".") else [] for host in resolver.mx(domain)[:10]}
    return dns_checks.mx_check(domain, exchanges, resolver.addresses(domain))


def _dmarc(domain: str, settings: Settings, resolver: Resolver) -> Check:
    signing = list(dict.fromkeys(key.domain for key in settings.dkim))
    for at in dns_checks.tree(domain):
        records = resolver.txt(f"_dmarc.{at}")
        if any(text.replace(" ", "").startswith("v=DMARC1") for text in records):
            return dns_checks.dmarc_check(domain, at, records, signing)
    return dns_checks.dmarc_check(domain, domain, [], signing)


def _dkim(key: DkimKey, resolver: Resolver) -> list[Check]:
    """The private key can be read, by nobody else, and its public half is published."""
    name = f"{key.selector}._domainkey.{key.domain}"
    if key.path.stat().st_mode & 0o077:
        return [error(f"DKIM {name}", f"others can read {key.path}", f"chmod 600 {key.path}")]
    return [dns_checks.dkim_check(name, resolver.txt(name), _public_half(key.path))]


def _public_half(path: Path) -> str:
    """As RFC 6376 and RFC 8463 publish it: the DER of an RSA key, the raw 32 bytes of an Ed25519 one, in base64."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    private = load_pem_private_key(path.read_bytes(), None)
    if isinstance(private, Ed25519PrivateKey):
        return b64encode(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    return b64encode(private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def _ptr(host: str, resolver: Resolver) -> list[Check]:
    found = []
    for address in resolver.addresses(host)[:4]:
        names = resolver.ptr(address)
        forward = resolver.addresses(names[0]) if names else []
        found.append(dns_checks.ptr_check(address, names, forward))
    return found or [error(f"PTR of {host}", "the relay's name has no address", "check NEWSLETTER_SMTP")]


def line(found: object) -> str:
    """What was found, in one line; of the database in its driver's own words."""
    words = " ".join(str(getattr(found, "orig", None) or found).split())
    return words[:200] or type(found).__name__
