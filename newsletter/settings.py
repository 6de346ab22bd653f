"""The settings: read once at a door, checked whole, handed down frozen.

A setting stands in the environment as ``NEWSLETTER_NAME`` or in ``newsletter.toml`` of the working folder as ``name``;
the environment wins. A value may name a file that holds it or a part of it (secret_files.py). `docs/settings.md`
explains each one, and a test keeps that page complete.
"""

import json
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from email.headerregistry import Address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from newsletter import secret_files, setting_paths
from newsletter import setting_values as values
from newsletter.crontabs import crontab
from newsletter.database_urls import database_url as read_database_url
from newsletter.errors import SettingsError
from newsletter.hook_keys import hook_of_sendgrid, hook_of_ses
from newsletter.hostnames import is_loopback
from newsletter.issues.theme import Theme, read_theme

PREFIX = "NEWSLETTER_"
FILE = "newsletter.toml"

# A setting that is a table in the file is JSON in the environment.
_TABLES = frozenset({"theme"})

# Read by the tests, not by the service; it may stand in the environment beside the settings.
_NOT_SETTINGS = frozenset({"CORPUS"})


def setting(read: Callable[[str], Any], default: str | None = None, *, secret: bool = False) -> Any:
    """A field read from text; ``default`` is text too, so that it is checked like any other value."""
    return field(default=None, repr=not secret, metadata={"read": read, "default": default})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What this installation is told. Fields without a default are None when nobody set them."""

    database_url: str = setting(read_database_url, "sqlite:///var/newsletter.db", secret=True)
    public_url: str = setting(values.web_url, "http://127.0.0.1:8000")
    backups: Path | None = setting(setting_paths.folder)
    backups_kept: int = setting(values.positive, "7")
    secret_key: tuple[str, ...] | None = setting(values.secrets_list, secret=True)
    title: str | None = setting(values.text)
    from_: Address | None = setting(values.mailbox_address)
    postal_address: str | None = setting(values.paragraph)
    smtp: tuple[values.Relay, ...] = setting(values.relays, "smtp://127.0.0.1:1025?tls=off", secret=True)
    senders: int | None = setting(values.positive)
    domain_rates: tuple[tuple[str, float], ...] = setting(values.domain_rates, "")
    finish_within: timedelta | None = setting(values.duration)
    timezone: ZoneInfo = setting(values.zone, "UTC")
    gather_at: str = setting(crontab, "0 * * * *")
    compose_at: str = setting(crontab, "0 6 * * mon")
    send_at: str = setting(crontab, "0 9 * * tue")
    approval: str = setting(values.one_of("required", "automatic"), "required")
    bounce_domain: str | None = setting(values.domain)
    bounce_mailbox: values.Mailbox | None = setting(values.bounce_mailbox, secret=True)
    dkim: tuple[values.DkimKey, ...] = setting(values.dkim_keys, "")
    uncertain: str = setting(values.one_of("retry", "leave"), "retry")
    trusted_proxies: tuple[values.Network, ...] = setting(values.networks, "")
    reply_to: Address | None = setting(values.mailbox_address)
    about: Path | None = setting(setting_paths.text_file)
    theme: Theme = setting(read_theme, "{}")
    fetch_private: bool = setting(values.flag, "false")
    now: datetime | None = setting(values.instant)
    welcome: bool = setting(values.flag, "true")
    sign_ups_per_address: int = setting(values.positive, "20")
    sign_ups_per_network: int = setting(values.positive, "100")
    sign_ups_in_all: int = setting(values.positive, "2000")
    hook_ses: str | None = setting(hook_of_ses, secret=True)
    hook_sendgrid: str | None = setting(hook_of_sendgrid, secret=True)
    hook_postmark: str | None = setting(values.text, secret=True)
    hook_mailgun: str | None = setting(values.text, secret=True)

    @property
    def shown_title(self) -> str:
        """What pages and drafts are headed with; until somebody sets a title, and so before anything is sent, ours."""
        return self.title or "Weekly Verdicts"


def load(environ: Mapping[str, str] | None = None, folder: Path | None = None) -> Settings:
    """Read and check every setting. Raises SettingsError naming the first that is unknown or malformed."""
    environ = os.environ if environ is None else environ
    known = {item.name.rstrip("_"): item for item in fields(Settings)}
    folder = folder or Path.cwd()
    given = _from_file(folder / FILE, known.keys())
    for name, value in environ.items():
        if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in _NOT_SETTINGS:
            key = name.removeprefix(PREFIX).lower()
            if key not in known or name != name.upper():
                raise SettingsError(f"{name} is not a setting; see docs/settings.md for those there are")
            given[key] = (name, value)
    read: dict[str, Any] = {}
    for key, item in known.items():
        where, text = given.get(key, (PREFIX + key.upper(), item.metadata["default"]))
        if text is None or (text.strip() == "" and item.metadata["default"] is None):
            continue
        try:
            read[item.name] = item.metadata["read"](secret_files.resolve(text, folder))
        except ValueError as error:
            raise SettingsError(f"{where} {error}") from None
        except OSError as error:
            raise SettingsError(f"{where} names {error.filename}, which cannot be used: {error.strerror}") from None
    return Settings(**read)


def _from_file(path: Path, known: Any) -> dict[str, tuple[str, str]]:
    try:
        document = tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"{path.name} cannot be read: {error.strerror}") from None
    except ValueError as error:  # of TOML, of UTF-8, or of a number without end
        raise SettingsError(f"{path.name} is not valid TOML: {error}") from None
    except RecursionError:
        raise SettingsError(f"{path.name} is nested too deeply to hold settings") from None
    given = {}
    for key, value in document.items():
        where = f"{key} in {path.name}"
        if key not in known:
            raise SettingsError(f"{where} is not a setting; see docs/settings.md for those there are")
        if isinstance(value, bool):
            value = str(value).lower()
        if isinstance(value, list) and all(isinstance(part, str) for part in value):
            value = (", " if key == "secret_key" else " ").join(value)
        if isinstance(value, dict) and key in _TABLES:
            value = json.dumps(value, default=str)
        if not isinstance(value, (str, int, datetime)):
            raise SettingsError(f"{where} must be text, not {type(value).__name__}")
        given[key] = (where, str(value))
    return given


NEEDED_TO_SEND = ("title", "from_", "postal_address", "secret_key")


def missing(settings: Settings, *names: str) -> list[str]:
    """Which of these settings nobody set, as they are called in the environment."""
    return [PREFIX + name.rstrip("_").upper() for name in names if getattr(settings, name) in (None, ())]


def required(settings: Settings, *names: str) -> None:
    """Raises SettingsError naming the first of these settings that nobody set."""
    for label in missing(settings, *names):
        raise SettingsError(f"{label} is not set; `newsletter init --write-settings` writes a file to fill in")


def required_to_send(settings: Settings) -> None:
    """Raises SettingsError naming what no issue can be sent without, or by: asked before anything is published."""
    required(settings, *NEEDED_TO_SEND)
    where = urlsplit(settings.public_url)
    if where.scheme != "https" and not is_loopback(where.hostname or ""):
        raise SettingsError("NEWSLETTER_PUBLIC_URL must begin with https://: one-click unsubscribing asks for it")
    if all(gives_its_password_away(relay) for relay in settings.smtp):
        name = settings.smtp[0].name
        raise SettingsError(f"NEWSLETTER_SMTP: the relay {name} has a password and tls=off: set tls=starttls")


def gives_its_password_away(relay: values.Relay) -> bool:
    """Whether its password would go over a network in clear text, as it never does."""
    return relay.user is not None and relay.tls == "off" and not is_loopback(relay.host)
