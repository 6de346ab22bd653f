"""What a page says about itself to feeds, cards and search engines. Pages that pass one as ``about`` get it in their
head: a canonical link, a description, ``og:*`` and JSON-LD."""

import json
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class About:
    """``url`` is absolute. ``data`` are schema.org objects; texts in it may be hostile."""

    title: str
    description: str
    url: str
    kind: str = "website"
    indexed: bool = True
    data: tuple[dict[str, Any], ...] = ()

    @property
    def json_ld(self) -> Markup:
        return script_safe({"@context": "https://schema.org", "@graph": list(self.data)})


def script_safe(document: Any) -> Markup:
    """JSON that can stand inside ``<script>``: no ``</script>``, no ``<!--``, no line separators, whatever it holds."""
    text = json.dumps(document, ensure_ascii=True, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704


def shortened(text: str, longest: int = _LONGEST) -> str:
    """One line of at most ``longest`` characters, cut at a word."""
    line = " ".join(text.split())
    if len(line) <= longest:
        return line
    cut = line[: longest - 1]
    return (cut.rpartition(" ")[0] or cut).rstrip(" ,;:.–") + "…"
