"""Asking the DNS, through the system's resolvers or one that is named."""

import ipaddress
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

import dns.exception
import dns.resolver
import dns.reversename

_LIFETIME = 5.0


class SystemResolver:
    """Answers as text. ``server`` is ``address`` or ``address:port``; None asks what the system is set up to ask.

    Raises ValueError for a server that cannot be one.
    """

    def __init__(self, server: str | None = None) -> None:
        self._server = None if server is None else _address_and_port(server)
        self._made: dns.resolver.Resolver | None = None

    def txt(self, name: str) -> list[str]:
        return self._ask(name, "TXT", lambda record: b"".join(record.strings).decode("utf-8", "replace"))

    def mx(self, name: str) -> list[str]:
        return self._ask(name, "MX", lambda record: record.exchange.to_text(omit_final_dot=True))

    def addresses(self, name: str) -> list[str]:
        try:
            return [str(ipaddress.ip_address(name))]
        except ValueError:
            found = [self._ask(name, kind, lambda record: str(record.address)) for kind in ("A", "AAAA")]
            return [address for kind in found for address in kind]

    def ptr(self, address: str) -> list[str]:
        name = dns.reversename.from_address(address).to_text()
        return self._ask(name, "PTR", lambda record: record.target.to_text(omit_final_dot=True))

    def _ask(self, name: str, kind: str, read: Callable[..., str]) -> list[str]:
        try:
            return [read(record) for record in self._resolver().resolve(name, kind, lifetime=_LIFETIME)]
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise LookupError(f"{name}: {type(error).__name__}") from None

    def _resolver(self) -> dns.resolver.Resolver:
        if self._made is None:
            if self._server is None:
                self._made = dns.resolver.Resolver()
            else:
                address, port = self._server
                self._made = dns.resolver.Resolver(configure=False)
                self._made.nameservers, self._made.port = [address], port
        return self._made


def _address_and_port(server: str) -> tuple[str, int]:
    """``9.9.9.9``, ``9.9.9.9:5353``, ``2620:fe::fe`` or ``[2620:fe::fe]:5353``."""
    with suppress(ValueError):
        return str(ipaddress.ip_address(server.strip())), 53
    parts = urlsplit(f"//{server.strip()}")
    return str(ipaddress.ip_address(parts.hostname or "")), 53 if parts.port is None else parts.port
