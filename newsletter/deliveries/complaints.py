"""Feedback reports (ARF, RFC 5965), and the one big provider that complains without them.

Only types by which a person says "I do not want this" are complaints. Reports on authentication (RFC 6591), viruses and
"not spam" (RFC 6430) are about other things and change nothing.
"""

import re

from db.states import BounceKind
from newsletter.deliveries.bounces_mail import OpenedMail, first
from newsletter.deliveries.bounces_notices import ADDRESS
from newsletter.deliveries.bounces_reasons import Judgement, Reason

_COMPLAINTS = frozenset({"abuse", "fraud", "opt-out", "opt-out-list", "complaint", "miscategorized", "other"})


def judge_feedback(kind: str) -> Judgement:
    """What a type of feedback means, lower-case."""
    if kind in _COMPLAINTS:
        return Judgement(BounceKind.COMPLAINT, Reason.COMPLAINT, None)
    return Judgement(BounceKind.IGNORED, Reason.REPORT, None)


def feedback_type(mail: OpenedMail) -> str | None:
    """The type of the report, lower-case; None when the mail is no feedback report."""
    if mail.feedback:
        return _bare(first(mail.feedback, "feedback-type")).lower() or "abuse"
    # Outlook's Junk Mail Reporting Program encloses the mail as it was, under a subject of its own.
    if "x-hmxmroriginalrecipient" in mail.headers or "x-hmxmroriginalrecipient" in mail.enclosed:
        return "abuse"
    if mail.header("subject").lower().startswith("complaint about message from"):
        return "abuse"
    return None


def complained_recipients(mail: OpenedMail) -> list[str]:
    """Who is said to have complained; often blotted out by the provider, then [''] ."""
    for named in (
        mail.feedback.get("original-rcpt-to", []),
        mail.feedback.get("removal-recipient", []),
        mail.headers.get("x-hmxmroriginalrecipient", []) + mail.enclosed.get("x-hmxmroriginalrecipient", []),
        mail.enclosed.get("to", []),
    ):
        found = dict.fromkeys(
            name for name in ADDRESS.findall(" ".join(named)) if not name.lower().startswith("redacted")
        )
        if found:
            return list(found)[:100]
    return [""]


def _bare(token: str) -> str:
    """Comments may stand around it (RFC 5965 3.5); some programs quote it, or end it with a semicolon."""
    return re.sub(r"\([^()]*\)", " ", token).strip(" \t\"';")
