"""What the timetable's jobs do: each calls the verbs of one room and says in a few words what came of it.

A verb is imported when its job runs, so a service that never reads bounces does not load the reader.
"""

import logging
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from db import (
    api,
    deliveries,
    domains,
    feeds,
    housekeeping,
    issues,
    letters,
    limits,
    outcome_log,
    ownership,
    returned_mail,
    runs,
)  # fmt: skip
from db.engine import reading, transaction
from db.issues import IssueRow
from db.states import IssueStatus
from db.wal import empty_the_log
from newsletter.clock import Week, last_ended_week, real_now
from newsletter.errors import NewsletterError, RefusedError, SettingsError
from scheduler.engine import Context, Work
from scheduler.nightly_copies import back_up
from scheduler.notices import tell_editors, tell_operators
from scheduler.timetable import REMIND_AHEAD

if TYPE_CHECKING:
    from newsletter.deliveries.send import IssueSent
    from scheduler.machines import Machines

log = logging.getLogger("newsletter.scheduler")

Result = Mapping[str, Any]

_SMALL = ("gather", "read_bounces", "expire", "ask_again", "prune", "back_up")
_TRIES, _BETWEEN_TRIES = 20, 1.0
_AFTER_TROUBLE, _LONGEST_ROUND = 20.0, 1800.0  # seconds
_WRITTEN_WITHIN = timedelta(minutes=15)  # what became of a message, at the latest: that of a killed sender, by another

SEND, FETCH, RUN = "send", "fetch_feeds", "read_bounces"
"""What machines share on PostgreSQL, by the names that its table of jobs shows."""


def gather(context: Context, due_at: datetime) -> Result:
    """Fetch the feeds that are due, then make releases of what is new."""
    from newsletter.feeds.fetch import fetch_feeds
    from newsletter.releases.collect import collect_releases

    if context.machines is None:
        fetched = [
            feed for feed in fetch_feeds(context.engine, context.settings, context.clock).feeds
            if feed.status != "skipped"
        ]  # fmt: skip
        feeds, failing = len(fetched), [feed.name for feed in fetched if feed.status == "error"]
    else:
        feeds, failing = _fetch_with_others(context, context.machines)
    collected = collect_releases(context.engine, context.settings, context.clock)
    return {"feeds": feeds, "failing": failing, "new_releases": collected.new_releases}


def _fetch_with_others(context: Context, machines: "Machines") -> tuple[int, list[str]]:
    """Hand out the due feeds in batches and wait until they are fetched; returns how many were, and which fail.

    Raises NewsletterError when the service stops meanwhile: the run is begun again.
    """
    from newsletter.feeds.fetch import due_batches

    begun = context.clock.now()
    batches = due_batches(context.engine, begun)
    with transaction(context.engine) as connection:
        ids = machines.hand_out(connection, FETCH, [{"feeds": batch} for batch in batches])
    left = machines.wait_for(ids, _LONGEST_ROUND)
    if left:
        raise NewsletterError(f"{left} of {len(ids)} batches of feeds were not fetched in time")
    with reading(context.engine) as connection:
        checked = [
            feed for feed in feeds.all_feeds(connection) if feed.last_checked_at and feed.last_checked_at >= begun
        ]
    return len(checked), [feed.name for feed in checked if feed.failures]


def fetch_batch(context: Context, feeds: list[int]) -> None:
    """Of a round that machines share, this one's part. Feeds that somebody else has fetched meanwhile are left."""
    from newsletter.feeds.fetch import fetch_feeds

    fetch_feeds(context.engine, context.settings, context.clock, among=feeds)


def send_what_is_due(context: Context) -> None:
    """Send what is due of issues that are being sent, and rest a while where that meets trouble."""
    from newsletter.deliveries.send import send_due

    troubled = True
    try:
        report = send_due(context.engine, context.settings, context.clock, stop=context.stop, apart=True)
        _look_at_refusals(context, report.issues)
        for issue in report.issues:
            if issue.trouble:
                log.warning("%s: %s", issue.week, issue.trouble)
        troubled = any(issue.trouble for issue in report.issues)
    finally:
        if troubled:
            context.stop.wait(_AFTER_TROUBLE)


def _look_at_refusals(context: Context, issues: Sequence["IssueSent"]) -> None:
    """Where there are new ones, at these: the tail of a sending is a round every second, for days."""
    from newsletter.deliveries.receive import count_refusals

    now, seen = context.clock.now(), context.refused
    changed = [issue.week for issue in issues if seen.get(issue.week, (-1, now))[0] != issue.counts.failed]
    if changed:
        never = any(week not in seen for week in changed)
        since = None if never else min(seen[week][1] for week in changed) - _WRITTEN_WITHIN
        count_refusals(context.engine, now=now, since=since)
        seen.update({issue.week: (issue.counts.failed, now) for issue in issues})


def compose(context: Context, due_at: datetime) -> Result:
    """Make the draft of the week that had ended when this was due; approve it where that is automatic."""
    from newsletter.issues.compose import compose_issue
    from newsletter.releases.rematch import rematch_releases

    rematch_releases(context.engine, context.clock.now())
    week = last_ended_week(due_at, context.settings.timezone)
    compose_issue(context.engine, week, context.settings, context.clock.now())
    issue = _issue(context, week)
    if issue is None:
        return {"issue": None}
    if issue.status == IssueStatus.DRAFT and not _approve_automatically(context, week):
        tell_editors(
            context,
            f"The draft of {week} is waiting",
            [f"The issue of {week} is composed and waits for your approval. Without it, nothing is sent."],
            f"/editor/issues/{week}",
        )
    return {"issue": str(week)}


def remind(context: Context, due_at: datetime) -> Result:
    """Tell editors once more, before the time of sending, that a draft is not approved."""
    draft = _waiting_draft(context, due_at)
    if draft is None:
        return {"issue": None}
    goes_out = (due_at + REMIND_AHEAD).astimezone(context.settings.timezone)
    tell_editors(
        context,
        f"{draft.week} is not approved yet",
        [f"It goes out on {goes_out:%A at %H:%M} ({goes_out:%Z}) if you approve it before. It is not sent without."],
        f"/editor/issues/{draft.week}",
    )
    return {"issue": draft.week}


def send(context: Context, due_at: datetime) -> Result:
    """Start the approved issues that wait for the weekly time; say so where there is only a draft."""
    draft = _waiting_draft(context, due_at)
    if draft is not None and _approve_automatically(context, Week.parse(draft.week)):
        draft = None
    waiting = [issue for issue in _approved(context) if issue.send_at is None]
    started = [issue.week for issue in waiting if start(context, issue)]
    if draft is not None:
        tell_editors(
            context,
            f"{draft.week} was not sent",
            [
                f"Nobody approved the issue of {draft.week} in time, so it was not sent.",
                f"Approve it with a time of its own, or approve it and run `newsletter issues send {draft.week}`.",
                "Or stop it: then what it carries goes into the next issue.",
            ],
            f"/editor/issues/{draft.week}",
        )
    return {"started": started, "unapproved": draft.week if draft else None}


def read_bounces(context: Context, due_at: datetime) -> Result:
    """Take in what returned to the mailbox of the settings."""
    from newsletter.deliveries.read_mailbox import mails_of_mailbox
    from newsletter.deliveries.receive import receive_mail

    assert context.settings.bounce_mailbox is not None
    report = receive_mail(context.engine, mails_of_mailbox(context.settings.bounce_mailbox), now=context.clock.now())
    for unread in report.unread:
        log.warning("returned mail %s: %s", unread.source, unread.why)
    if report.broke_off:
        raise NewsletterError(report.broke_off)
    changed = sum(result.subscriber_changed for result in report.results)
    return {"results": len(report.results), "subscribers_changed": changed, "unread": len(report.unread)}


def expire(context: Context, due_at: datetime) -> Result:
    """Forget sign-in links, sessions and confirmations that have run out, the counts behind limits, and the API's
    answers of more than a day ago."""
    with transaction(context.engine) as connection:
        return {
            "expired": housekeeping.forget_expired(connection, context.clock.now()),
            "counts": limits.forget_hits(connection, real_now() - timedelta(days=40)),
            "answers": api.forget_requests(connection, real_now()),
        }


def ask_again(context: Context, due_at: datetime) -> Result:
    """Ask those whom no issue has reached for a year and a half whether they still want it."""
    from newsletter.subscribers.ask_again import ask_again as ask

    now, nonce = context.clock.now(), lambda: secrets.token_bytes(32)
    return {"asked": ask(context.engine, context.settings, now=now, real_now=real_now(), nonce=nonce)}


def prune(context: Context, due_at: datetime) -> Result:
    """Forget letters and the runs of small jobs after a month, the bytes of returned mail that was not understood after
    three, pauses of domains two days after they are over; the runs of compose and send are kept.

    Then no trace of what was deleted since yesterday stays in the log of the embedded database.
    """
    now = context.clock.now()
    with transaction(context.engine) as connection:
        killed = ownership.forget_gone(connection, context.engine)
        outcome_log.tell_of_gone(connection, context.engine, killed)
        gone = {
            "letters": letters.forget_letters(connection, real_now() - timedelta(days=30)),
            "runs": runs.forget_runs(connection, _SMALL, now - timedelta(days=30)),
            "pauses": domains.forget_pauses(connection, now - timedelta(days=2)),
            "kept_mail": returned_mail.forget_kept(connection, now - timedelta(days=90)),
            "killed": len(killed),
        }
    outcome_log.drop(context.engine, killed)
    return gone | {"log_emptied": _empty_the_log(context)}


def _empty_the_log(context: Context) -> bool:
    """A reader or a writer holds the log for a moment; the nightly hour has many of those."""
    for _ in range(_TRIES):
        if empty_the_log(context.engine):
            return True
        if context.stop.wait(_BETWEEN_TRIES):
            break
    return False


JOBS: Mapping[str, Work] = {
    job.__name__: job for job in (gather, compose, remind, send, read_bounces, expire, ask_again, prune, back_up)
}


def _issue(context: Context, week: Week) -> IssueRow | None:
    with reading(context.engine) as connection:
        return issues.issue_of_week(connection, str(week))


def _waiting_draft(context: Context, due_at: datetime) -> IssueRow | None:
    """The draft that a time of sending is about: that of the week that had ended by then."""
    issue = _issue(context, last_ended_week(due_at, context.settings.timezone))
    return issue if issue is not None and issue.status == IssueStatus.DRAFT else None


def _approved(context: Context) -> list[IssueRow]:
    with reading(context.engine) as connection:
        recent = issues.list_issues(connection, limit=100)
    return sorted((one for one in recent if one.status == IssueStatus.APPROVED), key=lambda issue: issue.week)


def _approve_automatically(context: Context, week: Week) -> bool:
    """Approve a draft whose checks pass, where the settings ask for that; tell editors why where they do not."""
    from newsletter.issues.approve import approve_issue
    from newsletter.issues.check import check_issue

    if context.settings.approval != "automatic":
        return False
    checked = check_issue(context.engine, week, context.settings, context.clock.now())
    if checked.passed:
        approve_issue(context.engine, week, "the timetable", context.settings, context.clock.now())
        return True
    faults = [f"{one.place}: {one.message} {one.advice}" for one in checked.findings if one.severity == "error"]
    tell_editors(context, f"{week} could not be approved by itself", faults, f"/editor/issues/{week}")
    return False


def start(context: Context, issue: IssueRow) -> bool:
    """Fix an approved issue's recipients; the sending takes it from there. False when it is not approved any more.

    Raises SettingsError where nothing can be sent; the issue then says so, too.
    """
    from newsletter.issues.publish import publish_issue

    try:
        publish_issue(context.engine, Week.parse(issue.week), context.settings, context.clock.now())
    except RefusedError:
        return False
    except SettingsError as error:
        if issue.trouble != str(error):
            with transaction(context.engine) as connection:
                deliveries.note_trouble(connection, issue.id, str(error))
        raise
    return True


def start_scheduled(context: Context) -> list[str]:
    """Start the approved issues whose own time has come."""
    now = context.clock.now()
    ripe = [issue for issue in _approved(context) if issue.send_at is not None and issue.send_at <= now]
    started: list[str] = []
    held_up: SettingsError | None = None
    for issue in ripe:
        try:
            started += [issue.week] if start(context, issue) else []
        except SettingsError as error:
            if issue.trouble != str(error):  # a round of every second meets the same again
                tell_operators(context, f"{issue.week} could not be sent", [f"Its time has come, but: {error}"])
            held_up = error
    if held_up is not None:
        raise held_up
    return started
