"""``newsletter feeds``: which feeds are watched."""

from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.door import WORD, Door, Source, answer, json_option, note, pass_door
from newsletter.cli.tables import table
from newsletter.clock import iso
from newsletter.english import counted
from newsletter.feeds.showing import health, shown

if TYPE_CHECKING:
    from db.feeds import FeedRow
    from newsletter.feeds.watch import WatchReport

_KINDS = click.Choice(["launches", "releases", "news"])


@click.group()
def feeds() -> None:
    """The watched feeds.

    \b
    Example:
      newsletter feeds add https://example.com/launches.atom --name "Example Launches"
    """


@feeds.command()
@click.argument("url")
@click.option("--name", help="What to call it; without one it takes the feed's own title.")
@click.option("--kind", type=_KINDS, help="launches (default), releases (of one tool) or news.")
@click.option("--tool", type=WORD, metavar="SLUG", help="The tool that everything in this feed is about.")
@click.option("--new-tools", type=click.Choice(["queue", "accept"]), default="queue", show_default=True,
              help="What becomes of launches of unknown tools.")  # fmt: skip
@click.option("--include", type=WORD, metavar="REGEX",
              help="Take only entries whose title, text or address this finds.")  # fmt: skip
@click.option("--exclude", type=WORD, metavar="REGEX", help="Leave those out.")
@click.option("--limit", type=click.IntRange(1, 1_000_000), metavar="N",
              help="At most N new releases a week, in the feed's own order.")  # fmt: skip
@click.option("--prereleases", is_flag=True, help="Take alphas, betas and release candidates too.")
@json_option
@pass_door
def add(door: Door, /, as_json: bool, **given: Any) -> None:
    """Watch a feed: RSS, Atom or JSON Feed. It is fetched by the next `newsletter gather`.

    \b
    Example:
      newsletter feeds add https://github.com/example/tool/releases.atom --kind releases --tool example-tool
    """
    from newsletter.feeds.watch import Watch, watch_feed

    feed = watch_feed(door.engine, Watch(**given), door.clock.now())
    answer(shown(feed), as_json, f"Watching {feed.name} ({feed.kind}) at {feed.url}.")


@feeds.command("list")
@json_option
@pass_door
def list_(door: Door, as_json: bool) -> None:
    """List the feeds, with what is wrong with those that need a look.

    \b
    Example:
      newsletter feeds list
    """
    from db.engine import reading
    from db.feeds import all_feeds

    now = door.clock.now()
    with reading(door.engine) as connection:
        found = all_feeds(connection)
    rows = [(feed.name, feed.kind, feed.tool, health(feed, now), feed.url) for feed in found]
    lines = table(rows, ("name", "kind", "tool", "health", "url"), "No feeds are watched yet.")
    answer({"feeds": [{**shown(feed), "health": health(feed, now)} for feed in found]}, as_json, lines)


@feeds.command()
@click.argument("feed")
@click.option(
    "--entries",
    default=20,
    type=click.IntRange(0, 5_000),
    show_default=True,
    help="How many of its newest entries to show.",
)
@json_option
@pass_door
def show(door: Door, feed: str, entries: int, as_json: bool) -> None:
    """Show a feed with its newest entries, and why some of them were skipped.

    \b
    Example:
      newsletter feeds show "Example Launches"
    """
    from db.engine import reading
    from db.feeds import entries_of, entry_counts

    now = door.clock.now()
    with reading(door.engine) as connection:
        found = _one(connection, feed)
        newest = entries_of(connection, found.id, entries)
        counts = entry_counts(connection, found.id)
    document = {
        **shown(found),
        "health": health(found, now),
        "counts": counts,
        "newest": [
            {"title": one.title, "url": one.url, "published_at": iso(one.published_at),
             "first_seen_at": iso(one.first_seen_at), "status": one.status, "reason": one.reason}
            for one in newest
        ],
    }  # fmt: skip
    lines = [f"{key}: {value}" for key, value in shown(found).items() if value is not None]
    lines += [f"health: {document['health']}", ""]
    lines += table([(one.status, one.title[:70], one.reason) for one in newest], ("status", "title", "reason"))
    answer(document, as_json, lines)


@feeds.command()
@click.argument("feed")
@json_option
@pass_door
def pause(door: Door, feed: str, as_json: bool) -> None:
    """Stop fetching a feed for now.

    \b
    Example:
      newsletter feeds pause "Example Launches"
    """
    from newsletter.feeds.watch import pause_feed

    _answer_one(pause_feed(door.engine, feed), "is paused", as_json)


@feeds.command()
@click.argument("feed")
@json_option
@pass_door
def resume(door: Door, feed: str, as_json: bool) -> None:
    """Fetch a paused or retired feed again.

    \b
    Example:
      newsletter feeds resume "Example Launches"
    """
    from newsletter.feeds.watch import resume_feed

    _answer_one(resume_feed(door.engine, feed), "is fetched again", as_json)


@feeds.command()
@click.argument("feed")
@json_option
@pass_door
def remove(door: Door, feed: str, as_json: bool) -> None:
    """Forget a feed and its entries. The releases that it announced stay.

    \b
    Example:
      newsletter feeds remove https://example.com/launches.atom
    """
    from newsletter.feeds.watch import remove_feed

    _answer_one(remove_feed(door.engine, feed), "is removed", as_json)


@feeds.command("import")
@click.argument("file", type=Source())
@json_option
@pass_door
def import_(door: Door, file: Any, as_json: bool) -> None:
    """Watch the feeds of an OPML file. Those watched already stay as they are. FILE may be - for standard input.

    \b
    Example:
      newsletter feeds import feeds.opml
    """
    from newsletter.errors import BadInputError
    from newsletter.feeds.opml import NotOpmlError, read_opml
    from newsletter.feeds.watch import watch_feeds, watch_of

    try:
        outlines = read_opml(file.read())
    except NotOpmlError as error:
        raise BadInputError(f"{file.name} cannot be read as OPML: {error}") from None
    _answer_list(watch_feeds(door.engine, map(watch_of, outlines), door.clock.now()), as_json)


@feeds.command()
@json_option
@pass_door
def export(door: Door, as_json: bool) -> None:
    """Print the feeds as OPML, for this command and for any feed reader.

    \b
    Example:
      newsletter feeds export > feeds.opml
    """
    from db.engine import reading
    from db.feeds import all_feeds
    from newsletter.feeds.opml import write_opml
    from newsletter.feeds.watch import outline_of

    with reading(door.engine) as connection:
        found = all_feeds(connection)
    title = f"Feeds of {door.settings.title or 'this newsletter'}"
    opml = write_opml(map(outline_of, found), title).decode()
    answer({"feeds": [shown(feed) for feed in found]}, as_json, opml.rstrip("\n"))


@feeds.command()
@click.argument("url")
@click.option("--kind", type=_KINDS, default="launches", show_default=True, help="As what it would be watched.")
@json_option
@pass_door
def check(door: Door, url: str, kind: str, as_json: bool) -> None:
    """Show what would be read from a feed, without watching it.

    \b
    Example:
      newsletter feeds check https://example.com/blog.xml --kind news
    """
    from dataclasses import asdict

    from newsletter.feeds.check import check_feed

    report = check_feed(door.settings, url, kind, door.clock.now())
    document = asdict(report)
    for entry in document["readings"]:
        entry["published_at"] = iso(entry["published_at"])
    rows = [
        (one.week or "–", one.title[:50], f"skipped: {one.skipped}" if one.skipped else one.name, one.version)
        for one in report.readings[:50]
    ]
    size = counted(report.entries, "entry", "entries")
    lines = [f"{report.title or 'A feed without a title'} ({report.form}, {size}) at {report.url}"]
    lines += [] if report.conditional else ["It has neither ETag nor Last-Modified, so it is sent whole every time."]
    answer(document, as_json, [*lines, "", *table(rows, ("week", "title", "becomes", "version"))])


@feeds.command()
@json_option
@pass_door
def starter(door: Door, as_json: bool) -> None:
    """Watch some forty public feeds of AI and developer tools. Those watched already stay as they are.

    \b
    Example:
      newsletter feeds starter
    """
    from newsletter.feeds.starters import starter_feeds
    from newsletter.feeds.watch import watch_starters

    _answer_list(watch_starters(door.engine, starter_feeds(), door.clock.now()), as_json)


def _one(connection: Any, name: str) -> "FeedRow":
    from db.feeds import feeds_named
    from newsletter.errors import known

    found = known(feeds_named(connection, name) or None, f"feed {name!r}", "feeds")
    if len(found) > 1:
        note(f"{len(found)} feeds are called {name!r}; this is the first.")
    return found[0]


def _answer_one(feed: "FeedRow", what: str, as_json: bool) -> None:
    answer({"feeds": [shown(feed)]}, as_json, f"{feed.name} {what}.")


def _answer_list(report: "WatchReport", as_json: bool) -> None:
    document = {
        "added": [shown(feed) for feed in report.added],
        "known": list(report.known),
        "refused": [{"url": url, "reason": reason} for url, reason in report.refused],
        "without_tool": [{"url": url, "tool": tool} for url, tool in report.toolless],
    }
    lines = [f"{url}: {reason}" for url, reason in report.refused]
    lines += [
        f"{url}: watched without its tool {tool!r}, which is not in the catalogue" for url, tool in report.toolless
    ]
    added = counted(len(report.added), "feed")
    said = f"Added {added}; watched already {len(report.known)}, refused {len(report.refused)}."
    answer(document, as_json, [*lines, said])
