"""The sample material: files beside this module, with the dates of their week filled in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from newsletter.clock import Week, iso, last_ended_week
from newsletter.setting_values import zone

_FOLDER = Path(__file__).parent
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class SampleFeed:
    """A feed of the demo: the file that holds it, and how it is watched."""

    file: str
    name: str
    kind: str
    tool: str | None = None

    @property
    def media_type(self) -> str:
        kinds = {".atom": "application/atom+xml", ".json": "application/feed+json"}
        return kinds.get(Path(self.file).suffix, "application/rss+xml")


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """When the demo's week was, and when its work is done: the Monday after it, or now where that is earlier."""

    week: Week
    at: datetime

    @classmethod
    def before(cls, now: datetime) -> "Rehearsal":
        """Of the week that ended last at ``now``, in UTC."""
        week = last_ended_week(now, zone("UTC"))
        return cls(week, min(now, week.ends_at(zone("UTC")) + timedelta(hours=6)))


def sample_feeds() -> tuple[SampleFeed, ...]:
    return tuple(SampleFeed(**entry) for entry in json.loads(_text("feeds.json")))


def feed_documents(week: Week, base: str) -> Mapping[str, bytes]:
    """Each feed's bytes by its file name, dated within and before ``week``; ``base`` is where they are served."""
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701
    days = _Days(week)
    return {
        feed.file: environment.from_string(_text(f"feeds/{feed.file}"))
        .render(base=base, rss=days.rss, iso=days.iso)
        .encode()
        for feed in sample_feeds()
    }


def tools_document() -> str:
    """What `newsletter tools import` reads."""
    return _text("tools.json")


def readers_document() -> str:
    """What `newsletter subscribers import` reads."""
    return _text("readers.csv")


@dataclass(frozen=True, slots=True)
class _Days:
    """``tue 09:12`` of a week, ``weeks`` away from it, as feeds write it."""

    week: Week

    def instant(self, words: str, weeks: int = 0) -> datetime:
        day, _, clock = words.partition(" ")
        hours, _, minutes = clock.partition(":")
        monday = datetime.combine(self.week.monday(), datetime.min.time(), UTC)
        return monday + timedelta(days=_DAYS.index(day), weeks=weeks, hours=int(hours), minutes=int(minutes))

    def rss(self, words: str, weeks: int = 0) -> str:
        return format_datetime(self.instant(words, weeks), usegmt=True)

    def iso(self, words: str, weeks: int = 0) -> str:
        return str(iso(self.instant(words, weeks)))


def _text(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")
