"""schema.org objects for JSON-LD: what search engines read of a tool, a list, a path."""

from collections.abc import Iterable, Sequence
from typing import Any

from db.tools import TakeRow, ToolRow
from newsletter.tools.field_values import is_web_address
from newsletter.web.site import Site


def tool_object(here: Site, tool: ToolRow, takes: Sequence[TakeRow]) -> dict[str, Any]:
    """A SoftwareApplication; takes are its reviews."""
    found: dict[str, Any] = {
        "@type": "SoftwareApplication",
        "@id": here.url(f"/tools/{tool.slug}"),
        "name": tool.name,
        "url": here.url(f"/tools/{tool.slug}"),
        "applicationCategory": tool.category,
    }
    if tool.tagline or tool.description:
        found["description"] = tool.tagline or tool.description
    if is_web_address(tool.url):
        found["sameAs"] = tool.url
    if takes:
        found["review"] = [_review(here, take) for take in takes]
    return found


def tool_list(here: Site, tools: Iterable[ToolRow]) -> dict[str, Any]:
    return item_list((tool.name, here.url(f"/tools/{tool.slug}")) for tool in tools)


def item_list(items: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """(name, absolute address) in order."""
    elements = [
        {"@type": "ListItem", "position": number, "name": name, "url": url}
        for number, (name, url) in enumerate(items, 1)
    ]
    return {"@type": "ItemList", "numberOfItems": len(elements), "itemListElement": elements}


def breadcrumbs(here: Site, steps: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """(name, path) from the outermost page inwards."""
    elements = [
        {"@type": "ListItem", "position": number, "name": name, "item": here.url(path)}
        for number, (name, path) in enumerate(steps, 1)
    ]
    return {"@type": "BreadcrumbList", "itemListElement": elements}


def _review(here: Site, take: TakeRow) -> dict[str, Any]:
    found: dict[str, Any] = {
        "@type": "Review",
        "name": f"{take.panelist.capitalize()}: {take.call}",
        "author": {"@type": "Organization", "name": f"{take.panelist.capitalize()}, panel of {here.title}"},
    }
    if take.text:
        found["reviewBody"] = take.text
    if take.score is not None:
        found["reviewRating"] = {"@type": "Rating", "ratingValue": take.score, "bestRating": 100, "worstRating": 0}
    if take.at is not None:
        found["datePublished"] = take.at.isoformat()
    return found
