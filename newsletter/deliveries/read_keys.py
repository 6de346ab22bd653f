"""What mail is signed with, as the settings say: the private keys, and the fields that are left out."""

from typing import TYPE_CHECKING

from newsletter.errors import SettingsError
from newsletter.settings import Settings

if TYPE_CHECKING:
    from newsletter.deliveries.dkim import Signer


def signers_of(settings: Settings) -> "tuple[Signer, ...]":
    """The keys that NEWSLETTER_DKIM names. Raises SettingsError naming the file that cannot be used."""
    if not settings.dkim:
        return ()
    from newsletter.deliveries.dkim import Signer

    found = []
    for key in settings.dkim:
        try:
            found.append(Signer.from_pem(key.selector, key.domain, key.path.read_bytes()))
        except OSError as error:
            raise SettingsError(f"NEWSLETTER_DKIM: {key.path} cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise SettingsError(f"NEWSLETTER_DKIM: {key.path} {error}") from None
    return tuple(found)


def left_out(settings: Settings) -> tuple[str, ...]:
    """The fields that no signature may cover, since a relay rewrites them."""
    from newsletter.deliveries.dkim import REWRITTEN_BY_SES

    return REWRITTEN_BY_SES if any(relay.profile == "ses" for relay in settings.smtp) else ()
