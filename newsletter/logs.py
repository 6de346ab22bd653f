"""Logs: lines for people on a terminal, JSON elsewhere; no address and no token in either.

What a program says of itself outlives the data it speaks of, so the filter stands in front of every handler: e-mail
addresses, the tokens of links and bearer tokens, and passwords in URLs are blotted out wherever they come from.
"""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

from newsletter.clock import iso

_ADDRESS = re.compile(r"[^\s<>\"'(),;:]{1,128}@[^\s<>\"'(),;:]{1,255}")
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9_-])(?:[bu]-(?:[0-9a-f]{36}|[a-z2-7]{29})"
    r"|(?=[a-z_-]*[A-Z0-9])[A-Za-z0-9_-]{29,}(?:\.[A-Za-z0-9_-]{20})?)(?![A-Za-z0-9_-])"
)
# The example of an advice stays: it says where user and password belong.
_PASSWORD = re.compile(r"(?<=://)(?!user:password@host)[^\s/]{0,256}:(?!\*\*\*@)[^\s/]{0,256}@")
_PLAIN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def redacted(text: str) -> str:
    """The text without addresses, tokens and passwords."""
    return _TOKEN.sub("(token)", _ADDRESS.sub("(address)", without_passwords(text)))


def without_passwords(text: str) -> str:
    """The text with its URLs, but not who signs in there, and how."""
    return _PASSWORD.sub("", text)


class Redacting(logging.Filter):
    """Renders a record's message once, redacted; its extra fields too."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redacted(record.getMessage()), ()
        for name, value in _extra(record).items():
            if isinstance(value, str):
                setattr(record, name, redacted(value))
        return True


class ForPrograms(logging.Formatter):
    """One JSON object per line: ``at``, ``level``, ``logger``, ``message``, the extra fields, ``exception``."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": iso(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_extra(record),
        }
        if record.exc_info:
            line["exception"] = redacted(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


class ForPeople(logging.Formatter):
    """``12:00:01 warning newsletter.feeds: message (feed=3)``."""

    def format(self, record: logging.LogRecord) -> str:
        extra = ", ".join(f"{name}={value}" for name, value in _extra(record).items())
        at = datetime.fromtimestamp(record.created).astimezone()
        line = f"{at:%H:%M:%S} {record.levelname.lower()} {record.name}: {record.getMessage()}"
        line += f" ({extra})" if extra else ""
        return line + (f"\n{redacted(self.formatException(record.exc_info))}" if record.exc_info else "")


def set_up() -> None:
    """Send the program's log to standard error, as its reader needs it."""
    logging.basicConfig(level=logging.WARNING, handlers=[handler_to(sys.stderr)])


def handler_to(stream: TextIO) -> logging.Handler:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ForPeople() if stream.isatty() else ForPrograms())
    handler.addFilter(Redacting())
    return handler


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _PLAIN}
