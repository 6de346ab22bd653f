"""Fields of a CSV that a spreadsheet would run: ``=HYPERLINK(…)`` as a name is anybody's to type into our form.

A field that begins like a formula gets an apostrophe before it, which spreadsheets take for "this is text", and loses
it again when it is read. One that begins with apostrophes before such a character gets one more, so all come back.
"""

import re

_LIKE_A_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def as_text(field: str) -> str:
    """The field as it is written."""
    return f"'{field}" if _LIKE_A_FORMULA.match(field) else field


def as_meant(field: str) -> str:
    """The field as it was before `as_text`."""
    return field[1:] if field[:1] == "'" and _LIKE_A_FORMULA.match(field) else field
