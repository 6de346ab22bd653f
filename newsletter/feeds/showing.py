"""A feed as documents show it, and how it fares. ``feed`` is its row."""

from datetime import datetime, timedelta
from typing import Any

from newsletter.clock import iso
from newsletter.english import counted
from newsletter.feeds.polling import is_failing_long, is_stale


def health(feed: Any, now: datetime) -> str:
    """One word or a few: what an operator should know about this feed."""
    if feed.status != "active":
        return str(feed.status)
    if is_failing_long(feed.last_ok_at, feed.created_at, feed.failures, now):
        return f"failing since {feed.last_ok_at or feed.created_at:%Y-%m-%d}: {feed.last_error}"
    if feed.failures:
        return f"failed {counted(feed.failures, 'time')}: {feed.last_error}"
    if feed.last_ok_at is None:
        return "not fetched yet"
    gap = feed.state.get("gap")
    if is_stale(feed.last_changed_at, timedelta(seconds=gap) if gap else None, now):
        return f"stale: nothing new since {feed.last_changed_at:%Y-%m-%d}"
    return "ok"


def shown(feed: Any) -> dict[str, Any]:
    """What `feeds show --json` prints of it."""
    return {
        "id": feed.id, "url": feed.url, "name": feed.name, "kind": feed.kind, "status": feed.status, "tool": feed.tool,
        "new_tools": feed.new_tools, "include": feed.include, "exclude": feed.exclude, "limit": feed.entry_limit,
        "prereleases": feed.prereleases, "added_at": iso(feed.created_at), "last_checked_at": iso(feed.last_checked_at),
        "last_ok_at": iso(feed.last_ok_at), "last_changed_at": iso(feed.last_changed_at),
        "next_check_at": iso(feed.next_check_at), "failures": feed.failures, "error": feed.last_error,
        "entries": feed.state.get("entries"),
    }  # fmt: skip
