"""Where the database is, as the setting and `newsletter move` are told."""

import re

from newsletter.setting_paths import no_home
from newsletter.setting_values import text

# As SQLAlchemy takes it apart: user and password, a host or an IPv6 address, a port, a database, options.
_POSTGRES = re.compile(
    r"postgresql\+psycopg://(?:[^:/]*(?::[^@]*)?@)?(?:\[[^/?]+\]|[^/:?@\[\]]*)(?::([0-9]{1,5}))?(?:/[^?]*)?(?:\?.*)?"
)


def database_url(value: str) -> str:
    """A URL that an engine can be made of. What is wrong is said without it: there is a password in it."""
    cleaned = text(value)
    if cleaned.startswith("sqlite:///"):
        path = cleaned.removeprefix("sqlite:///")
        if path in ("", ":memory:") or "?" in path:
            raise ValueError("must name a file, without options, such as sqlite:///var/newsletter.db")
        no_home(path)
        return cleaned
    if not cleaned.startswith("postgresql+psycopg://"):
        raise ValueError("must begin with sqlite:/// or postgresql+psycopg://")
    found = _POSTGRES.fullmatch(cleaned)
    if not found or not 0 < int(found[1] or 5432) < 65536:
        raise ValueError(
            "must be like postgresql+psycopg://user:password@host:5432/database, with %40 for an @ in the password"
        )
    return cleaned
