"""What a refusal is about: enhanced status, reply code and words -> a reason, and what the reason means for us.

The enhanced status (RFC 3463) beats the basic code; the words refine a status that says little (x.0.0, x.2.0, 5.7.1 …)
and overrule it in two cases that experience teaches: a full mailbox is one whatever its code, and a block-list that
speaks through "5.1.1" is still a block-list.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from db.states import BounceKind
from newsletter.deliveries.bounces_words import says, without


class Reason(StrEnum):
    """Why a mail came back, in the words that reports show."""

    NO_SUCH_USER = "no such user"
    NO_SUCH_HOST = "no such host"
    MOVED = "moved"
    NO_MAIL = "accepts no mail"
    DISABLED = "mailbox disabled"
    MAILBOX_FULL = "mailbox full"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    POLICY = "policy"
    CONTENT = "content"
    SYSTEM = "their system"
    PROTOCOL = "protocol"
    DELAYED = "delayed"
    COMPLAINT = "complaint"
    DELIVERED = "delivered"
    VACATION = "vacation"
    UNSUBSCRIBE = "unsubscribe"
    REPORT = "other report"
    NOT_UNDERSTOOD = "not understood"


HARD = frozenset({Reason.NO_SUCH_USER, Reason.NO_SUCH_HOST, Reason.MOVED, Reason.NO_MAIL, Reason.DISABLED})
IGNORED = frozenset(
    {Reason.DELIVERED, Reason.VACATION, Reason.UNSUBSCRIBE, Reason.REPORT, Reason.NOT_UNDERSTOOD},
)
_OF_WHOM_WE_MAIL = frozenset(
    {Reason.NO_SUCH_USER, Reason.NO_SUCH_HOST, Reason.MOVED, Reason.DISABLED, Reason.MAILBOX_FULL},
)
# Soft reasons that say something about the mailbox; the others are about us, our message, or their bad day.
# What would be hard with a 5 counts, too: who answers 4.1.1 for days, every week, has no mailbox there.
COUNTED = HARD | {Reason.MAILBOX_FULL, Reason.UNREACHABLE, Reason.REFUSED}


@dataclass(frozen=True, slots=True)
class Judgement:
    """``counted`` soft bounces add up towards a suppression; ``status`` is the enhanced status that was believed."""

    kind: BounceKind
    reason: Reason
    status: str | None

    @property
    def counted(self) -> bool:
        return self.kind is BounceKind.SOFT and self.reason in COUNTED


@dataclass(frozen=True, slots=True)
class Returned:
    """What a mail says of one recipient. ``originally`` is the address that we mailed, where the report tells."""

    recipient: str
    judgement: Judgement
    originally: str = ""

    def names(self, address: str) -> bool:
        return address.casefold() in (self.recipient.casefold(), self.originally.casefold())


NOT_UNDERSTOOD = Returned("", Judgement(BounceKind.IGNORED, Reason.NOT_UNDERSTOOD, None))

# Somebody may be called full@ or spam@: what they are called says nothing of why.
WHO = re.compile(r"[^\s<>()\[\]\"':;,]{1,64}@[\w.-]{1,255}")
# Subjects end at 7 (RFC 3463 3): 4.94.2 is a version of Exim, 4.11.26 a date.
_ENHANCED = re.compile(r"(?<![\d.])([245])\.([0-7])\.(\d{1,3})(?![\d.]*\d)", re.ASCII)
# IronPort, and SES with it, quote what the other server said behind a class of their own: of those who are refused at
# RCPT each is "5.1.0 - Unknown address error", whatever the reason was.
_WRAPPED = re.compile(r"\b5\.1\.0 - unknown address error (5\d\d)-'(5\.[2-7]\.\d{1,3} [^']*)'", re.I | re.ASCII)
# Postfix at the edge asks the server behind it about an address (its verify(8)), and answers 5.1.1 to whatever that one
# said: that the mailbox is full, or what it thinks of the edge.
_ASKED = re.compile(r"\bundeliverable address: (?=host \S{1,300} said: |mail for \S{1,300} loops )", re.I | re.ASCII)
_CODE = re.compile(r"(?<![\d.])([245][0-5]\d)(?![\d.]|\s*(?:bytes|kb|mb))", re.ASCII)


def judge(status: str | None, code: int | None, text: str, *, action: str = "failed", around: str = "") -> Judgement:
    """The reason and kind of one refusal.

    ``status`` is what a report's Status field said, ``code`` an SMTP reply code, ``text`` the words (Diagnostic-Code,
    reply, or the lines around an address), ``action`` as in RFC 3464 2.3.3; ``around`` is the notice for people, which
    tells what the refusal replied to.
    """
    flat = _WRAPPED.sub(r"\1 \2", WHO.sub("x@x", " ".join(text.split())[:2000]))
    if action in ("delivered", "relayed", "expanded", "deliverable"):
        return Judgement(BounceKind.IGNORED, Reason.DELIVERED, status)
    if asked := _ASKED.search(flat):
        status, code, flat = None, None, flat[asked.end() :]
    believed = best_status(status, flat)
    if action == "delayed":
        return Judgement(BounceKind.SOFT, Reason.DELAYED, believed)
    if code is None and (found := _CODE.search(flat)):
        code = int(found[1])
    reason = _reason(believed, code, flat)
    if reason in _OF_WHOM_WE_MAIL and says("before the recipient", f"{flat} {' '.join(around[:8000].split())}"):
        reason = Reason.POLICY
    if reason is Reason.NO_SUCH_USER and not _names_the_address(believed) and is_filtered(flat, around):
        reason = Reason.REFUSED
    permanent = not (believed or str(code or 5)).startswith("4")
    kind = (
        BounceKind.HARD if reason in HARD and permanent and not _comes_back(reason, believed, flat) else BounceKind.SOFT
    )
    return Judgement(kind, reason, believed)


def _comes_back(reason: Reason, status: str | None, text: str) -> bool:
    for_good = reason is not Reason.DISABLED or (status or "").endswith(".2.1") or says("gone for good", text)
    return not for_good or says("for now", text)


# A server says at RCPT whether an address exists. Some mobile carriers answer "unknown user" only after DATA: there it
# means that the recipient's filter said no.


def is_filtered(text: str, around: str) -> bool:
    """Whether an unknown user is one in a reply to the mail itself."""
    return bool(re.search(r"unknown user|user unknown", text, re.I) and says("after data", f"{text} {around}"))


def _names_the_address(status: str | None) -> bool:
    return status is not None and status[1:] in (".1.1", ".1.3", ".1.6", ".1.10")


def is_full(text: str) -> bool:
    """Whether a mailbox is full, and not a message too large for it."""
    return says("mailbox full", without("message too large", text))


def best_status(status: str | None, text: str) -> str | None:
    """The more telling of a Status field and the first enhanced code in the words; x.0.0 tells nothing."""
    given = _ENHANCED.search(status or "")
    said = next((found for found in _ENHANCED.finditer(text) if found[2] != "0" or found[3] != "0"), None)
    if given and said and given[1] == "4" and said[1] == "5":
        return said[0]
    if given and (given[2] != "0" and given[3] != "0"):
        return given[0]
    return (said or given or _ENHANCED.search(text) or [None])[0]


def _reason(status: str | None, code: int | None, text: str) -> Reason:
    subject, detail = (int(part) for part in status.split(".")[1:]) if status else (0, 0)
    if is_full(text) and (subject, detail) not in ((1, 1), (2, 3), (3, 4)):
        return Reason.POLICY if says("our limit", text) and (subject, detail) != (2, 2) else Reason.MAILBOX_FULL
    if says("the sender", text):
        return Reason.POLICY
    by_words = _by_words(text)
    by_status = _BY_STATUS.get((subject, detail))
    if by_status in _FOUND_OR_NOT and says("lookup failed", text) and not (status or "").startswith("4"):
        return Reason.UNREACHABLE
    if by_status is Reason.NO_SUCH_USER and says("their trouble", text):
        return Reason.SYSTEM
    if by_status is None and by_words in HARD and says("distrust", text):
        return Reason.POLICY
    if subject == _ABOUT_THE_MAIL and by_words in HARD:
        return Reason.CONTENT
    theirs = without("our side", text)
    if by_status in HARD and by_words in (Reason.POLICY, Reason.MAILBOX_FULL) and not says("no such user", theirs):
        return by_words
    if by_status is not None and not (by_status in _VAGUE and by_words in HARD):
        return by_status
    if (subject, detail) == (3, 2):  # for good (RFC 7504), or down for the day
        return Reason.NO_MAIL if code == 521 or by_words is Reason.NO_MAIL else Reason.SYSTEM
    if subject == _ABOUT_TRUST and (by_words is not Reason.NO_SUCH_USER or says(Reason.POLICY, text)):
        return Reason.CONTENT if by_words is Reason.CONTENT else Reason.POLICY
    if by_words is not None and not (subject == _OUR_COMMANDS and detail and by_words is Reason.NO_SUCH_HOST):
        return by_words
    return _BY_SUBJECT.get(subject) or (Reason.NO_SUCH_USER if code == 551 else Reason.REFUSED)


# The more telling meaning first.
_ORDER = (
    Reason.MOVED, Reason.NO_MAIL, Reason.DISABLED, Reason.NO_SUCH_HOST, Reason.NO_SUCH_USER, Reason.MAILBOX_FULL,
    Reason.POLICY, Reason.CONTENT, Reason.UNREACHABLE, Reason.PROTOCOL, Reason.SYSTEM, Reason.REFUSED,
)  # fmt: skip


def _by_words(text: str) -> Reason | None:
    theirs = without("our side", text)
    if says("lookup failed", theirs):
        return Reason.UNREACHABLE
    found = next((reason for reason in _ORDER if says(reason, theirs)), None)
    if found is Reason.MAILBOX_FULL and not is_full(theirs):
        found = Reason.CONTENT
    return Reason.POLICY if found in (None, Reason.REFUSED) and says("our side", text) else found


# RFC 3463 and its registry; what is missing here is decided by the words, then by the subject digit.
_BY_STATUS = {
    (1, 1): Reason.NO_SUCH_USER, (1, 2): Reason.NO_SUCH_HOST, (1, 3): Reason.NO_SUCH_USER, (1, 4): Reason.REFUSED,
    (1, 6): Reason.MOVED, (1, 7): Reason.POLICY, (1, 8): Reason.POLICY, (1, 9): Reason.POLICY, (1, 10): Reason.NO_MAIL,
    (2, 1): Reason.DISABLED, (2, 2): Reason.MAILBOX_FULL, (2, 3): Reason.CONTENT, (2, 4): Reason.SYSTEM,
    (3, 1): Reason.SYSTEM, (3, 3): Reason.SYSTEM, (3, 4): Reason.CONTENT, (3, 5): Reason.SYSTEM,
    (4, 1): Reason.UNREACHABLE, (4, 2): Reason.UNREACHABLE, (4, 3): Reason.UNREACHABLE, (4, 4): Reason.NO_SUCH_HOST,
    (4, 5): Reason.UNREACHABLE, (4, 6): Reason.SYSTEM, (4, 7): Reason.UNREACHABLE,
}  # fmt: skip
_VAGUE = frozenset({Reason.UNREACHABLE})
_FOUND_OR_NOT = frozenset({Reason.NO_SUCH_USER, Reason.NO_SUCH_HOST})
_OUR_COMMANDS = 5  # 5.5.4 "Invalid domain name" is that in our HELO
_ABOUT_THE_MAIL = 6  # 5.6.0 "Invalid address in To"
_ABOUT_TRUST = 7  # 5.7.x is about us, though some say "5.7.1 No such user" and nothing else
_BY_SUBJECT = {
    2: Reason.REFUSED, 3: Reason.SYSTEM, 4: Reason.UNREACHABLE, 5: Reason.PROTOCOL, 6: Reason.CONTENT, 7: Reason.POLICY,
}  # fmt: skip
