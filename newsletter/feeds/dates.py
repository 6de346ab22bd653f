"""Dates as feeds write them: RFC 822, ISO 8601 and seconds since 1970, with what people make of them.

Names of months come in the languages that feeds are written in, names of zones from all over the world: read as UTC, a
morning in Tokyo would belong to another day.
"""

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone

from newsletter.clock import in_utc

_MONTHS = {
    "juin": 6, "juil": 7, "jan": 1, "ene": 1, "gen": 1, "feb": 2, "fev": 2, "mar": 3, "mrz": 3, "maa": 3, "mrt": 3,
    "apr": 4, "avr": 4, "abr": 4, "may": 5, "mai": 5, "mei": 5, "mag": 5, "jun": 6, "giu": 6, "jul": 7, "lug": 7,
    "aug": 8, "aou": 8, "ago": 8, "sep": 9, "set": 9, "oct": 10, "okt": 10, "out": 10, "ott": 10, "nov": 11,
    "dec": 12, "dez": 12, "dic": 12, "des": 12, "maj": 5, "marr": 11,
    "янв": 1, "фев": 2, "мар": 3, "апр": 4, "мая": 5, "маи": 5, "июн": 6, "июл": 7, "авг": 8, "сен": 9, "окт": 10,
    "ноя": 11, "дек": 12, "січ": 1, "лют": 2, "бер": 3, "кві": 4, "тра": 5, "чер": 6, "лип": 7, "сер": 8, "вер": 9,
    "жов": 10, "лис": 11, "гру": 12, "oca": 1, "sub": 2, "nis": 4, "haz": 6, "tem": 7, "agu": 8, "eyl": 9, "eki": 10,
    "kas": 11, "ara": 12,
    "sty": 1, "lut": 2, "kwi": 4, "cze": 6, "lipc": 7, "sie": 8, "wrz": 9, "paz": 10, "lis": 11, "gru": 12,
}  # fmt: skip
# The November of Poles is the October of Croats, who write "25. listopada 2026.".
_CROATIAN = re.compile(r"\d\.\s*lis", re.I)
# Hours from UTC. Of names that several zones have, RFC 822 knows the American ones.
_ZONES = {
    "ut": 0, "utc": 0, "gmt": 0, "z": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8,
    "pdt": -7, "akst": -9, "akdt": -8, "hst": -10, "brt": -3, "art": -3, "wet": 0, "west": 1, "bst": 1, "cet": 1,
    "cest": 2, "mez": 1, "mesz": 2, "eet": 2, "eest": 3, "msk": 3, "ist": 5.5, "sgt": 8, "hkt": 8, "awst": 8,
    "jst": 9, "kst": 9, "acst": 9.5, "aest": 10, "acdt": 10.5, "aedt": 11, "nzst": 12, "nzdt": 13,
}  # fmt: skip

_CLOCK = (
    r"(?:(?:,?\s+(?:-\s+)?|T)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d{1,9})?)?"
    r"\s*(?P<half>[ap]m)?)?"
)
_REMARK = r"(?:\s*[(\[][^)\]]{0,40}[)\]])?"
_OFFSET = r"(?:GMT|UTC)?(?P<offset>[+-]\d{1,2}(?::?\d{2})?)(?:\s[a-z]{1,5})?"  # Go names the zone as well
_ZONE = rf"(?:\s*{_OFFSET}|\s+(?P<zone>[a-z]{{1,5}})|Z)?{_REMARK}"
_DAY_FIRST = (
    r"(?:[^\W\d]+(?:\.?,\s*|\.?\s+))?(?P<day>\d{1,2})\.?[\s-]+(?:de\s+)?"
    r"(?P<month>[^\W\d]{3,12})\.?[\s,-]+(?:del?\s+)?(?P<year>\d{4}|\d{2})"
)
_MONTH_FIRST = r"(?:[^\W\d]+\.?,\s+)?(?P<month>[^\W\d]{3,12})\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<year>\d{4})"
_POINTED = r"(?P<day>\d{1,2})(?P<mark>[.-])\s?(?P<month>\d{1,2})(?P=mark)\s?(?P<year>\d{4})"
_YEAR_FIRST = r"(?P<year>\d{4})\s?[-/.年]\s?(?P<month>\d{1,2}|[^\W\d]{3,12})\s?[-/.月]\s?(?P<day>\d{1,2})\s?[日.]?"
_DAYS = (_DAY_FIRST, _MONTH_FIRST, _POINTED, _YEAR_FIRST)
# Seconds since 1970, or milliseconds, as programs count them; since 2001 that takes ten digits.
_COUNTED = re.compile(r"\s*(?P<seconds>[1-9]\d{9})(?:\d{3})?(?:\.\d{1,9})?\s*", re.ASCII)
# No clock is further from UTC than 14 hours, nor is an hour longer than 60 minutes.
_OFF_THE_EARTH = re.compile(
    r":\d\d(?:[.,]\d+)?\s*(?:GMT|UTC)?[+-](?:(?:1[5-9]|[2-9]\d):?\d\d|\d\d:?[6-9]\d)(?!\d)", re.I
)
_SHAPES = tuple(re.compile(rf"\s*{day}{_CLOCK}{_ZONE}\s*", re.I) for day in _DAYS)


def read_date(text: str) -> datetime | None:
    """The instant that such a date names, in UTC; a day without a time begins at midnight. None for what is none."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text[:100]) if not unicodedata.combining(c))
    found = next((match for shape in _SHAPES if (match := shape.fullmatch(plain))), None)
    if counted := _COUNTED.fullmatch(plain):
        return datetime.fromtimestamp(int(counted["seconds"]), UTC)
    if is_off_the_earth(plain) or _CROATIAN.search(plain):
        return None
    if found is None:
        return _iso(plain)
    zone = _offset(found)
    if zone is None:
        return None
    name = found["month"].lower()
    month = int(name) if name.isdecimal() else _MONTHS.get(name[:4]) or _MONTHS.get(name[:3])
    try:
        day = datetime(_year(found["year"]), month or 0, int(found["day"]), tzinfo=timezone(zone))
        return (day + _time(found)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def is_off_the_earth(text: str) -> bool:
    """Does it name a zone that there is none, such as ``+99:99``? It is no date then, whoever can compute with that."""
    return _OFF_THE_EARTH.search(text[:100]) is not None


def _iso(text: str) -> datetime | None:
    """What else ISO 8601 allows: no hyphens, days of weeks."""
    try:
        return in_utc(datetime.fromisoformat(text.strip()))
    except ValueError:
        return None


def _year(text: str) -> int:
    """Of two digits those from 70 on are of the last century (RFC 2822 4.3, for the dates that feeds can have)."""
    year = int(text)
    return year if len(text) == 4 else year + (1900 if year >= 70 else 2000)


def _time(found: re.Match[str]) -> timedelta:
    """24:00 is the next midnight. Raises ValueError for a time that is none."""
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    if found["half"]:
        hour = hour % 12 + (12 if found["half"].lower() == "pm" else 0)
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):
        raise ValueError
    return timedelta(hours=hour, minutes=minute, seconds=second)


def _offset(found: re.Match[str]) -> timedelta | None:
    """From UTC; none is UTC, and a name that nobody knows is no zone."""
    if found["offset"]:
        sign = -1 if found["offset"][0] == "-" else 1
        digits = found["offset"][1:].replace(":", "")
        hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")
        offset = sign * timedelta(hours=int(hours), minutes=int(minutes))
        return offset if abs(offset) < timedelta(hours=24) else None
    hours = _ZONES.get((found["zone"] or "utc").lower())
    return None if hours is None else timedelta(hours=hours)
