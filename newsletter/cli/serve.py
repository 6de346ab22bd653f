"""``newsletter serve``: web app, scheduler and sending in one command."""

import errno
import logging
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.door import Door, note, pass_door, stopping
from newsletter.clock import Clock
from newsletter.errors import NewsletterError
from newsletter.settings import Settings, required

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from starlette.routing import BaseRoute


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port to listen on.")
@click.option("--no-web", is_flag=True, help="No web app: scheduler and sending alone.")
@click.option("--no-scheduler", is_flag=True, help="No timetable: what is being sent goes on, and letters go out.")
@pass_door
def serve(door: Door, host: str, port: int, no_web: bool, no_scheduler: bool) -> None:
    """Web app, scheduler and sending in one command.

    Ctrl-C or SIGTERM drains: nothing new begins, what is under way finishes, and the command ends with 0.

    \b
    Example:
      newsletter serve --host 0.0.0.0 --port 8000
    """
    required(door.settings, "secret_key")
    if not host.strip():  # which the system takes for every address
        raise click.UsageError("--host is empty; 127.0.0.1 is this machine alone, 0.0.0.0 every address of it")
    with ExitStack() as stack:
        listening = None if no_web else stack.enter_context(listen(host, port))
        stop = stack.enter_context(stop_signal())
        run_service(door.engine, door.settings, door.running_clock, listening, stop, keeps_timetable=not no_scheduler)


def run_service(
    engine: "Engine",
    settings: Settings,
    clock: Clock,
    listening: socket.socket | None,
    stop: Event,
    *,
    keeps_timetable: bool,
    routes: Sequence["BaseRoute"] = (),
) -> None:
    """Letters, sending and the timetable beside the web app on a bound socket, until the process is told to stop.

    ``routes`` come before those of the web app. Raises SettingsError where a key of NEWSLETTER_DKIM cannot be used.
    """
    from newsletter.deliveries.read_keys import signers_of
    from scheduler.service import Service

    signers_of(settings)
    with Service(engine, settings, clock, keeps_timetable=keeps_timetable):
        if listening is None:
            note("Working without the web app; Ctrl-C stops.")
            while not stop.is_set():  # not wait(): a signal that arrives inside it would meet its own lock
                time.sleep(0.2)
        else:
            from newsletter.web.app import create_app

            app = create_app(settings, engine, clock)
            app.router.routes[:0] = routes
            host, port = listening.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            note(f"Serving http://{shown}:{port} for {settings.public_url}; Ctrl-C stops.")
            serve_app(app, listening, stop)
    engine.dispose()


def serve_app(app: Any, listening: socket.socket, stop: Event) -> None:
    """Answer requests until SIGINT or SIGTERM, also one that came before and has set ``stop``; open requests get ten
    seconds. No access log: paths hold tokens."""
    import uvicorn

    from newsletter.web.connections import BACKLOG, Connection, cut_stuck

    class Server(uvicorn.Server):
        async def on_tick(self, counter: int) -> bool:
            cut_stuck(self.server_state.connections, time.monotonic())
            return stop.is_set() or await super().on_tick(counter)

    for quiet in ("python_multipart", "uvicorn.error"):  # a stranger's broken request is no warning to anybody here
        logging.getLogger(quiet).setLevel(logging.ERROR)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", proxy_headers=False, server_header=False,
        timeout_graceful_shutdown=10, http=Connection, ws="none", backlog=BACKLOG,
    )  # fmt: skip
    Server(config).run(sockets=[listening])


@contextmanager
def listen(host: str, port: int) -> Iterator[socket.socket]:
    """A bound socket; port 0 picks a free one. Raises NewsletterError when the port is taken, or the host not here."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        why = (error.strerror or str(error)).partition(" (while attempting")[0]  # which repeats the address
        option = "--port" if error.errno in (errno.EADDRINUSE, errno.EACCES) else "--host"
        raise NewsletterError(f"cannot listen on {host}:{port}: {why}; choose another with {option}") from None
    with listening:
        # Connections inherit it. An answer is written in two parts, and without this a kept-alive client waits 40 ms
        # for the second; asyncio sees to it for sockets of its own alone.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listening


@contextmanager
def stop_signal() -> Iterator[Event]:
    """Set by SIGINT, SIGTERM and SIGHUP, which then end nothing by themselves."""
    stop = Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in stopping()}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
