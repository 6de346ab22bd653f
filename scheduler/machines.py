"""More than one machine: on PostgreSQL, Procrastinate hands jobs to whichever process is free.

A job says what there is to do, never to whom: which deliveries, feeds and runs are open stands in our own tables. So a
job that is done twice, or after its process died, finds what is left and harms nothing.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any, Self

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from sqlalchemy import Connection, Engine

from db import queue
from db.engine import reading

log = logging.getLogger("newsletter.scheduler")

HEARTBEAT_SECONDS = 5.0
STALLED_SECONDS = 30.0
"""A process that was not heard of for so long has died, or is cut off: its jobs are handed out again."""
_AGAIN_SECONDS = 3.0
_KEPT_HOURS = 30 * 24


@dataclass(frozen=True, slots=True)
class Line:
    """A kind of job: its name, which is that of its queue too, what does it, and how many a process does at once."""

    name: str
    work: Callable[..., None]
    at_once: int = 1


class Machines:
    """``with Machines(…):`` takes jobs in a thread of its own until ``stop`` is set, then drains.

    PostgreSQL may go away and come back meanwhile.
    """

    def __init__(self, engine: Engine, stop: Event, lines: Sequence[Line]) -> None:
        self._engine, self._stop, self._lines = engine, stop, lines
        self._thread = Thread(target=lambda: asyncio.run(self._take()), name="machines")
        # Workers open theirs; what is handed out goes through connections of ours, into transactions of ours.
        self._out = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())
        for quiet in ("procrastinate", "psycopg.pool"):  # tracebacks of connections that broke; what matters we say
            logging.getLogger(quiet).setLevel(logging.CRITICAL)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def hand_out(self, connection: Connection, name: str, jobs: Sequence[Mapping[str, Any]]) -> list[int]:
        """Jobs for whoever is free once this transaction is committed; returns their ids."""
        ids: list[int] = self._deferrer(connection, name).batch_defer(*map(dict, jobs))
        return ids

    def hand_out_once(self, connection: Connection, name: str) -> bool:
        """A job without arguments, unless one of its kind waits already."""
        if queue.has_waiting(connection, name):
            return False
        try:
            with connection.begin_nested():  # of two that ask at once, the database refuses one
                self._deferrer(connection, name, name).defer()
        except AlreadyEnqueued:
            return False
        return True

    def wait_for(self, ids: Sequence[int], seconds: float) -> int:
        """Until these jobs are done, the process is to stop, or so long. Returns how many are not done."""
        until = time.monotonic() + seconds
        while True:
            with reading(self._engine) as connection:
                left = queue.count_open(connection, ids)
            if not left or time.monotonic() > until or self._stop.wait(0.3):
                return left

    def _deferrer(self, connection: Connection, name: str, once: str | None = None) -> Any:
        driver = connection.connection.driver_connection
        return self._out.configure_task(name, queue=name, queueing_lock=once, connection=driver)

    async def _take(self) -> None:
        # A job that ends while PostgreSQL is away cannot be signed off; that one is handed out again.
        asyncio.get_running_loop().set_exception_handler(lambda _, what: log.debug("taking jobs: %s", what["message"]))
        app, over = self._app(), asyncio.Event()
        watching = asyncio.create_task(self._tell(over))
        while not over.is_set():
            with _patient("PostgreSQL"):
                async with app.open_async(), asyncio.TaskGroup() as group:
                    for line in self._lines:
                        group.create_task(self._supervise(app, line, over))
            await _either(over.wait(), asyncio.sleep(_AGAIN_SECONDS))
        await watching

    def _app(self) -> procrastinate.App:
        url = self._engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        connector = procrastinate.PsycopgConnector(conninfo=url, min_size=1, max_size=4, timeout=10.0)
        app = procrastinate.App(connector=connector)
        for line in self._lines:
            app.task(name=line.name, queue=line.name)(line.work)

        @app.periodic(cron="* * * * *")
        @app.task(name="look_after_jobs", queue=self._lines[0].name, queueing_lock="look_after_jobs")
        async def look_after_jobs(timestamp: int) -> None:
            """Hand out again what stalled; forget what failed a month ago."""
            for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
                with suppress(ConnectorException):  # somebody else was faster
                    await app.job_manager.retry_job(job)
            await app.job_manager.delete_old_jobs(_KEPT_HOURS, include_failed=True, include_aborted=True)

        return app

    async def _tell(self, over: asyncio.Event) -> None:
        await asyncio.to_thread(self._stop.wait)
        over.set()

    async def _supervise(self, app: procrastinate.App, line: Line, over: asyncio.Event) -> None:
        """A worker ends when PostgreSQL restarts: then another begins."""
        while not over.is_set():
            with _patient(line.name):
                worker = app.run_worker_async(
                    queues=[line.name], name=line.name, concurrency=line.at_once, install_signal_handlers=False,
                    update_heartbeat_interval=HEARTBEAT_SECONDS, stalled_worker_timeout=STALLED_SECONDS,
                    delete_jobs="successful",
                )  # fmt: skip
                await _either(over.wait(), worker)
            await _either(over.wait(), asyncio.sleep(_AGAIN_SECONDS))


@contextmanager
def _patient(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        log.warning("taking jobs (%s): %s; again in %g seconds", what, type(error).__name__, _AGAIN_SECONDS)
        log.debug("taking jobs", exc_info=error)


async def _either(*waits: Coroutine[Any, Any, Any]) -> None:
    """Until one of them is done; the other is cancelled, and a worker that is cancelled drains first."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended
