"""A week as the editors' room meets it: launches with and without takes, some that nobody could match, readers."""

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, insert

from db.engine import transaction
from db.keys import address_key
from db.models import Release, Subscriber
from db.tools import tools_by_slug
from newsletter.clock import Week
from newsletter.issues.compose import compose_issue
from newsletter.settings import Settings
from newsletter.subscribers.addresses import hash_address
from newsletter.tools.import_tools import import_tools

WEEK = Week(2026, 47)
NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
IN_WEEK = datetime(2026, 11, 18, 9, 0, tzinfo=UTC)
PANEL = ("builder", "skeptic", "futurist", "founder", "creator")

# slug, name, category, what the panel calls in its order (S ship, K skip, . no take)
LAUNCHES = (
    ("curly", "Curly", "Developer Tools", "SSSSK"),
    ("pagewright", "Pagewright", "Writing", "SSKSS"),
    ("branchline", "Branchline", "Developer Tools", "SKSK."),
    ("tallyho", "Tallyho", "Analytics", "KKKS."),
    ("inkwell", "Inkwell", "Writing", "....."),
    ("nightjar", "Nightjar", "Developer Tools", "....."),
)
UNSURE: tuple[tuple[str, str, list[tuple[str, float, str]]], ...] = (
    ("Curly 2 for teams", "https://launches.example/curly-2", [("curly", 0.82, "its name begins with Curly")]),
    ("Pagewright Studio", "https://launches.example/pagewright-studio",
     [("pagewright", 0.71, "its name begins with Pagewright"), ("inkwell", 0.31, "the same category")]),
    ("Lanternfish", "https://lanternfish.example/", []),
    ("We are hiring a designer", "https://jobs.example/designer", []),
)  # fmt: skip
READERS = ("ada@example.org", "bo@example.org", "cy@example.org")


def set_out(engine: Engine, settings: Settings, readers: tuple[str, ...] = READERS) -> None:
    """The tools, their releases, the unsure ones and the readers; then the draft of the week."""
    import_tools(engine, json.dumps({"tools": [_tool(*launch) for launch in LAUNCHES]}), NOW)
    with transaction(engine) as connection:
        known = tools_by_slug(connection, [launch[0] for launch in LAUNCHES])
        for slug, name, _, _ in LAUNCHES:
            url = f"https://launches.example/{slug}"
            row = release(f"{name} 1.0", url, tool_id=known[slug].id, status="matched", match_reason="its address")
            connection.execute(insert(Release).values(**row))
        for title, url, candidates in UNSURE:
            guessed = [{"tool": slug, "score": score, "reason": reason} for slug, score, reason in candidates]
            connection.execute(insert(Release).values(**release(title, url, candidates=guessed or None)))
        for email in readers:
            connection.execute(insert(Subscriber).values(**reader(email, address_key(connection))))
    compose_issue(engine, WEEK, settings, NOW)


def _tool(slug: str, name: str, category: str, calls: str) -> dict[str, Any]:
    takes = [
        {"panelist": panelist, "call": "ship" if call == "S" else "skip", "score": 84 if call == "S" else 31,
         "text": f"{panelist.capitalize()} tried {name} for a week and says so."}
        for panelist, call in zip(PANEL, calls, strict=True)
        if call != "."
    ]  # fmt: skip
    return {
        "slug": slug, "name": name, "category": category, "url": f"https://{slug}.example/",
        "tagline": f"{name} does one thing well", "pricing": "Free", "takes": takes,
    }  # fmt: skip


def release(title: str, url: str, **more: Any) -> dict[str, Any]:
    return {
        "url": url, "canonical_url": url.removeprefix("https://").rstrip("/"), "title": title, "name": title,
        "published_at": IN_WEEK, "first_seen_at": IN_WEEK, "week": str(WEEK), "late": False, "status": "unmatched",
    } | more  # fmt: skip


def reader(email: str, key: bytes) -> dict[str, Any]:
    return {
        "email": email, "email_hash": hash_address(email, key), "name": "", "state": "active", "created_at": NOW,
        "state_since": NOW,
    }  # fmt: skip
