"""Who may come in, who may come back, and how often we write to ask.

    pending ──confirm──▶ active ──unsubscribe──▶ unsubscribed ──new opt-in──▶ active
                           ├──hard bounce──▶ bounced ──new opt-in──▶ active
                           └──complaint──▶ complained    only an operator opens this door again

A person's own new double opt-in lifts an unsubscription, a bounce and an erasure, since it proves that they hold the
mailbox and want the mail. It does not lift a complaint: the same person said that our mail is abuse.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from db.states import SubscriberState, SuppressionReason

CONFIRMATION_VALID = timedelta(hours=72)
UNDO_VALID = timedelta(hours=1)

# Consent that nothing followed grows old: mail to a list that slept for so long finds strangers and spam traps.
UNREACHED_FOR = timedelta(days=540)
ASKED_AGAIN_VALID = timedelta(days=30)

# A stranger may type anybody's address, so this is what a stranger can make us send to one mailbox.
BETWEEN_CONFIRMATIONS = timedelta(hours=24)
UNANSWERED_WITHIN = timedelta(days=30)
UNANSWERED_MOST = 3

LIFTED_BY_OPT_IN = (SuppressionReason.UNSUBSCRIBED, SuppressionReason.BOUNCED, SuppressionReason.ERASED)
MAY_COME_IN = (SubscriberState.PENDING, SubscriberState.UNSUBSCRIBED, SubscriberState.BOUNCED)
MAY_LEAVE = (SubscriberState.PENDING, SubscriberState.ACTIVE, SubscriberState.BOUNCED)


@dataclass(frozen=True, slots=True)
class Asked:
    """An earlier confirmation: when it was asked for, and whether it was answered."""

    at: datetime
    answered: bool


def may_opt_in(state: SubscriberState | None, suppression: SuppressionReason | None) -> bool:
    """Whether an opt-in can make this address active. ``state`` is None for an address that we do not know."""
    welcome = state is None or state in MAY_COME_IN
    return welcome and (suppression is None or suppression in LIFTED_BY_OPT_IN)


def may_ask(asked: Sequence[Asked], now: datetime) -> bool:
    """Whether one more confirmation may be mailed. Of those without an answer there is at most one in 24 hours and
    three in 30 days; whoever answered holds the mailbox, so a reader who leaves and returns on the same day gets in."""
    answered = max((one.at for one in asked if one.answered), default=datetime.min.replace(tzinfo=now.tzinfo))
    in_vain = [one for one in asked if not one.answered and answered <= one.at <= now]
    today = [one for one in in_vain if now - one.at < BETWEEN_CONFIRMATIONS]
    this_month = [one for one in in_vain if now - one.at < UNANSWERED_WITHIN]
    return not today and len(this_month) < UNANSWERED_MOST
