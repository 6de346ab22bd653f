"""Changes that editors make to single tools: a new one from a release, another name, on or off the public pages."""

from datetime import datetime
from itertools import count

from sqlalchemy import Connection, Engine

from db import tools as rows
from db.engine import transaction
from db.tools import AliasRow, ToolRow
from newsletter.errors import BadInputError, NotFoundError
from newsletter.feeds.addresses import canonical_url
from newsletter.releases.naming import fold_name, slug_of
from newsletter.tools import field_values


def make_tool(
    engine: Engine, name: str, url: str, category: str, now: datetime, *,
    tagline: str | None = None, shared: bool = False,
) -> str:  # fmt: skip
    """A new tool, unlisted until it has a take; returns its slug, made of its name. Releases at its address are its
    own, unless it is ``shared``.

    Raises BadInputError for a name, address or category that cannot be one.
    """
    if not name or not category:
        raise BadInputError("a new tool needs a name and a category")
    fields = (("address", field_values.web_address, url), ("category", field_values.category, category))
    for what, read, given in fields:
        try:
            read(given)
        except field_values.Fault as fault:
            raise BadInputError(f"the {what} {fault}") from None
    with transaction(engine) as connection:
        slug = _free_slug(connection, name)
        tool_id = rows.add_tool(
            connection, slug=slug, name=name, name_key=fold_name(name), url=url,
            address_key=None if shared else canonical_url(url), category=category, listed=False, now=now,
            tagline=tagline, best_for=tagline,
        )  # fmt: skip
        rows.renew_search_text(connection, [tool_id])
    return slug


def remember_name(engine: Engine, slug: str, name: str, now: datetime) -> None:
    """From now on, releases of this name are this tool's."""
    with transaction(engine) as connection:
        tool = _standing(connection, slug)
        rows.add_aliases(connection, [AliasRow(tool.id, "name", fold_name(name), name, "editor")])
        rows.renew_search_text(connection, [tool.id])
        rows.update_tool(connection, tool.id, {}, now)


def forget_name(engine: Engine, rule_id: int, now: datetime) -> str:
    """Take back what ``remember_name`` said; returns the name. What was matched by it stays matched."""
    with transaction(engine) as connection:
        rule = rows.remove_rule(connection, rule_id)
        if rule is None:
            raise NotFoundError("there is no such rule any more")
        rows.renew_search_text(connection, [rule.tool_id])
        rows.update_tool(connection, rule.tool_id, {}, now)
        return rule.label


def set_listed(engine: Engine, slug: str, listed: bool, now: datetime) -> None:
    """Show a tool on public pages, or take it off them."""
    with transaction(engine) as connection:
        rows.update_tool(connection, _standing(connection, slug).id, {"listed": listed}, now)


def _standing(connection: Connection, slug: str) -> ToolRow:
    tool = rows.standing_tool(connection, slug)
    if tool is None:
        raise NotFoundError(f"there is no tool {slug!r}; `newsletter tools list` shows those there are")
    return tool


def _free_slug(connection: Connection, name: str) -> str:
    wished = slug_of(name)
    for number in count(1):
        slug = wished if number == 1 else f"{wished}-{number}"
        if rows.tool_by_slug(connection, slug) is None:
            return slug
    raise AssertionError("numbers do not end")
