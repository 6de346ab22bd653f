"""Secrets that stand in files of their own, as systemd credentials and container secrets do.

``secret:/run/secrets/key`` as a whole value means what that file holds; ``{secret:/run/secrets/smtp}`` within a value
stands for it there, percent-encoded where the value is a URL, so that any password may stand in one.
"""

import os
import re
from pathlib import Path
from urllib.parse import quote

LONGEST = 64 * 1024
_WHOLE = "secret:"
_WITHIN = re.compile(r"\{secret:([^{}]*)\}")


def resolve(value: str, folder: Path) -> str:
    """The value with what its references name; a path that is not absolute begins at ``folder``.

    Raises ValueError with words that finish "NEWSLETTER_X …", which name the file and never what it holds.
    """
    if value.strip().startswith(_WHOLE):
        return _read(folder / value.strip().removeprefix(_WHOLE))
    in_url = "://" in value

    def content(found: re.Match[str]) -> str:
        secret = _read(folder / found[1])
        return quote(secret, safe="") if in_url else secret

    return _WITHIN.sub(content, value)


def write_new(path: Path, content: bytes) -> None:
    """A file that only its owner may read, whole or not at all. Raises FileExistsError: none is ever overwritten."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
    except OSError as error:  # a full disk; half a file would stand in the way of the next try
        path.unlink()
        raise OSError(error.errno, error.strerror, str(path)) from None


def _read(path: Path) -> str:
    """Without the line end that editors and `echo` leave behind."""
    try:
        with path.open("rb") as file:
            found = file.read(LONGEST + 1).decode("utf-8").rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"names the secret file {path}, which cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"names the secret file {path}, which is not UTF-8") from None
    if not found.strip():
        raise ValueError(f"names the secret file {path}, which is empty")
    if len(found) > LONGEST:
        raise ValueError(f"names the secret file {path}, which is too long to be a secret")
    return found
