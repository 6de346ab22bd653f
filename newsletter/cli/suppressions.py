"""``newsletter suppressions``: who must never be mailed."""

from itertools import chain
from typing import TYPE_CHECKING

import click

from newsletter.cli.door import Door, answer, in_pages, json_option, pass_door, stream
from newsletter.cli.tables import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from db.suppressions import SuppressionRow


@click.group()
def suppressions() -> None:
    """Who must never be mailed.

    \b
    Example:
      newsletter suppressions add ada@example.com --note "asked by telephone"
    """


@suppressions.command("list")
@json_option
@pass_door
def list_(door: Door, as_json: bool) -> None:
    """Show the list; an erased address is there without its name.

    \b
    Example:
      newsletter suppressions list
    """
    from newsletter.clock import iso

    if as_json:
        stream(
            "suppressions",
            (
                {"email": row.email, "reason": row.reason, "at": iso(row.at), "note": row.note}
                for row in _everybody(door)
            ),
        )
        return
    rows = [(row.reason, iso(row.at), row.email) for row in _everybody(door)]
    click.echo("\n".join(table(rows, ("reason", "since", "email"), "Nobody is suppressed.")))


def _everybody(door: Door) -> "Iterator[SuppressionRow]":
    from db.suppressions import suppressions_page

    pages = in_pages(door.engine, lambda found, after: suppressions_page(found, after, 2000), lambda row: row.id)
    return chain.from_iterable(pages)


@suppressions.command()
@click.argument("email")
@click.option("--note", "why", help="Why, for whoever asks later.")
@json_option
@pass_door
def add(door: Door, email: str, why: str | None, as_json: bool) -> None:
    """Never mail this address again.

    \b
    Example:
      newsletter suppressions add ada@example.com --note "asked by telephone"
    """
    from newsletter.subscribers.suppress import suppress_address

    report = suppress_address(door.engine, email, now=door.clock.now(), note=why)
    said = f"{report.email} is never mailed again." if report.changed else f"{report.email} was suppressed already."
    answer({"email": report.email, "changed": report.changed}, as_json, said)


@suppressions.command()
@click.argument("email")
@json_option
@pass_door
def remove(door: Door, email: str, as_json: bool) -> None:
    """Let this address be mailed again. It is not subscribed by that, but may sign up.

    \b
    Example:
      newsletter suppressions remove ada@example.com
    """
    from newsletter.subscribers.suppress import lift

    report = lift(door.engine, email, now=door.clock.now())
    answer({"email": report.email, "changed": True}, as_json, f"{report.email} is no longer suppressed.")
