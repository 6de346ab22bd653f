"""What tests of the public pages put into the catalogue, and how they read what comes back."""

import json
import re
from html import unescape

from sqlalchemy import Engine

from newsletter.tools.import_tools import import_tools
from tests.fakes.sample_week import NOW


def put(engine: Engine, *tools: dict[str, object]) -> None:
    import_tools(engine, json.dumps({"tools": tools}), NOW)


def tool(slug: str, **more: object) -> dict[str, object]:
    return {"slug": slug, "name": slug.title(), "url": f"https://{slug}.example", "category": "Writing"} | more


def words(html: str) -> str:
    """The page as its reader sees it: no tags, single spaces."""
    body = re.sub(r"<script.*?</script>|</?bdi>", "", html.partition("<main")[2], flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())
