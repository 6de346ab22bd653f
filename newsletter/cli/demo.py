"""``newsletter demo``: the whole weekly job on sample material, in a folder of its own, and then a look around."""

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.door import Door, answer, json_option, pass_door
from newsletter.clock import Clock
from newsletter.errors import NewsletterError
from newsletter.settings import FILE, Settings, load

if TYPE_CHECKING:
    from sqlalchemy import Engine

EDITOR = "editor@readers.example"

_SETTINGS = """\
# The settings of `newsletter demo`. While it is up, every other command can be tried in this folder.
database_url = "sqlite:///{folder}/newsletter.db"
public_url = "http://127.0.0.1:{port}"
secret_key = "{key}"
title = "Weekly Verdicts"
from = "Weekly Verdicts <news@weekly-verdicts.example>"
postal_address = "Weekly Verdicts, 1 Example Street, 12345 Example City"
smtp = "smtp://127.0.0.1:{smtp_port}?tls=off"
bounce_domain = "bounces.weekly-verdicts.example"
fetch_private = true
senders = 1
"""


@click.command()
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port of the web app.")
@click.option("--smtp-port", default=1025, show_default=True, type=click.IntRange(0, 65535), help="Port of the inbox.")
@click.option("--once", is_flag=True, help="End after the sending, with a summary.")
@json_option
@pass_door
def demo(door: Door, port: int, smtp_port: int, once: bool, as_json: bool) -> None:
    """Run the whole weekly job in a folder of its own, then stay up to look around.

    Sample feeds are served and gathered, tools with their verdicts and 25 readers imported, an issue is composed,
    approved and sent by SMTP to an inbox of its own. Nothing leaves this machine, and Ctrl-C leaves nothing behind.

    \b
    Example:
      newsletter demo --port 8080
      newsletter demo --once --json
    """
    from newsletter.cli.serve import listen
    from newsletter.demo.inbox import Inbox

    now = door.clock.now()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="newsletter-demo-")))
        listening = None if once else stack.enter_context(listen("127.0.0.1", port))
        inbox = stack.enter_context(_opened(Inbox(folder / "inbox", smtp_port)))
        settings = _settings(folder, listening.getsockname()[1] if listening else port, inbox.port)
        engine = stack.enter_context(_database(settings, now))
        done = _weekly_job(engine, settings, now)
        done["inbox"] = len(inbox.messages())
        answer(done, as_json, _said(done))
        if listening is not None:
            _stay_up(engine, settings, inbox, listening, folder)


def _settings(folder: Path, port: int, smtp_port: int) -> Settings:
    """The demo's own settings, whatever the environment says: nothing here may reach a real relay or database."""
    text = _SETTINGS.format(folder=folder, port=port, smtp_port=smtp_port, key=secrets.token_urlsafe(32))
    (folder / FILE).write_text(text, "utf-8")
    return load({}, folder)


@contextmanager
def _database(settings: Settings, now: Any) -> "Iterator[Engine]":
    from db.engine import make_engine
    from db.migrate import migrate

    engine = make_engine(settings.database_url)
    try:
        migrate(engine, now)
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _opened(inbox: Any) -> Iterator[Any]:
    try:
        inbox.__enter__()
    except OSError as error:
        why = error.strerror or error
        raise NewsletterError(
            f"the inbox cannot listen on port {inbox.port}: {why}; choose another with --smtp-port"
        ) from None
    try:
        yield inbox
    finally:
        inbox.__exit__(None, None, None)


def _weekly_job(engine: "Engine", settings: Settings, now: Any) -> dict[str, Any]:
    """Everything that a week asks for, in order; returns what it came to."""
    from newsletter.deliveries.send import send_due
    from newsletter.demo.material import Rehearsal, feed_documents, sample_feeds
    from newsletter.demo.serve_feeds import FeedServer
    from newsletter.issues.approve import approve_issue
    from newsletter.issues.compose import compose_issue
    from newsletter.issues.publish import publish_issue

    rehearsal = Rehearsal.before(now)
    clock, week = Clock(rehearsal.at, running=False), rehearsal.week
    with FeedServer() as server:
        server.show(sample_feeds(), feed_documents(week, server.base))
        gathered = _gather(engine, settings, clock, server.base)
    composed = compose_issue(engine, week, settings, clock.now())
    approve_issue(engine, week, EDITOR, settings, clock.now())
    published = publish_issue(engine, week, settings, clock.now())
    sent = send_due(engine, settings, clock, week).issues[0]
    compose_issue(engine, week.next(), settings, clock.now())
    if sent.trouble:
        raise NewsletterError(f"the demo's inbox did not take every message: {sent.trouble}")
    return {
        "issue": str(week),
        **gathered,
        "tools_in_issue": composed.tools,
        "recipients": published.recipients,
        "sent": sent.counts.sent,
    }


def _gather(engine: "Engine", settings: Settings, clock: Clock, base: str) -> dict[str, Any]:
    """Tools, readers and an editor come in; the sample feeds are watched and gathered."""
    from newsletter.demo.material import readers_document, sample_feeds, tools_document
    from newsletter.editors.invite import add_editor
    from newsletter.feeds.fetch import fetch_feeds
    from newsletter.feeds.watch import Watch, watch_feed
    from newsletter.releases.collect import collect_releases
    from newsletter.subscribers.import_subscribers import import_subscribers
    from newsletter.tools.import_tools import import_tools

    now = clock.now()
    import_tools(engine, tools_document(), now)
    readers = import_subscribers(engine, readers_document().splitlines(keepends=True), now=now, latest=now)
    add_editor(engine, EDITOR, "operator", now)
    for feed in sample_feeds():
        watch_feed(engine, Watch(f"{base}/{feed.file}", feed.name, feed.kind, feed.tool), now)
    fetched = fetch_feeds(engine, settings, clock).feeds
    collected = collect_releases(engine, settings, clock)
    failed = [f"{feed.name}: {feed.error}" for feed in fetched if feed.status != "ok"]
    if failed or readers.rejected:
        raise NewsletterError(f"the demo's own material could not be read: {[*failed, *readers.rejected]}")
    return {"feeds": len(fetched), "releases": collected.new_releases, "subscribers": readers.imported}


def _said(done: dict[str, Any]) -> list[str]:
    return [
        f"{done['feeds']} feeds gathered: {done['releases']} releases.",
        f"{done['issue']} composed with {done['tools_in_issue']} tools, approved, and sent to "
        f"{done['recipients']} readers: {done['sent']} sent, {done['inbox']} in the inbox.",
    ]


def _stay_up(engine: "Engine", settings: Settings, inbox: Any, listening: Any, folder: Path) -> None:
    """The web app, with the demo's own pages beside it, until Ctrl-C. Letters of new sign-ups arrive in the inbox."""
    from newsletter.cli.serve import run_service, stop_signal
    from newsletter.web.demo_pages import demo_routes

    click.echo(f"\nLook around: {settings.public_url}/demo")
    click.echo(f"Its folder, for other commands: {folder}")
    with stop_signal() as stop:
        clock = Clock()
        routes = demo_routes(inbox.folder, engine, settings, clock, EDITOR)
        run_service(engine, settings, clock, listening, stop, keeps_timetable=False, routes=routes)
