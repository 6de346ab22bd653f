"""``newsletter tokens``: which programs may use the API."""

import secrets
from datetime import timedelta

import click

from newsletter.cli.door import WORD, Door, answer, json_option, pass_door
from newsletter.cli.tables import table
from newsletter.errors import BadInputError, NotFoundError


@click.group()
def tokens() -> None:
    """Which programs may use the API, and for what.

    \b
    Example:
      newsletter tokens add panel-site --scope tools:write
    """


@tokens.command()
@click.argument("name", type=WORD)
@click.option("--scope", "scopes", multiple=True, required=True, help="Such as tools:write; may be repeated.")
@click.option("--days", type=click.IntRange(1, 3650), help="How long it is good for; without it, until it is revoked.")
@json_option
@pass_door
def add(door: Door, name: str, scopes: tuple[str, ...], days: int | None, as_json: bool) -> None:
    """Make a token and show it, once: only its hash is kept.

    \b
    Example:
      newsletter tokens add panel-site --scope tools:write --scope releases:read
    """
    from db.api import add_token
    from db.engine import transaction
    from newsletter.clock import iso, real_now
    from newsletter.subscribers.tokens import hash_token
    from newsletter.web.api_pages import SCOPES

    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown:
        raise BadInputError(f"there is no scope {unknown[0]!r}; those there are: {', '.join(SCOPES)}")
    now = real_now()
    expires_at = now + timedelta(days=days) if days else None
    token, chosen = f"wv_{secrets.token_urlsafe(32)}", sorted(set(scopes))
    with transaction(door.engine) as connection:
        if not add_token(connection, name, hash_token(token), chosen, now, expires_at):
            raise BadInputError(f"there is, or was, a token named {name!r}; choose another name")
    document = {"name": name, "token": token, "scopes": chosen, "expires_at": iso(expires_at)}
    answer(document, as_json, [token, "Keep it now: it is not shown again."])


@tokens.command("list")
@json_option
@pass_door
def list_(door: Door, as_json: bool) -> None:
    """List the tokens by name, with their scopes and when they were last used.

    \b
    Example:
      newsletter tokens list
    """
    from db.api import list_tokens
    from db.engine import reading
    from newsletter.clock import iso

    with reading(door.engine) as connection:
        found = list_tokens(connection)
    listed = [
        {
            "name": one.name, "scopes": one.scopes, "created_at": iso(one.created_at), "used_at": iso(one.used_at),
            "expires_at": iso(one.expires_at), "revoked_at": iso(one.revoked_at),
        }
        for one in found
    ]  # fmt: skip
    rows = [
        (one.name, " ".join(one.scopes), iso(one.used_at), "revoked" if one.revoked_at else iso(one.expires_at))
        for one in found
    ]
    answer({"tokens": listed}, as_json, table(rows, ("name", "scopes", "used", "until"), "No tokens."))


@tokens.command()
@click.argument("name")
@json_option
@pass_door
def revoke(door: Door, name: str, as_json: bool) -> None:
    """Make a token useless from now on.

    \b
    Example:
      newsletter tokens revoke panel-site
    """
    from db.api import revoke_token
    from db.engine import transaction
    from newsletter.clock import real_now

    with transaction(door.engine) as connection:
        if not revoke_token(connection, name, real_now()):
            raise NotFoundError(f"there is no token {name!r} to revoke; `newsletter tokens list` shows those there are")
    answer({"name": name, "revoked": True}, as_json, f"{name} is revoked.")
