"""Reads the private keys that mail is signed with."""

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
