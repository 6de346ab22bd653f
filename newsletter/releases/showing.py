"""A release as documents show it. ``release`` is its row."""

from typing import Any

from newsletter.clock import iso


def shown(release: Any, sources: list[str]) -> dict[str, Any]:
    """``sources`` are the addresses of all the feeds that showed it, where they were looked up."""
    return {
        "id": release.id, "feed": release.feed, "feed_name": release.feed_name, "url": release.url,
        "title": release.title, "name": release.name, "version": release.version, "tagline": release.tagline,
        "published_at": iso(release.published_at), "first_seen_at": iso(release.first_seen_at), "week": release.week,
        "tool": release.tool, "issue": release.issue, "late": release.late, "status": release.status,
        "sources": sources or [release.feed] * bool(release.feed),
    }  # fmt: skip
