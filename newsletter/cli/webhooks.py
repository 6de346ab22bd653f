"""``newsletter webhooks``: whom we tell of what happens."""

import secrets
from typing import TYPE_CHECKING

import click

from newsletter.cli.door import WORD, Door, answer, json_option, pass_door
from newsletter.cli.tables import table
from newsletter.errors import BadInputError, NewsletterError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection


@click.group()
def webhooks() -> None:
    """Addresses that are told of what happens: who subscribed, left or bounced, and which issue went out.

    \b
    Example:
      newsletter webhooks add crm https://crm.example.com/hooks/newsletter --event unsubscribed
    """


@webhooks.command()
@click.argument("name", type=WORD)
@click.argument("url")
@click.option("--event", "chosen", multiple=True, help="Such as unsubscribed; may be repeated. Without it, all.")
@json_option
@pass_door
def add(door: Door, name: str, url: str, chosen: tuple[str, ...], as_json: bool) -> None:
    """POST to URL what happens from now on, signed. Shows the secret that the receiver verifies with, once.

    \b
    Example:
      newsletter webhooks add crm https://crm.example.com/hooks/newsletter
      newsletter webhooks add crm https://crm.example.com/hooks --event bounced --event complained
    """
    from db.engine import transaction
    from db.events import add_webhook
    from newsletter.clock import real_now
    from newsletter.operations.webhooks import EVENTS, shown_secret
    from newsletter.setting_values import web_url

    unknown = sorted(set(chosen) - set(EVENTS))
    if unknown:
        raise BadInputError(f"there is no event {unknown[0]!r}; those there are: {', '.join(EVENTS)}")
    url = url.strip()  # a copied address brings a space along
    try:
        web_url(url)
    except ValueError as error:
        raise BadInputError(f"URL {error}") from None
    secret, told = secrets.token_bytes(32), [event for event in EVENTS if event in chosen or not chosen]
    with transaction(door.engine) as connection:
        if not add_webhook(connection, name, url, secret, told, real_now()):
            raise BadInputError(f"there is a webhook named {name!r}; choose another name")
    document = {"name": name, "url": url, "events": told, "secret": shown_secret(secret)}
    answer(document, as_json, [shown_secret(secret), "Keep it now: it is not shown again."])


@webhooks.command("list")
@json_option
@pass_door
def list_(door: Door, as_json: bool) -> None:
    """List the webhooks, and how far each was told.

    \b
    Example:
      newsletter webhooks list
    """
    from db.engine import reading
    from db.events import list_webhooks
    from newsletter.clock import iso

    with reading(door.engine) as connection:
        found = list_webhooks(connection)
    listed = [
        {
            "name": one.name, "url": one.url, "events": one.events, "after": one.after, "failures": one.failures,
            "trouble": one.answer, "next_at": iso(one.next_at) if one.failures else None,
            "paused_at": iso(one.paused_at),
        }
        for one in found
    ]  # fmt: skip
    rows = [
        (one.name, "paused" if one.paused_at else "failing" if one.failures else "ok", one.answer, one.url)
        for one in found
    ]
    answer({"webhooks": listed}, as_json, table(rows, ("name", "status", "trouble", "url"), "No webhooks."))


@webhooks.command()
@click.argument("name")
@json_option
@pass_door
def test(door: Door, name: str, as_json: bool) -> None:
    """Send a signed event of the type `test` now, and say whether it was taken.

    \b
    Example:
      newsletter webhooks test crm
    """
    from db.engine import reading
    from db.events import list_webhooks
    from newsletter.operations.call_webhooks import try_webhook

    with reading(door.engine) as connection:
        hook = next((one for one in list_webhooks(connection) if one.name == name), None)
    if hook is None:
        raise _unknown(name)
    trouble = try_webhook(door.settings, hook)
    if trouble is not None:
        raise NewsletterError(f"{hook.url} did not take it: {trouble}")
    answer({"name": name, "taken": True}, as_json, f"{hook.url} took it.")


@webhooks.command()
@click.argument("name")
@json_option
@pass_door
def resume(door: Door, name: str, as_json: bool) -> None:
    """Go on telling a webhook that is paused, at once and from where it stopped.

    \b
    Example:
      newsletter webhooks resume crm
    """
    from db.events import resume_webhook
    from newsletter.clock import real_now

    _change(door, name, lambda connection: resume_webhook(connection, name, real_now()))
    answer({"name": name, "resumed": True}, as_json, f"{name} is told again.")


@webhooks.command()
@click.argument("name")
@json_option
@pass_door
def remove(door: Door, name: str, as_json: bool) -> None:
    """Tell this one nothing any more.

    \b
    Example:
      newsletter webhooks remove crm
    """
    from db.events import remove_webhook

    _change(door, name, lambda connection: remove_webhook(connection, name))
    answer({"name": name, "removed": True}, as_json, f"{name} is told nothing any more.")


def _change(door: Door, name: str, change: "Callable[[Connection], bool]") -> None:
    """``change`` is False where there is no such webhook."""
    from db.engine import transaction

    with transaction(door.engine) as connection:
        if not change(connection):
            raise _unknown(name)


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(f"there is no webhook {name!r}; `newsletter webhooks list` shows those there are")
