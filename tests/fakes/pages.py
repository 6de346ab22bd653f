"""What tests of the public pages put into the catalogue, and how they read what comes back."""

import json
import re
from datetime import datetime
from html import escape, unescape

from sqlalchemy import Engine

from newsletter.tools.import_tools import import_tools
from tests.fakes.sample_week import NOW


def put(engine: Engine, *tools: dict[str, object], now: datetime = NOW) -> None:
    import_tools(engine, json.dumps({"tools": tools}), now)


def tool(slug: str, **more: object) -> dict[str, object]:
    return {"slug": slug, "name": slug.title(), "url": f"https://{slug}.example", "category": "Writing"} | more


def words(html: str) -> str:
    """The page as its reader sees it: no tags, single spaces."""
    body = re.sub(r"<script.*?</script>|</?bdi>", "", html.partition("<main")[2], flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def not_isolated(html: str, *texts: str) -> list[str]:
    """Where one of these stands in an element that does not find its direction by itself (bdi, dir=auto)."""
    body = re.sub(r"<(script|option|textarea).*?</\1>", "", html.partition("<main")[2], flags=re.S)
    tags = [tag for text in texts for tag in re.findall(rf"(<[^<>]*>)[^<>]*{re.escape(escape(text))}", body)]
    assert tags, "none of them stands on the page"
    return [tag for tag in tags if tag != "<bdi>" and 'dir="auto"' not in tag and 'class="unseen"' not in tag]
