"""Does a claimed run to its end, and records how it ended."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from db import runs as rows
from db.engine import transaction
from db.states import RunStatus
from newsletter.clock import Clock, real_now
from newsletter.errors import NewsletterError, first_line, unforeseen
from newsletter.settings import Settings
from scheduler.runs import Claim

if TYPE_CHECKING:
    from scheduler.machines import Machines

log = logging.getLogger("newsletter.scheduler")

_WAITS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15))


@dataclass(frozen=True)
class Context:
    """What a job works with. ``stop`` is set when the service drains; ``machines`` share the work, on PostgreSQL."""

    engine: Engine
    settings: Settings
    clock: Clock
    stop: Event
    owner: str
    machines: "Machines | None" = None
    refused: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    """By week: how many deliveries had failed when this process last looked at what relays refused, and when."""


Work = Callable[[Context, datetime], Mapping[str, Any]]
"""A job's function: takes the time it was due at, returns what `newsletter status` shows of it."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended. ``error`` is None when it is done; ``final`` says that it will not be tried again."""

    error: str | None = None
    final: bool = True


def run(context: Context, claim: Claim, work: Work) -> Ended:
    """One attempt. Whatever goes wrong in a job is recorded, never raised: the other jobs go on."""
    try:
        result = work(context, claim.scheduled_for)
    except Exception as error:
        log.log(
            logging.WARNING if isinstance(error, NewsletterError) else logging.ERROR,
            "%s: %s",
            claim.job.name,
            _line(error),
        )
        log.debug("job %s", claim.job.name, exc_info=error)
        return _failed(context, claim, _line(error))
    with transaction(context.engine) as connection:
        now = context.clock.now()
        rows.finish_run(connection, claim.run_id, context.owner, RunStatus.DONE, now, result=result)
    return Ended()


def _failed(context: Context, claim: Claim, error: str) -> Ended:
    final = claim.attempt >= claim.job.attempts
    retry_at = None if final else real_now() + _WAITS[min(claim.attempt, len(_WAITS)) - 1]
    with transaction(context.engine) as connection:
        now = context.clock.now()
        rows.finish_run(connection, claim.run_id, context.owner, RunStatus.FAILED, now, error=error, retry_at=retry_at)
    return Ended(error, final)


def _line(error: Exception) -> str:
    return first_line(error) if isinstance(error, NewsletterError) else unforeseen(error)
