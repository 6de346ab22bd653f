"""The running service: letters, deliveries and the timetable, until it is told to stop.

Each looks every second what the database says is due, however the machine's clock is put meanwhile.
"""

import logging
import time
from collections.abc import Callable
from concurrent import futures
from contextlib import ExitStack
from functools import partial
from threading import Event, Thread
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine

from db import claims, deliveries, ownership, runs
from db.engine import is_sqlite, reading, transaction
from newsletter.clock import Clock, real_now
from newsletter.errors import NewsletterError, unforeseen
from newsletter.settings import Settings
from scheduler.engine import Context, Ended, run
from scheduler.jobs import FETCH, JOBS, RUN, SEND, fetch_batch, send_what_is_due, start_scheduled
from scheduler.notices import tell_operators
from scheduler.runs import Claim, claim_due, keep, take
from scheduler.timetable import timetable

if TYPE_CHECKING:
    from scheduler.machines import Machines

log = logging.getLogger("newsletter.scheduler")

TICK_SECONDS = 1.0
LOOK_EVERYWHERE_SECONDS = 30.0
"""How often sending is tried though nothing of ours is due: another sender may have died over its batch."""

_SAY_AGAIN_SECONDS = 60.0


class Service:
    """``with Service(…):`` runs until the block ends, then drains: nothing new begins, what is under way finishes."""

    def __init__(self, engine: Engine, settings: Settings, clock: Clock, *, keeps_timetable: bool = True) -> None:
        self._engine, self._settings, self._clock = engine, settings, clock
        self._jobs = timetable(settings) if keeps_timetable else ()
        self._stop = Event()
        self._stack = ExitStack()
        self._under_way: dict[int, Claim] = {}
        self._look_everywhere = 0.0
        # One at a time, in the order of the timetable: what is composed on the hour was gathered on the hour.
        self._runs = futures.ThreadPoolExecutor(1, "runs")
        rounds = (self._send_letters, self._send_issues, self._call_webhooks, self._keep_timetable)
        self._rounds = [Thread(target=self._go_round, args=(work,), name=work.__name__) for work in rounds]

    def __enter__(self) -> "Service":
        owner = self._stack.enter_context(ownership.owner(self._engine, self._clock.now())).name
        machines = None if is_sqlite(self._engine) else self._machines()
        self._context = Context(self._engine, self._settings, self._clock, self._stop, owner, machines)
        if machines is not None:
            self._stack.enter_context(machines)
        for one in self._rounds:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for one in self._rounds:
            one.join()
        self._runs.shutdown(wait=True)
        self._stack.close()

    def _go_round(self, work: Callable[[], None]) -> None:
        while not self._stop.is_set():
            _guarded(work)
            self._stop.wait(TICK_SECONDS)

    def _send_letters(self) -> None:
        from newsletter.deliveries.send_letters import letters_are_due, send_letters

        if not self._stop.is_set() and letters_are_due(self._engine):
            send_letters(self._engine, self._settings, self._clock, self._stop)

    def _send_issues(self) -> None:
        """As long as something is due, here or by whoever is free; what was deferred is due again at its own time."""
        if self._stop.is_set() or not self._something_to_send():
            return
        if self._context.machines is None:
            send_what_is_due(self._context)
            return
        with transaction(self._engine) as connection:
            self._context.machines.hand_out_once(connection, SEND)

    def _call_webhooks(self) -> None:
        from newsletter.operations.call_webhooks import call_webhooks, webhooks_are_due

        if not self._stop.is_set() and webhooks_are_due(self._engine):
            call_webhooks(self._engine, self._settings, stop=self._stop)

    def _something_to_send(self) -> bool:
        with reading(self._engine) as connection:
            sending = deliveries.issues_in_sending(connection)
            if any(claims.has_work(connection, issue_id, self._clock.now()) for issue_id, _ in sending):
                return True
            left = sending or deliveries.cancelled_and_open(connection)
        if left and time.monotonic() >= self._look_everywhere:
            self._look_everywhere = time.monotonic() + LOOK_EVERYWHERE_SECONDS
            return True
        return False

    def _keep_timetable(self) -> None:
        keep(self._engine, self._context.owner, list(self._under_way.values()), real_now())
        if self._stop.is_set() or not self._jobs:
            return
        _guarded(partial(start_scheduled, self._context))
        found = claim_due(
            self._engine, self._jobs, self._context.owner, self._clock.now(), real_now(), self._hand_out
        )  # fmt: skip
        for claim in found.begun:
            self._under_way[claim.run_id] = claim
            self._runs.submit(_guarded, partial(self._do, claim))
        lost = [(job.name, at, "found too late to be made good") for job, at in found.missed]
        lost += [(claim.job.name, claim.scheduled_for, why) for claim, why in found.given_up]
        if lost:  # in one mail, however long nothing was running
            names = sorted({name for name, _, _ in lost})
            was = "was" if len(names) == 1 else "were"
            self._report(
                f"{', '.join(names)} {was} not done",
                [f"{name} of {at:%Y-%m-%d %H:%M} UTC: {why}" for name, at, why in lost],
            )

    def _machines(self) -> "Machines":
        """What this process shares in: sending and fetching, and returned mail where it can reach the mailbox."""
        from scheduler.machines import Line, Machines

        lines = [Line(SEND, self._send_share), Line(FETCH, self._fetch_batch)]
        mailbox = self._settings.bounce_mailbox
        if mailbox is not None and (mailbox.path is None or mailbox.path.is_dir() or self._jobs):
            lines.append(Line(RUN, self._take_run))
        return Machines(self._engine, self._stop, lines)

    def _send_share(self) -> None:
        _guarded(partial(send_what_is_due, self._context))

    def _fetch_batch(self, feeds: list[int]) -> None:
        _guarded(partial(fetch_batch, self._context, feeds))

    def _hand_out(self, connection: Connection, claim: Claim) -> bool:
        if self._context.machines is None or claim.job.name != RUN:
            return False
        self._context.machines.hand_out(connection, RUN, [{"run_id": claim.run_id, "giver": self._context.owner}])
        return True

    def _take_run(self, run_id: int, giver: str) -> None:
        claim = take(self._engine, run_id, giver, self._context.owner, timetable(self._settings), real_now())
        if claim is not None:
            self._under_way[claim.run_id] = claim
            self._do(claim)

    def _do(self, claim: Claim) -> None:
        try:
            ended: Ended = run(self._context, claim, JOBS[claim.job.name])
        finally:
            self._under_way.pop(claim.run_id, None)
        if ended.error is not None and ended.final and self._is_news(claim):
            times = "once" if claim.attempt == 1 else f"{claim.attempt} times"
            self._report(f"{claim.job.name} failed {times}", [ended.error])

    def _is_news(self, claim: Claim) -> bool:
        """Operators hear once a day of a job that fails every five minutes."""
        day = claim.scheduled_for.replace(hour=0, minute=0, second=0, microsecond=0)
        with reading(self._engine) as connection:
            return not runs.has_failed(connection, claim.job.name, day, claim.scheduled_for)

    def _report(self, subject: str, words: list[str]) -> None:
        log.error("%s: %s", subject, "; ".join(words))
        tell_operators(self._context, subject, [*words, "`newsletter status` shows the last run of every job."])


def _guarded(work: Callable[[], object]) -> None:
    """One round's failure (the database is away, the relay refuses) is logged; the next round tries again."""
    try:
        work()
    except NewsletterError as error:
        _say(logging.WARNING, str(error))
    except Exception as error:
        _say(logging.ERROR, unforeseen(error))
        log.debug("round", exc_info=error)


_said: dict[str, float] = {}


def _say(level: int, words: str) -> None:
    """Once a minute: rounds of every second meet the same again."""
    now = time.monotonic()
    for old in [said for said, at in list(_said.items()) if now - at >= _SAY_AGAIN_SECONDS]:
        _said.pop(old, None)
    if words not in _said:
        _said[words] = now
        log.log(level, "%s", words)
