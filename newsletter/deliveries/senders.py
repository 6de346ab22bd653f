"""More sending processes on this machine: signing is the limit of a signed sending, and a core signs so much; and a
process that answers readers should not share its interpreter with a sending.

A helper dies with the process that started it, whatever kills that: the kernel is asked to see to it.
"""

import ctypes
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from db.engine import let_go, make_engine
from newsletter.clock import Clock, Week
from newsletter.errors import NewsletterError
from newsletter.settings import Settings

Share = Callable[[Engine, Settings, Clock, Week, threading.Event, int], object]
"""Sends one of so many processes' part of an issue, until nothing of it is due."""

_PR_SET_PDEATHSIG = 1
NICENESS = 5
WORTH_A_PROCESS = 2000  # deliveries: what one core signs while another starts a process


def how_many(settings: Settings, waiting: int, *, apart: bool) -> int:
    """One per usable core; one where nothing is signed and somebody else needs the machine, ``apart`` from whom they
    send. NEWSLETTER_SENDERS overrides. Few deliveries need one, and so do few connections."""
    cores = 1 if apart and not settings.dkim else len(os.sched_getaffinity(0))
    connections = sum(relay.connections for relay in settings.smtp)
    return max(min(settings.senders or cores, connections, waiting // WORTH_A_PROCESS), 1)


def give_way() -> None:
    """This process comes after others where all want a core: readers wait for answers, and a relay on the same machine
    for its turn to take what was sent. With a sink on the same two cores 5 messages more in 100 go out by this."""
    if os.getpriority(os.PRIO_PROCESS, 0) < NICENESS:
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)


def signing_threads(processes: int) -> int:
    """In each of so many processes, beside its loop: a core for each."""
    return max(len(os.sched_getaffinity(0)) // processes - 1, 0)


@contextmanager
def helpers(
    share: Share, count: int, processes: int, engine: Engine, settings: Settings, clock: Clock, week: Week,
    stop: threading.Event,
) -> Iterator[None]:  # fmt: skip
    """``count`` of the ``processes`` that send an issue, each doing its ``share``; they are waited for, and told to
    drain if ``stop`` is set."""
    forking, spawning = multiprocessing.get_context("fork"), multiprocessing.get_context("spawn")
    start = forking.Process if count and _may_fork(engine) else spawning.Process
    arguments = (share, settings, clock, str(week), processes, os.getpid())
    started: list[BaseProcess] = [start(target=_help, args=arguments) for _ in range(count)]
    for process in started:
        process.start()
    try:
        yield
    except BaseException:
        _tell(started)
        raise
    finally:
        for process in started:
            while process.is_alive():
                process.join(0.2)
                if stop.is_set():
                    _tell(started)
                    process.join()


def _may_fork(engine: Engine) -> bool:
    """A fork begins to send at once, where a new process loads its modules for as long as 4,000 messages take.

    It is safe where no other thread may hold a lock, and no connection is open: SQLite forgets, in the child, that it
    is the parent who holds the locks of the file.
    """
    return threading.active_count() == 1 and let_go(engine)


def _tell(started: Sequence[BaseProcess]) -> None:
    for process in started:
        if process.is_alive():
            process.terminate()


def _help(share: Share, settings: Settings, clock: Clock, week: str, processes: int, parent: int) -> None:
    """A helper's whole life."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return
    give_way()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    for number in (signal.SIGINT, signal.SIGHUP):  # which reach the whole group; the parent tells us
        signal.signal(number, signal.SIG_IGN)
    engine = make_engine(settings.database_url)
    try:
        share(engine, settings, clock, Week.parse(week), stop, processes)
    except (NewsletterError, SQLAlchemyError, OSError):
        pass  # the parent meets the same and says it
    finally:
        engine.dispose()
