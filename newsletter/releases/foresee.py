"""In which issue a release comes, for whoever has just decided whose it is."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from db import issues, releases
from db.states import ReleaseStatus
from newsletter.clock import Week, last_ended_week
from newsletter.releases.weeks import where_it_comes


def where_it_goes(connection: Connection, release_id: int, zone: ZoneInfo, now: datetime, *, flowed: bool) -> str:
    """``in 2026-W47``, or in words where it will be; '' for one that no tool has. ``flowed`` says that the draft at
    hand was brought up to date since."""
    release, last = releases.release_by_id(connection, release_id), last_ended_week(now, zone)
    if release is None or release.status not in (ReleaseStatus.MATCHED, ReleaseStatus.BACKFILLED):
        return ""
    if release.issue:
        return f"in {release.issue}"
    if release.week is None:
        return "it was back-filled, so no issue announces it"
    own, at_hand = (issues.issue_of_week(connection, week) for week in (release.week, str(last)))
    statuses = [issue.status if issue else None for issue in (own, at_hand)]
    return where_it_comes(Week.parse(release.week), statuses[0], last, statuses[1], flowed=flowed)
