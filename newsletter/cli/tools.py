"""``newsletter tools``: the catalogue with its panel takes."""

from dataclasses import asdict
from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.door import WORD, Door, Source, answer, in_pages, json_option, note, pass_door, stream
from newsletter.cli.tables import table
from newsletter.clock import iso
from newsletter.english import counted
from newsletter.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection


@click.group()
def tools() -> None:
    """Tools with their panel takes.

    \b
    Example:
      newsletter tools import tools.json
    """


@tools.command("import")
@click.argument("file", type=Source())
@click.option("--dry-run", is_flag=True, help="Check the file and say what would change; store nothing.")
@json_option
@pass_door
def import_(door: Door, file: Any, dry_run: bool, as_json: bool) -> None:
    """Create and update tools from JSON: an object with a list "tools", or one tool per line.

    Any fault is reported with its place, and then nothing of the file is stored. FILE may be - for standard input.

    \b
    Example:
      newsletter tools import tools.json --dry-run
    """
    from newsletter.releases.rematch import rematch_releases
    from newsletter.tools.import_tools import import_tools

    try:
        text = file.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInputError(f"{file.name} is not UTF-8 text: byte {error.start} is none; nothing was stored") from None
    try:
        report = import_tools(door.engine, text, door.clock.now(), dry_run=dry_run)
    except BadInputError as error:
        raise BadInputError(f"{file.name}: {error}") from None
    if not dry_run:
        rematch_releases(door.engine, door.clock.now())
    if report.panelists:
        note(f"New on the panel: {', '.join(report.panelists)}.")
    document = {
        "created": report.created, "updated": report.updated, "unchanged": report.unchanged,
        "takes": {"new": report.new_takes, "replaced": report.replaced_takes},
        "panelists": list(report.panelists), "dry_run": dry_run,
    }  # fmt: skip
    done = "Would create" if dry_run else "Created"
    new_takes = counted(report.new_takes, "new take")
    line = (
        f"{done} {report.created}, {'update' if dry_run else 'updated'} {report.updated}, "
        f"leave {report.unchanged} as they are; {new_takes}, {report.replaced_takes} replaced."
    )
    answer(document, as_json, line if dry_run else line.replace("leave", "left"))


@tools.command()
@json_option
@pass_door
def export(door: Door, as_json: bool) -> None:
    """Print every tool in the shape that `tools import` reads. It is JSON with and without --json.

    \b
    Example:
      newsletter tools export > tools.json
    """
    stream("tools", _exported(door))


def _exported(door: Door) -> "Iterator[dict[str, Any]]":
    from db.tools import aliases_of, all_tools, cast_votes, takes_of
    from newsletter.tools.exporting import merged_votes, tool_document

    def read(connection: "Connection", after: int) -> list[tuple[int, dict[str, Any]]]:
        page = all_tools(connection, after)
        ids = [tool.id for tool in page]
        takes, aliases, cast = takes_of(connection, ids), aliases_of(connection, ids), cast_votes(connection, ids)
        return [
            (tool.id, tool_document(
                tool, aliases.get(tool.id, ()), takes[tool.id], merged_votes(tool, cast.get(tool.id, (0, 0)))
            ))
            for tool in page
        ]  # fmt: skip

    return (document for page in in_pages(door.engine, read, lambda one: one[0]) for _, document in page)


@tools.command("list")
@click.option("--category", type=WORD, help="Only tools of this category.")
@json_option
@pass_door
def list_(door: Door, category: str | None, as_json: bool) -> None:
    """List the tools in the order in which they joined.

    \b
    Example:
      newsletter tools list --category "Developer Tools"
    """
    from db.tools import all_tools
    from newsletter.verdicts.tally import verdict_of

    documents, rows = [], []
    for tool in chain.from_iterable(in_pages(door.engine, all_tools, lambda one: one.id)):
        if category is not None and tool.category.lower() != category.lower():
            continue
        verdict = verdict_of(tool.ships, tool.skips)
        documents.append(
            {
                "slug": tool.slug, "name": tool.name, "category": tool.category, "url": tool.url,
                "call": verdict.call, "ship_percent": verdict.ship_percent, "listed": tool.listed,
            }
        )  # fmt: skip
        rows.append((tool.slug, tool.name, tool.category, verdict.call, verdict.counts))
    answer({"tools": documents}, as_json, table(rows, ("slug", "name", "category", "call", "panel"), "No tools."))


@tools.command()
@click.argument("slug")
@json_option
@pass_door
def show(door: Door, slug: str, as_json: bool) -> None:
    """Show one tool with its takes, its verdict and what readers voted.

    \b
    Example:
      newsletter tools show example-tool --json
    """
    from db.engine import reading
    from db.tools import aliases_of, panel, past_takes_of, takes_of
    from newsletter.named import tool_named
    from newsletter.readers.community import community
    from newsletter.tools.exporting import take_document, tool_document
    from newsletter.verdicts.scorecard import scorecard
    from newsletter.verdicts.stamps import stamp
    from newsletter.verdicts.tally import tally

    with reading(door.engine) as connection:
        tool = tool_named(connection, slug)
        takes, past = takes_of(connection, [tool.id])[tool.id], past_takes_of(connection, [tool.id])[tool.id]
        aliases = aliases_of(connection, [tool.id]).get(tool.id, [])
        lines = scorecard(panel(connection), takes)
    verdict, readers = tally(takes), community(tool.vote_ships, tool.vote_skips)
    document = {
        "tool": tool_document(tool, aliases, takes) | {"best_for": tool.suits},
        "verdict": asdict(verdict),
        "community": asdict(readers),
        "listed": tool.listed,
        "history": [take_document(take) | {"replaced_at": iso(take.replaced_at)} for take in past],
    }
    percent = f", {verdict.ship_percent} %" if verdict.takes else ""
    words = [f"{tool.name}  {tool.url}", f"{stamp(verdict.call)} · {verdict.counts}{percent} · {readers.words}"]
    answer(document, as_json, words + [f"  {line.name:<10} {line.words}  {line.text}".rstrip() for line in lines])


@tools.command()
@click.argument("from_", metavar="FROM")
@click.argument("into", metavar="INTO")
@json_option
@pass_door
def merge(door: Door, from_: str, into: str, as_json: bool) -> None:
    """Make two tools one: releases, names, votes and bookmarks of FROM go to INTO, and its pages redirect there.

    Takes of INTO stand; those of FROM fill the gaps.

    \b
    Example:
      newsletter tools merge example-tool-2 example-tool
    """
    from newsletter.releases.rematch import rematch_releases
    from newsletter.tools.merge import merge_tools

    report = merge_tools(door.engine, from_, into, door.clock.now())
    rematch_releases(door.engine, door.clock.now())
    document = {"from": from_, "into": into, "releases": report.releases, "takes": report.takes, "votes": report.votes}
    releases, takes = counted(report.releases, "release"), counted(report.takes, "take")
    moved = f"{releases}, {takes} and {counted(report.votes, 'vote')} moved"
    answer(document, as_json, f"{from_} is part of {into} now: {moved}.")
