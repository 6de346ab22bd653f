"""The tables. Typed for SQLAlchemy Core: ``select(Tool.slug)`` on a connection; no sessions, no lazy loading.

Instants are stored in UTC. Small sets (categories, panelists) are JSON lists in a stable order. Constraints make
mistakes impossible rather than unlikely: one delivery per issue and subscriber, one run per job and time, one current
take per tool and panelist, a release in one issue only.
"""

from db.models.api import ApiRequest, ApiToken, Webhook
from db.models.base import Base, Instant, aliased
from db.models.deliveries import Delivery, DomainPause, Letter, RelayLatency, RelayRate, ReturnedMail, Sender
from db.models.editors import Editor, IssueChange, Session, SignIn
from db.models.feeds import Entry, Feed, Release
from db.models.house import AuditEntry, Hit, JobPlan, JobRun, Key
from db.models.issues import EmptyWeek, Issue, IssueApproval, IssueComparison, IssueContent, IssueItem, IssueVerdict
from db.models.subscribers import Confirmation, Consent, Subscriber, SubscriberEvent, Suppression
from db.models.tools import Bookmark, Panelist, Take, Tool, ToolAlias, Vote

__all__ = [
    "ApiRequest",
    "ApiToken",
    "AuditEntry",
    "Base",
    "Bookmark",
    "Confirmation",
    "Consent",
    "Delivery",
    "DomainPause",
    "Editor",
    "EmptyWeek",
    "Entry",
    "Feed",
    "Hit",
    "Instant",
    "Issue",
    "IssueApproval",
    "IssueChange",
    "IssueComparison",
    "IssueContent",
    "IssueItem",
    "IssueVerdict",
    "JobPlan",
    "JobRun",
    "Key",
    "Letter",
    "Panelist",
    "RelayLatency",
    "RelayRate",
    "Release",
    "ReturnedMail",
    "Sender",
    "Session",
    "SignIn",
    "Subscriber",
    "SubscriberEvent",
    "Suppression",
    "Take",
    "Tool",
    "ToolAlias",
    "Vote",
    "Webhook",
    "aliased",
]
