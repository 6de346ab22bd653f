"""Which CSS large mail clients drop: facts of caniemail.com (MIT), vendored with their date in css_support.json.

Only inline styles are judged: they carry the layout. What stands in <style> improves it where a client reads it.
"""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files

# Outlook on Windows drops much that degrades well (rounded corners); these three read most of the mail there is.
_MATTER = frozenset({"Gmail", "Apple Mail", "Apple Mail on iOS"})
_STYLE = re.compile(r"\sstyle=\"([^\"]*)\"")


def unsupported(html: str) -> list[tuple[str, str]]:
    """Each inline declaration that a client which matters drops, with the names of those clients."""
    facts = _facts()
    found = {}
    for name, value in _declarations(html):
        for feature in (name, f"{name}-{value}"):
            clients = [client for client in facts.get(feature, ()) if client in _MATTER]
            if clients:
                found[f"{name}:{value}" if feature != name else name] = ", ".join(clients)
    return sorted(found.items())


def _declarations(html: str) -> Iterator[tuple[str, str]]:
    for style in set(_STYLE.findall(html)):
        for declaration in style.split(";"):
            name, colon, value = declaration.partition(":")
            if colon:
                yield name.strip().lower(), value.strip().lower()


@lru_cache(maxsize=1)
def _facts() -> dict[str, list[str]]:
    text = files("newsletter.issues").joinpath("css_support.json").read_text("utf-8")
    facts: dict[str, list[str]] = json.loads(text)["unsupported"]
    return facts
