"""What a reply holds up beyond its own delivery: its domain, or the whole issue. Operators are told by letter.

Replies name the reader; what outlives the delivery that they are about is kept without addresses.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from db import claims, deliveries, domains
from db.claims import Claimed
from db.letters import add_notices, was_noticed
from db.states import IssueStatus, Role
from newsletter.clock import real_now
from newsletter.deliveries.outcomes import GIVE_UP_AFTER, Blame
from newsletter.logs import redacted

TOLD_AGAIN = timedelta(days=1)  # it is asked every hour, and may say the same for days
TOLD_DOMAINS = 3  # of so many that distrust us at once a letter each: where all do, one more says nothing new


class Hold(NamedTuple):
    """A domain that waits, and deliveries to it that a sender had claimed and now puts off."""

    domain: str
    blame: Blame
    until: datetime
    reply: str
    claimed: Sequence[Claimed]
    slowed: tuple[str, float] | None = None
    """The line, and the messages a second, at which it goes on."""


def hold_domains(
    connection: Connection, issue_id: int, owner: str, week: str, holds: Sequence[Hold], now: datetime
) -> None:
    """Domains wait, and lines go on slowly, in the order of their names: of senders that write the same ones at once
    none waits for another that waits for it."""
    slowed = dict(hold.slowed for hold in holds if hold.slowed is not None)
    held: dict[str, list[Hold]] = {}
    for hold in holds:
        held.setdefault(hold.domain, []).append(hold)
    for name in sorted({*slowed, *held}):
        for hold in held.get(name, ()):
            _hold_domain(connection, issue_id, owner, week, hold, now)
        if name in slowed:
            domains.slow_domain(connection, name, slowed[name], now)


def _hold_domain(connection: Connection, issue_id: int, owner: str, week: str, hold: Hold, now: datetime) -> None:
    """Deliveries to the domain wait for their time. A busy one (421) is routine, one that distrusts us is not."""
    reply = redacted(hold.reply)
    asked_lately = domains.paused_since(connection, hold.domain, now - domains.STOOD_STILL)
    begins = domains.pause_domain(connection, hold.domain, hold.until, reply, now)
    claims.put_off(connection, issue_id, owner, hold.claimed, hold.until)
    if asked_lately:
        _end_what_waits(connection, issue_id, hold, reply, now, begins=begins)
    if not begins or hold.blame is not Blame.DOMAIN:
        return
    subject = f"{hold.domain} does not take {week}"
    told = was_noticed(connection, subject, now - TOLD_AGAIN)
    if not told and len(domains.paused_domains(connection, now)) <= TOLD_DOMAINS:
        words = (
            f"{hold.domain} refused a message of {week} because of who sent it: {reply}. What else is for that "
            f"domain waits until {hold.until:%Y-%m-%d %H:%M} UTC. `newsletter doctor` checks what such domains look at."
        )
        _tell(connection, week, subject, words, now)


def _end_what_waits(
    connection: Connection, issue_id: int, hold: Hold, reply: str, now: datetime, *, begins: bool
) -> None:
    """What waits for three days fails, where the domain took nothing of the issue meanwhile; and what was on its way to
    it then, once its own reply is there."""
    since = now - GIVE_UP_AFTER
    here = connection, issue_id, hold.domain, since
    long = begins and any(row.first_attempt_at is not None and row.first_attempt_at <= since for row in hold.claimed)
    if (long or domains.gave_up_domain(*here)) and not domains.took_any(*here):
        words = f"{hold.domain} took nothing of this issue for {GIVE_UP_AFTER // timedelta(hours=1)} hours: {reply}"
        domains.give_up_domain(*here, words, now)


def hold_issue(connection: Connection, issue_id: int, week: str, reason: str, now: datetime) -> None:
    """sending → paused, for a reason in words that operators are told."""
    reason = redacted(reason)
    if deliveries.move_issue(connection, issue_id, [IssueStatus.SENDING], IssueStatus.PAUSED, now, reason):
        words = (
            f"{reason}. Look at the replies in its receipt before you resume it with `newsletter issues resume {week}`."
        )
        _tell(connection, week, f"The sending of {week} is paused", words, now)


def _tell(connection: Connection, week: str, subject: str, words: str, now: datetime) -> None:
    add_notices(connection, [Role.OPERATOR], subject, [words], f"/editor/issues/{week}", real_now(), now)
