"""Free text from outside as one line."""

import re

_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b\u2028\u2029\ufeff]+")


def one_line(text: str, limit: int) -> str:
    """At most ``limit`` characters; control characters and runs of white space become one space."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()[:limit].rstrip()
    return _SPACES.sub(" ", text).strip()[:limit].rstrip()
