"""Amazon SNS: the certificate that a notice says it was signed with, and the answer to a subscription's question.

Both are fetched from Amazon's own hosts alone, over TLS, without redirects.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx

from newsletter.deliveries.bounces_signatures import SNS_HOST, public_key
from newsletter.errors import NewsletterError
from newsletter.hook_keys import key_files

_TIMEOUT = 10.0
_MAX_BYTES = 20_000


def key_of_notice(setting: str, certificate_url: str) -> Any:
    """The public key to check a notice with.

    ``setting`` (NEWSLETTER_HOOK_SES) may name a file with a certificate or key, which then is the one; else the
    certificate is fetched from where the notice says, if that is Amazon. Raises NewsletterError.
    """
    files = key_files(setting)
    return _key_in_file(files[0]) if files else _key_at(certificate_url)


def confirm_subscription(url: str) -> None:
    """Answer SNS's question whether we want a topic's notices. Raises NewsletterError."""
    _fetch(url)


@lru_cache(maxsize=8)
def _key_in_file(path: Path) -> Any:
    try:
        return public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise NewsletterError(f"NEWSLETTER_HOOK_SES names {path}, which holds no certificate or key: {error}") from None


@lru_cache(maxsize=32)
def _key_at(url: str) -> Any:
    if not url.partition("?")[0].endswith(".pem"):
        raise NewsletterError("the notice does not name a certificate of Amazon SNS")
    try:
        return public_key(_fetch(url))
    except ValueError:
        raise NewsletterError("what Amazon SNS answered is no certificate") from None


def _fetch(url: str) -> bytes:
    if not SNS_HOST.fullmatch(url):
        raise NewsletterError("the notice names an address that is not Amazon SNS's")
    try:
        answer = httpx.get(url, timeout=_TIMEOUT, follow_redirects=False).raise_for_status()
    except httpx.HTTPError as error:
        raise NewsletterError(f"Amazon SNS could not be reached: {type(error).__name__}") from None
    return answer.content[:_MAX_BYTES]
