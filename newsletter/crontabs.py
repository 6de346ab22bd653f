"""Crontab lines: what people write into the timetable, in the scheduler's words."""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apscheduler.triggers.base import BaseTrigger


def crontab(value: str) -> str:
    """Five fields, as crontab(5) has them, with weekdays by name."""
    fields = value.lower().split()
    if len(fields) != 5:
        raise ValueError(f"must have five fields such as '0 9 * * tue', not {value!r}")
    try:
        fields[4] = _weekdays(fields[4])
        if not _PLAIN.fullmatch(" ".join(fields[:4])) and not _comes(" ".join(fields)):
            raise ValueError("there is no such day")
    except ValueError as error:
        raise ValueError(f"cannot be read as a crontab line: {error}") from None
    return " ".join(fields)


def trigger(fields: str) -> "BaseTrigger":
    """What finds the times of a line that ``crontab`` returned, in UTC. Where both the day of the month and the weekday
    are told, either will do (crontab(5)); the scheduler by itself would want both."""
    from apscheduler.triggers.combining import OrTrigger  # as long to load as all of the settings
    from apscheduler.triggers.cron import CronTrigger

    minute, hour, day, month, weekday = fields.split()
    if day.startswith("*") or weekday == "*":
        return CronTrigger.from_crontab(fields, timezone=UTC)
    lines = (f"{minute} {hour} {day} {month} *", f"{minute} {hour} * {month} {weekday}")
    return OrTrigger([CronTrigger.from_crontab(line, timezone=UTC) for line in lines])


def _comes(fields: str) -> bool:
    return trigger(fields).get_next_fire_time(None, datetime.now(UTC)) is not None


_PLAIN = re.compile(r"(\*|[1-5]?[0-9]) (\*|1?[0-9]|2[0-3]) \* \*")  # an hour of any day, as nearly all timetables have


_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DAY = f"([0-7]|{'|'.join(_DAYS)})"
_DAY_RANGE = re.compile(rf"(?:(\*)|{_DAY}(?:-{_DAY})?)(?:/([1-7]))?")


def _weekdays(field: str) -> str:
    """The names of the days: to crontab 0 and 7 are Sunday, to the scheduler 0 is Monday and 7 none."""
    if field == "*":
        return field
    days: set[int] = set()
    for part in field.split(","):
        found = _DAY_RANGE.fullmatch(part)
        ends = [_DAYS.index(end) if end in _DAYS else int(end) for end in (found[2], found[3]) if end] if found else []
        if found is None:
            raise ValueError(f"{part} is no weekday")
        first, last = (0, 6) if found[1] else (ends[0], ends[-1])
        days |= {day % 7 for day in range(first, last + 1 if first <= last else last + 8, int(found[4] or 1))}
    return ",".join(_DAYS[day] for day in sorted(days))
