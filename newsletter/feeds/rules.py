"""A feed's include and exclude rules: regular expressions that somebody typed, met by texts that anybody wrote.

RE2 (https://github.com/google/re2/wiki/Syntax) matches in linear time, so no rule and no text can hold up a gathering
as `(a+)+$` does elsewhere; it has neither look-arounds nor back-references in return.
"""

from functools import lru_cache
from typing import Any


class BadRuleError(ValueError):
    """It is no regular expression that we take; the message says why."""


def matches(rule: str, text: str) -> bool:
    """Is this rule found somewhere in the text, in any case? Raises BadRuleError."""
    return _compiled(rule).search(text) is not None


@lru_cache(maxsize=256)
def _compiled(rule: str) -> Any:
    import re2

    options = re2.Options()
    options.case_sensitive, options.log_errors = False, False
    try:
        return re2.compile(rule, options=options)
    except re2.error as error:
        raise BadRuleError(_in_words(error)) from None


def _in_words(error: Exception) -> str:
    said = error.args[0].decode("utf-8", "replace") if error.args and isinstance(error.args[0], bytes) else str(error)
    if said.startswith(("invalid perl operator: (?", "invalid escape sequence: \\")):
        return f"{said}; look-arounds and back-references are not taken"
    return said
