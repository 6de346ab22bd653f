"""``newsletter status``: what is going on now."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.door import Door, answer, json_option, pass_door
from newsletter.cli.tables import table
from newsletter.clock import iso

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from db.runs import JobLook
    from db.status import OpenIssue


@click.command()
@json_option
@pass_door
def status(door: Door, as_json: bool) -> None:
    """What is going on now: issues under way, deliveries, subscribers, feeds, jobs, returned mail.

    \b
    Example:
      newsletter status
    """
    document = look(door.engine, door.clock.now())
    answer(document, as_json, _lines(document))


def look(engine: "Engine", now: datetime) -> dict[str, Any]:
    """The document that --json prints."""
    from db import status as found
    from db.engine import reading
    from db.migrate import current_revision
    from db.runs import look_at_jobs, overdue_since

    with reading(engine) as connection:
        issues = found.open_issues(connection)
        deliveries = found.delivery_counts(connection, [issue.id for issue in issues])
        feeds = found.feed_counts(connection)
        document = {
            "at": iso(now),
            "issues": [_issue(issue) | {"deliveries": deliveries[issue.id]} for issue in issues],
            "subscribers": found.subscriber_counts(connection),
            "feeds": {"active": feeds.active, "paused": feeds.paused, "failing": feeds.failing},
            "releases": found.release_counts(connection),
            "letters_waiting": found.letters_waiting(connection),
            "returned_in_7_days": found.returned_since(connection, now - timedelta(days=7)),
            "senders": [
                {"name": one.name, "seen_at": iso(one.seen_at)} for one in found.living_senders(connection, engine)
            ],
            "paused_domains": [
                {"domain": one.domain, "until": iso(one.until), "reason": one.reason}
                for one in found.domain_pauses(connection, now)
            ],
            "jobs": [_job(job) for job in look_at_jobs(connection, now)],
            "jobs_overdue_since": iso(overdue_since(connection, now)),
        }  # fmt: skip
    return {**document, "schema": current_revision(engine)}


def _issue(issue: "OpenIssue") -> dict[str, Any]:
    return {
        "issue": issue.week, "status": issue.status, "send_at": iso(issue.send_at), "pause_reason": issue.pause_reason,
        "trouble": issue.trouble,
    }  # fmt: skip


def _job(job: "JobLook") -> dict[str, Any]:
    return {
        "job": job.job, "rule": job.rule, "last": iso(job.scheduled_for), "status": job.status, "error": job.error,
        "next": iso(job.next_at),
    }  # fmt: skip


def _lines(document: dict[str, Any]) -> list[str]:
    lines = ["Issues"]
    for issue in document["issues"]:
        counts = ", ".join(f"{number} {name}" for name, number in issue["deliveries"].items() if number)
        reason = issue["pause_reason"] or issue["trouble"]
        why = f" ({reason})" if reason else ""
        due = f" for {issue['send_at']}" if issue["status"] == "approved" and issue["send_at"] else ""
        lines.append(f"  {issue['issue']}  {issue['status']}{due}{why}" + (f": {counts}" if counts else ""))
    lines += [] if document["issues"] else ["  none under way"]
    for title, name in (("Subscribers", "subscribers"), ("Feeds", "feeds"), ("Releases", "releases")):
        lines.append(f"{title}: " + ", ".join(f"{number} {what}" for what, number in document[name].items()))
    returned = ", ".join(f"{number} {what}" for what, number in document["returned_in_7_days"].items() if number)
    lines.append(f"Returned in 7 days: {returned or 'nothing'}")
    lines.append(f"Letters waiting: {document['letters_waiting']}")
    lines.append(f"Senders: {len(document['senders']) or 'none'}")
    lines += [
        f"Waiting for {one['domain']} until {one['until']}: {one['reason']}" for one in document["paused_domains"]
    ]
    if document["jobs"]:
        rows = [(one["job"], one["last"], one["status"], one["next"]) for one in document["jobs"]]
        lines += ["", *table(rows, ("job", "last run", "status", "next run"))]
    if document["jobs_overdue_since"]:
        lines.append(f"Nobody has kept the timetable since {document['jobs_overdue_since']}; start `newsletter serve`.")
    lines += [f"{one['job']}: {one['error']}" for one in document["jobs"] if one["error"]]
    return lines
