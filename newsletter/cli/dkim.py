"""``newsletter dkim``: keys for signing."""

import re
from pathlib import Path

import click

from newsletter.cli.door import Door, answer, json_option, pass_door
from newsletter.errors import BadInputError, RefusedError
from newsletter.secret_files import write_new

_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


@click.group()
def dkim() -> None:
    """Keys for signing.

    \b
    Example:
      newsletter dkim generate nov2026 news.example.com
    """


@dkim.command()
@click.argument("selector")
@click.argument("domain")
@click.option("--algorithm", type=click.Choice(["rsa", "ed25519"]), default="rsa", show_default=True,
              help="ed25519 beside rsa, under a selector of its own: not every receiver knows it.")  # fmt: skip
@json_option
@pass_door
def generate(door: Door, selector: str, domain: str, algorithm: str, as_json: bool) -> None:
    """Write SELECTOR.DOMAIN.pem into this folder, readable by you alone, and show the DNS record to publish.

    \b
    Example:
      newsletter dkim generate nov2026 news.example.com
    """
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

    from newsletter import setting_values
    from newsletter.deliveries.dkim import MINIMUM_RSA_BITS, Signer

    selector = selector.lower()
    if not _SELECTOR.fullmatch(selector):
        raise BadInputError(f"{selector!r} cannot be a selector: letters, digits and hyphens make one")
    try:
        domain = setting_values.domain(domain)
    except ValueError as error:
        raise BadInputError(f"the domain {error}") from None
    key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
    if algorithm == "rsa":
        key = rsa.generate_private_key(public_exponent=65537, key_size=MINIMUM_RSA_BITS)
    else:
        key = ed25519.Ed25519PrivateKey.generate()
    signer = Signer(selector, domain, key)
    path = Path(f"{selector}.{domain}.pem")
    _write(path, signer.pem())
    name = f"{selector}._domainkey.{domain}"
    document = {"path": str(path), "name": name, "record": signer.record()}
    answer(document, as_json, [
        f"Wrote {path}. Publish this TXT record, then set NEWSLETTER_DKIM={selector}:{domain}:{path.resolve()}",
        f'{name}. IN TXT {_quoted(signer.record())}',
    ])  # fmt: skip


def _write(path: Path, pem: bytes) -> None:
    """Never overwrites a key that may be in use."""
    try:
        write_new(path, pem)
    except FileExistsError:
        raise RefusedError(f"{path} is there already; choose another selector, or move it away") from None


def _quoted(record: str) -> str:
    """A TXT record's strings hold 255 octets each (RFC 1035, 3.3.14)."""
    return " ".join(f'"{record[start : start + 250]}"' for start in range(0, len(record), 250))
