"""Changes that editors make to single tools: a new one from a release, another name, on or off the public pages."""

from datetime import datetime

from sqlalchemy import Engine

from db import desk, drafts, name_rules
from db import tools as rows
from db.engine import transaction
from newsletter.errors import NotFoundError
from newsletter.feeds.addresses import canonical_url
from newsletter.named import tool_named
from newsletter.releases.naming import fold_name, slug_of
from newsletter.tools.reading import NewTool


def make_tool(engine: Engine, given: NewTool, now: datetime) -> str:
    """A new tool, unlisted until it has a take; returns its slug, made of its name. Releases at its address are its
    own; a tool that has the address by then is that tool."""
    address = canonical_url(given.url)
    with transaction(engine) as connection:
        drafts.hold_composing(connection)
        there = desk.tool_at(connection, address)
        if there is not None:
            return there.slug
        slug = rows.free_slug(connection, slug_of(given.name))
        rows.add_tool(
            connection, slug=slug, name=given.name, name_key=fold_name(given.name), url=given.url, address_key=address,
            category=given.category, listed=False, now=now, tagline=given.tagline, best_for=given.tagline,
        )  # fmt: skip
    return slug


def remember_name(engine: Engine, slug: str, name: str, now: datetime) -> None:
    """From now on, releases of this name are this tool's, whatever was said of it before."""
    with transaction(engine) as connection:
        changed = name_rules.set_rule(connection, tool_named(connection, slug).id, fold_name(name), name)
        rows.renew_search_text(connection, changed)
        for tool_id in changed:
            rows.update_tool(connection, tool_id, {}, now)


def forget_name(engine: Engine, rule_id: int, now: datetime) -> str:
    """Take back what ``remember_name`` said; returns the name. What was matched by it stays matched."""
    with transaction(engine) as connection:
        rule = name_rules.remove_rule(connection, rule_id)
        if rule is None:
            raise NotFoundError("there is no such rule any more")
        rows.renew_search_text(connection, [rule.tool_id])
        rows.update_tool(connection, rule.tool_id, {}, now)
        return rule.label


def set_listed(engine: Engine, slug: str, listed: bool, now: datetime) -> None:
    """Show a tool on public pages, or take it off them."""
    with transaction(engine) as connection:
        rows.update_tool(connection, tool_named(connection, slug).id, {"listed": listed}, now)
