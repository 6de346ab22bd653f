"""The states that rows move through. Standard library only: pure code may import this, and nothing else of ``db``."""

from enum import StrEnum


class FeedStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    RETIRED = "retired"  # the server said 410 Gone


class FeedKind(StrEnum):
    LAUNCHES = "launches"  # every entry is a new tool
    RELEASES = "releases"  # versions of one tool
    NEWS = "news"  # only some entries announce something


class EntryStatus(StrEnum):
    NEW = "new"  # fetched, not yet looked at by the releases room
    RELEASE = "release"  # it announced a release, or is one more source of one
    SKIPPED = "skipped"  # kept, with the reason
    BACKFILLED = "backfilled"  # first seen too long after its date to be news


class ReleaseStatus(StrEnum):
    UNMATCHED = "unmatched"  # waits in the editors' queue
    MATCHED = "matched"
    DROPPED = "dropped"
    BACKFILLED = "backfilled"  # kept, belongs to no week, never announced


class Call(StrEnum):
    """What a take or a vote says. A verdict may also be ``split``."""

    SHIP = "ship"
    SKIP = "skip"


class IssueStatus(StrEnum):
    """draft → approved → sending → sent.

    approved → draft: any edit voids the approval. sending ⇄ paused. draft, approved, sending, paused → cancelled.
    sent → sending: those whom it did not reach are tried again.
    """

    DRAFT = "draft"
    APPROVED = "approved"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"


class DeliveryStatus(StrEnum):
    """queued → sending → sent, failed, deferred or uncertain; deferred and uncertain → sending again when due.

    skipped: the subscriber left, was suppressed or had nothing chosen when the batch was claimed.
    """

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    UNCERTAIN = "uncertain"  # the connection dropped after the final dot
    SKIPPED = "skipped"


class SubscriberState(StrEnum):
    PENDING = "pending"
    ACTIVE = "active"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class SuppressionReason(StrEnum):
    UNSUBSCRIBED = "unsubscribed"  # kept as a subscriber's state; listed here only for imports of such addresses
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    ERASED = "erased"
    MANUAL = "manual"


class LetterKind(StrEnum):
    """Mail to one person that is no issue."""

    CONFIRM = "confirm"
    SIGN_IN = "sign_in"
    TEST = "test"
    WELCOME = "welcome"
    NOTICE = "notice"


class LetterStatus(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


class RunStatus(StrEnum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    MISSED = "missed"  # found too late to be worth doing


class Role(StrEnum):
    EDITOR = "editor"
    OPERATOR = "operator"
    PANELIST = "panelist"


class BounceKind(StrEnum):
    HARD = "hard"
    SOFT = "soft"
    COMPLAINT = "complaint"
    IGNORED = "ignored"
