"""Crontab lines: what people write into the timetable, in the scheduler's words."""

import re
from datetime import UTC, datetime


def crontab(value: str) -> str:
    """Five fields, as crontab(5) has them, with weekdays by name."""
    fields = value.lower().split()
    if len(fields) != 5:
        raise ValueError(f"must have five fields such as '0 9 * * tue', not {value!r}")
    try:
        fields[4] = _weekdays(fields[4])
        if not _PLAIN.fullmatch(" ".join(fields[:4])):
            from apscheduler.triggers.cron import CronTrigger  # as long to load as all of the settings

            trigger = CronTrigger.from_crontab(" ".join(fields), timezone=UTC)
            if trigger.get_next_fire_time(None, datetime.now(UTC)) is None:
                raise ValueError("there is no such day")
    except ValueError as error:
        raise ValueError(f"cannot be read as a crontab line: {error}") from None
    return " ".join(fields)


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
