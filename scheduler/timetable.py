"""The week on one screen: each job, when it is due, and how late it may still be done.

Everything here is pure: what is due follows from the rules, the last run and the time. The verbs are in jobs.py.

Times are wall-clock times of the publication's zone. Where the clock is put forward, a time that is skipped comes as
much later as the clock was moved; where it is put back, a time that comes twice counts once, the first time, unless the
rule is for every hour.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from zoneinfo import ZoneInfo

from newsletter.crontabs import trigger
from newsletter.settings import Settings

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
REMIND_AHEAD = 4 * _HOUR
_LONGEST_LOOK_BACK = timedelta(days=366)
_EVERY_HOUR = ("*", "0-23")
_WIDEST_SHIFT = timedelta(hours=3)  # by which a zone changes its own clock


@dataclass(frozen=True, slots=True)
class Crontab:
    """Five fields in a zone; ``ahead`` moves every time to so much earlier."""

    fields: str
    zone: ZoneInfo
    ahead: timedelta = timedelta(0)

    def times(self, after: datetime) -> Iterator[datetime]:
        """The instants after ``after``, in order, without end."""
        # The trigger is asked in a zone without shifts; what the shifts of ours do to its answers is decided here.
        rule = trigger(self.fields)
        wall = (after + self.ahead).astimezone(self.zone).replace(tzinfo=UTC) - _WIDEST_SHIFT
        last, come = after, list[datetime]()
        while (found := rule.get_next_fire_time(None, wall)) is not None:
            wall = found + timedelta(seconds=1)
            instants, none_earlier = self._instants(found.replace(tzinfo=None))
            for instant in instants:
                heappush(come, instant)
            while come and come[0] <= none_earlier:
                instant = heappop(come) - self.ahead
                if instant > last:
                    last = instant
                    yield instant

    def _instants(self, wall: datetime) -> tuple[tuple[datetime, ...], datetime]:
        """When the wall clock shows this, and the instant before which no later wall time can lie (PEP 495)."""
        first, second = (wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        twice = first < second and self.fields.split()[1].startswith(_EVERY_HOUR)
        return ((first, second) if twice else (first,)), min(first, second)

    def __str__(self) -> str:
        hours = f", {self.ahead.total_seconds() / 3600:g} h before" if self.ahead else ""
        return f"{self.fields} {self.zone.key}{hours}"


@dataclass(frozen=True, slots=True)
class Every:
    """At equal distances on the clock, whatever the zone."""

    distance: timedelta

    def times(self, after: datetime) -> Iterator[datetime]:
        """The instants after ``after``, in order, without end."""
        step = self.distance.total_seconds()
        number = after.timestamp() // step
        while True:
            number += 1
            yield datetime.fromtimestamp(number * step, UTC)

    def __str__(self) -> str:
        return f"every {self.distance.total_seconds() / 60:g} min"


@dataclass(frozen=True, slots=True)
class Job:
    """``late`` is how long after its time a run may still be made good.

    ``each`` says that every run stands for something of its own (the issue of a week); without it, the newest run does
    the work of those that were missed before it.
    """

    name: str
    rule: Crontab | Every
    late: timedelta
    each: bool = False
    attempts: int = 3


def timetable(settings: Settings) -> tuple[Job, ...]:
    """What a running service does by itself. Letters, deliveries and issues with their own time do not wait for it."""
    zone, send_at = settings.timezone, settings.send_at
    jobs = (
        Job("gather", Crontab(settings.gather_at, zone), late=_HOUR),
        Job("compose", Crontab(settings.compose_at, zone), late=6 * _DAY, each=True),
        Job("remind", Crontab(send_at, zone, ahead=REMIND_AHEAD), late=REMIND_AHEAD, each=True),
        Job("send", Crontab(send_at, zone), late=3 * _DAY, each=True),
        Job("read_bounces", Every(5 * _MINUTE), late=_HOUR),
        Job("expire", Crontab("17 * * * *", zone), late=_HOUR),
        Job("ask_again", Crontab("20 10 * * *", zone), late=8 * _HOUR),
        Job("prune", Crontab("40 3 * * *", zone), late=20 * _HOUR),
        Job("back_up", Crontab("10 4 * * *", zone), late=20 * _HOUR),
    )
    has_work = {
        "read_bounces": settings.bounce_mailbox is not None,
        "back_up": settings.database_url.startswith("sqlite"),  # a server's own tools copy PostgreSQL
    }
    return tuple(job for job in jobs if has_work.get(job.name, True))


@dataclass(frozen=True, slots=True)
class Due:
    """Times of a job that have come, oldest first: those to run, and those found too late."""

    run: tuple[datetime, ...] = ()
    missed: tuple[datetime, ...] = ()


def due(job: Job, after: datetime | None, now: datetime) -> Due:
    """What has come due after ``after``, the last time known of; None looks back as far as a run may be late."""
    earliest = now - (_LONGEST_LOOK_BACK if job.each and after is not None else job.late)
    come = []
    for instant in job.rule.times(max(after, earliest) if after is not None else earliest):
        if instant > now:
            break
        come.append(instant)
    if not job.each:
        return Due(run=tuple(come[-1:]))
    in_time = [instant for instant in come if now - instant <= job.late]
    return Due(run=tuple(in_time), missed=tuple(come[: len(come) - len(in_time)]))


def next_time(job: Job, now: datetime) -> datetime | None:
    """The first time after ``now``; None for a rule that never comes again."""
    return next(job.rule.times(now), None)
