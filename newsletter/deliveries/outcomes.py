"""What a reply means: for the delivery, for the subscriber, for the domain, for the issue.

The table is the mail rules' ("Transport", 4). The enhanced code (RFC 3463) beats the basic one; text only refines.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from random import Random

from db.states import BounceKind, DeliveryStatus
from newsletter.deliveries.bounces_reasons import WHO, Reason, is_full, judge
from newsletter.deliveries.bounces_words import says, without

GIVE_UP_AFTER = timedelta(hours=72)
FIRST_RETRY = timedelta(minutes=10)
LONGEST_RETRY = timedelta(hours=8)
DOMAIN_PAUSE = timedelta(hours=1)  # for a domain that distrusts us: more of the same makes it worse
WANTS_MORE = 530
JITTER = 0.5  # of the interval, so that the first retry falls between 5 and 15 minutes

# IronPort writes "#5.1.0", Cox its code twice.
_ENHANCED = re.compile(r"\s*(?:[245]\d\d )?#?([245])\.(\d{1,3})\.(\d{1,3})\b", re.ASCII)
_REPUTATION = re.compile(
    r"block ?list|black ?list|spamhaus|\brbl\b|dnsbl|reputation|not authenticated|unauthenticated"
    r"|\bspf\b|\bdkim\b|\bdmarc\b",
    re.I,
)
_TOO_MUCH = re.compile(
    r"rate.?limit|at a rate|too (?:many|fast|quickly|much)\b|throttl|slow(?:ing)? down|unusual rate|volume"
    r"|\b(?:exceeded|over|above|reached)\b.{0,40}\b(?:rate|limit)",
    re.I,
)
_NO_SUCH = re.compile(
    r"(?:user|mailbox|recipient|account|address)\b.{0,40}"
    r"\b(?:unknown|not found|does ?n.t exist|not exist|invalid)"
    r"|no such (?:user|mailbox|recipient|person)|(?:unknown|invalid|non-?existent) (?:user|recipient|mailbox)\b"
    r"|does ?n.t have an? .{0,60}account|\(554\.30\)",  # both Yahoo's
    re.I,
)
_DENIED = re.compile(r"recipient address(?:es)? rejected ?: access denied", re.I)  # Microsoft's 5.4.1: no such mailbox
_NO_MAILBOX = frozenset({(1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 1)})
_ISSUE = frozenset({(2, 3), (3, 4)})
_TENANT = frozenset({(7, 705), (7, 708)})  # Microsoft 365, of us as its customer: we sent more than it trusts us with
_ADDRESS = frozenset({(6, 7), (6, 8), (6, 9), (6, 10)})  # RFC 6531: one that is not ASCII, wherever it goes


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole SMTP reply: its code, and its lines joined by spaces, without the code."""

    code: int
    text: str
    to_mail: bool = False
    """Whether it refuses MAIL: then it knows no recipient yet, whatever it says."""

    ok: bool = field(init=False, repr=False, compare=False)
    took: bool = field(init=False, repr=False, compare=False)
    """Whether it says, behind a message, that it was taken."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "ok", 200 <= self.code < 400)
        object.__setattr__(self, "took", 200 <= self.code < 300)

    @property
    def enhanced(self) -> tuple[int, int, int] | None:
        """RFC 3463, where the text begins with one."""
        found = _ENHANCED.match(self.text)
        return (int(found[1]), int(found[2]), int(found[3])) if found else None

    def __str__(self) -> str:
        return f"{self.code} {self.text}".strip() if self.code else self.text


class Blame(StrEnum):
    """Whose fault a refusal is, beyond the one delivery."""

    NOBODY = "nobody"
    MAILBOX = "mailbox"  # a hard bounce: never mail it again
    FULL = "full"  # a soft bounce
    DOMAIN = "domain"  # it distrusts us: it pauses, operators are told
    BUSY = "busy"  # 421, or a 4xx that says it was too much: it waits, then slows down
    LIMIT = "limit"  # of what a relay takes of us in an hour or a day: the sending pauses when three domains say so
    ISSUE = "issue"  # what we send is at fault: the sending pauses when three domains say so
    OURS = "ours"  # a bug in our SMTP


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a delivery. ``next_attempt_at`` is set for deferred and uncertain ones."""

    status: DeliveryStatus
    blame: Blame = Blame.NOBODY
    next_attempt_at: datetime | None = None


SENT = Outcome(DeliveryStatus.SENT)


def outcome(reply: Reply, attempt: int, first_attempt_at: datetime, now: datetime, random: Random) -> Outcome:
    """Read the reply that decided an attempt. ``attempt`` counts from 1."""
    if reply.took:
        return SENT
    blame = blame_of(reply)
    if is_permanent(reply, blame):
        return Outcome(DeliveryStatus.FAILED, blame)
    if now - first_attempt_at >= GIVE_UP_AFTER:
        return Outcome(DeliveryStatus.FAILED, blame)
    return Outcome(DeliveryStatus.DEFERRED, blame, retry_at(attempt, first_attempt_at, now, random))


def unknown(first_attempt_at: datetime, now: datetime, random: Random, *, retry: bool) -> Outcome:
    """The connection dropped after the final dot: tried again after 1 to 24 hours (same Message-ID), or left."""
    if not retry:
        return Outcome(DeliveryStatus.UNCERTAIN)
    if now - first_attempt_at >= GIVE_UP_AFTER:
        return Outcome(DeliveryStatus.UNCERTAIN)
    return Outcome(DeliveryStatus.UNCERTAIN, next_attempt_at=now + timedelta(hours=random.uniform(1, 24)))


def domain_waits_until(found: Outcome, now: datetime) -> datetime | None:
    """Until when everything for the recipient's domain waits because of this outcome; None where nothing does.

    A busy domain (421) waits until the refused delivery is due again: ever longer while it stays busy.
    """
    if found.blame is Blame.DOMAIN:
        return now + DOMAIN_PAUSE
    return found.next_attempt_at if found.blame in (Blame.BUSY, Blame.LIMIT) else None


def is_permanent(reply: Reply, blame: Blame) -> bool:
    """Whether trying again is pointless. A full mailbox never is, until time is up."""
    if blame in (Blame.FULL, Blame.BUSY, Blame.LIMIT):
        return False
    enhanced = reply.enhanced
    return (enhanced[0] if enhanced else reply.code // 100) == 5


def blame_of(reply: Reply) -> Blame:
    """Who is at fault for a reply that is no success."""
    found = _blame_of(Reply(reply.code, WHO.sub("x@x", reply.text)))
    return Blame.OURS if reply.to_mail and found is Blame.MAILBOX else found


def _blame_of(reply: Reply) -> Blame:
    enhanced = reply.enhanced
    if reply.code == 421:
        return Blame.BUSY
    if enhanced and enhanced[1:] == (2, 2):
        return Blame.FULL
    if (enhanced[0] if enhanced else reply.code // 100) != 5:
        # 4.1.x and 4.2.x are about one mailbox, which may be too popular.
        about_us = enhanced is None or enhanced[1] not in (1, 2)
        return Blame.BUSY if about_us and _TOO_MUCH.search(reply.text) and not _is_full(reply) else Blame.NOBODY
    if _is_full(reply):
        return Blame.FULL
    if enhanced is None:
        return _blame_of_text(reply)
    subject, detail = enhanced[1:]
    if (subject, detail) == (2, 1) and _TOO_MUCH.search(reply.text):  # Gmail, of a mailbox that gets too much today
        return Blame.NOBODY
    if (subject, detail) in _NO_MAILBOX or ((subject, detail) == (4, 1) and _DENIED.search(reply.text)):
        return _of_a_mailbox(reply.code, reply.text)
    if (subject, detail) in _TENANT:
        return Blame.LIMIT
    if subject == 7:
        return Blame.DOMAIN
    if says("our limit", reply.text):
        return Blame.LIMIT
    if (subject, detail) in _ADDRESS:
        return Blame.NOBODY
    if (subject, detail) in _ISSUE or subject == 6:
        return Blame.ISSUE
    if subject == 5 and detail:
        return Blame.OURS
    tells = subject != 0 and (detail or subject not in (1, 3, 5))  # 5.5.0 tells as little as 5.0.0
    return Blame.NOBODY if tells else _blame_of_text(reply)


def _is_full(reply: Reply) -> bool:
    """By its words, which may be of a message that is too large or of a limit of ours, too."""
    about_size = reply.enhanced is not None and reply.enhanced[1:] in _ISSUE
    return not about_size and is_full(reply.text) and not says("our limit", reply.text)


@lru_cache(maxsize=256)
def _of_a_mailbox(code: int, text: str) -> Blame:
    """What seems to be of a mailbox is, where it would be if it came back by mail: servers refuse with 5.1.1 whom they
    distrust, what they have no time for, and a sender that they do not find."""
    judgement = judge(None, code, text)
    if judgement.kind is BounceKind.HARD:
        return Blame.MAILBOX
    about_us = _REPUTATION.search(text) or any(says(words, text) for words in ("the sender", "our side", "distrust"))
    return Blame.DOMAIN if judgement.reason is Reason.POLICY and about_us else Blame.NOBODY


def takes_nothing(reply: Reply) -> bool:
    """Whether a reply to MAIL says that the relay takes nothing now, for whomever it is: it hangs up (421: so many
    messages on a line, silent for too long, shutting down), it had too much of us (Postfix: 450 4.7.1), its own state
    forbids it (RFC 3463, 3.4: 452 4.3.1, its disk is full), it wants TLS or a login first (530: RFC 3207, 4954), the
    issue is larger than it takes (552 5.3.4: RFC 1870), or its limit for us is reached."""
    if reply.ok:
        return False
    if not 400 <= reply.code < 500:
        return reply.code == WANTS_MORE or blame_of(reply) in (Blame.ISSUE, Blame.LIMIT)
    enhanced = reply.enhanced
    return (enhanced is not None and enhanced[:2] == (4, 3)) or blame_of(reply) is Blame.BUSY


def relay_id(reply: Reply) -> str | None:
    """A relay that rewrites Message-ID says its own in its reply: ``250 Ok 0102018…`` (Amazon SES)."""
    if not reply.took:
        return None
    words = [word for word in reply.text.split() if len(word) > 20]
    return words[-1] if words else None


def retry_at(attempt: int, first_attempt_at: datetime, now: datetime, random: Random) -> datetime:
    """5–15 minutes after the first attempt, then twice as long each time with jitter, never after the end."""
    doubled: timedelta = FIRST_RETRY * (1 << min(attempt - 1, 20))
    interval = min(doubled, LONGEST_RETRY)
    at = now + interval * random.uniform(1 - JITTER, 1 + JITTER)
    latest: datetime = max(first_attempt_at + GIVE_UP_AFTER, now + FIRST_RETRY * (1 - JITTER))
    return min(at, latest)


def _blame_of_text(reply: Reply) -> Blame:
    """Without an enhanced code, only clear words about a mailbox, a limit or our reputation count."""
    if says("our limit", reply.text):
        return Blame.LIMIT
    if _REPUTATION.search(reply.text):
        return Blame.DOMAIN
    if says("the sender", reply.text):
        return Blame.DOMAIN
    theirs = without("our side", reply.text)
    clearly = says("clearly no such user", theirs) and not says("perhaps not the recipient", reply.text)
    if reply.code in (550, 551, 552, 553, 554) and (_NO_SUCH.search(theirs) or clearly):
        return _of_a_mailbox(reply.code, reply.text)
    if reply.code == 552:
        return Blame.ISSUE
    if reply.code in (500, 501, 502, 503, 504, 555):
        return Blame.OURS
    return Blame.NOBODY
