"""``newsletter gather``: fetch the feeds that are due, and record what they announce."""

from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.door import Door, answer, json_option, pass_door
from newsletter.cli.progress import Progress
from newsletter.english import counted

if TYPE_CHECKING:
    from newsletter.feeds.fetch import FetchedFeed
    from newsletter.releases.collect import CollectReport

_BAR = 24


@click.command()
@click.argument("feeds", nargs=-1, metavar="[FEED]...")
@json_option
@pass_door
def gather(door: Door, feeds: tuple[str, ...], as_json: bool) -> None:
    """Fetch the feeds that are due and record releases. FEED, an address or a name, is fetched at once.

    A feed that fails does not stop the others; the report names it, and it is tried again later.

    \b
    Example:
      newsletter gather
      newsletter gather "Example Launches"
    """
    from newsletter.feeds.fetch import fetch_feeds
    from newsletter.releases.collect import collect_releases
    from newsletter.releases.rematch import rematch_releases

    with Progress() as progress:

        def show(_feed: "FetchedFeed", done: int, total: int) -> None:
            progress.show(_bar(done, total))

        fetched = fetch_feeds(door.engine, door.settings, door.clock, feeds, progress=show)
    collected = collect_releases(door.engine, door.settings, door.clock)
    if collected.new_tools:
        rematch_releases(door.engine, door.clock.now())
    document = {
        "feeds": [_shown(feed) for feed in fetched.feeds],
        "new_releases": collected.new_releases,
        "backfilled": collected.backfilled,
        "skipped": collected.skipped,
        "repeated": collected.repeated,
        "new_tools": collected.new_tools,
    }
    answer(document, as_json, _lines(fetched.feeds, collected))


def _shown(feed: "FetchedFeed") -> dict[str, Any]:
    return {
        "url": feed.url, "name": feed.name, "status": feed.status, "entries": feed.entries, "new": feed.new,
        "error": feed.error, "note": feed.note,
    }  # fmt: skip


def _lines(feeds: "tuple[FetchedFeed, ...]", collected: "CollectReport") -> list[str]:
    if not feeds:
        return ["No feeds are watched yet; `newsletter feeds add URL` adds one, `newsletter feeds starter` some forty."]
    lines = []
    for feed in feeds:
        if feed.error:
            lines.append(f"{feed.name}: {feed.error}")
        if feed.note:
            lines.append(f"{feed.name}: {feed.note}")
    fetched = [feed for feed in feeds if feed.status != "skipped"]
    failed = sum(feed.status == "error" for feed in feeds)
    lines.append(
        f"Fetched {len(fetched)} of {counted(len(feeds), 'feed')} ({failed} failed): "
        f"{counted(collected.new_releases, 'new release')}, "
        f"{collected.backfilled} back-filled, {counted(collected.skipped, 'entry', 'entries')} skipped, "
        f"{collected.repeated} seen in another feed."
    )
    return lines


def _bar(done: int, total: int) -> str:
    filled = _BAR * done // max(total, 1)
    return f"[{'#' * filled}{'.' * (_BAR - filled)}] {done}/{total} feeds"
