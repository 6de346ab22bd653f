"""What can go wrong, said to the person who can act.

Every message is one line: what could not be done, why, and what to do next. Doors print it and nothing else.
"""

from typing import TypeVar

Row = TypeVar("Row")


# What SQLite or the system says -> what to do.
_ADVICE = {
    "is full": "make room on its disk",
    "No space left": "make room on its disk",
    "disk I/O error": "see that its disk has room and is whole",
    "readonly database": "see that this user may write to the file and its folder",
    "unable to open": "see that this user may read and write the file and its folder",
    "disk image is malformed": "stop the service and `newsletter restore` the newest backup",
    "malformed database schema": "stop the service and `newsletter restore` the newest backup",
    "not a database": "see NEWSLETTER_DATABASE_URL; if it was one, `newsletter restore` the newest backup",
    "is locked": "stop what writes to it for so long, or try again",
}


class NewsletterError(Exception):
    """The work could not be done. A command that meets it exits with 1."""


class SettingsError(NewsletterError, ValueError):
    """A setting is unknown, malformed or missing; the message names it."""


class NotReadyError(NewsletterError):
    """The database is missing or its schema is not the one this version needs."""


class NotFoundError(NewsletterError, LookupError):
    """Something named by a person does not exist."""


class RefusedError(NewsletterError):
    """The thing exists, but its state does not allow this act."""


class BadInputError(NewsletterError, ValueError):
    """A file, address or value given by a person cannot be used; the message says where and why."""


def known(row: Row | None, what: str, group: str) -> Row:
    """The row, where there is one. Raises NotFoundError, which names the command that lists the rows there are."""
    if row is None:
        raise NotFoundError(f"there is no {what}; `newsletter {group} list` shows those there are")
    return row


def first_line(error: BaseException) -> str:
    """What broke, in a line: drivers write several."""
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def unforeseen(error: BaseException) -> str:
    """What nobody foresaw, in a line: of what kind it is, and what it says of itself."""
    kind, words = type(error).__name__, first_line(error)
    return kind if words == kind else f"{kind}: {words}"


def advice_on(why: str) -> str:
    """What to do about a database that cannot be used; '' where that is not known."""
    return next((what for words, what in _ADVICE.items() if words in why), "")
