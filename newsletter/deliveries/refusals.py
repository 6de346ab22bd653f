"""What refusals say beyond their own delivery, until they are reason enough to pause the issue.

Some relays take a few hundred messages and then refuse whatever comes, with words of their own (a quota, an account
that is shut): without a pause the rest of a list would fail for good, one reader after the other.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from db.states import DeliveryStatus
from newsletter.deliveries.outcomes import Blame, Outcome, Reply
from newsletter.logs import redacted

BLAMING_DOMAINS = 3  # one mailbox never stops an issue, and what one domain says may be about itself
IN_A_ROW = 50  # some that refuse us happen to come one after the other
BOUNCE_RATE, BOUNCES_NEED = 0.05, 1000  # providers think of a bought list above this


@dataclass(slots=True)
class _Streak:
    """Refusals by one relay since it last took a message, but those that are clearly about a mailbox."""

    about_us: int = 0
    distrusting: set[str] = field(default_factory=set)
    puzzling: int = 0
    puzzling_domains: set[str] = field(default_factory=set)
    words: str = ""

    def add(self, domain: str, blame: Blame, reply: Reply) -> None:
        if blame is Blame.MAILBOX and reply.enhanced:
            return
        self.words = str(reply)
        if blame in (Blame.NOBODY, Blame.MAILBOX):  # "account disabled", without a code, may be said of ours
            self.puzzling += 1
            self.puzzling_domains.add(domain)
        elif blame is Blame.OURS:
            self.about_us += 1
        elif domain not in self.distrusting:  # it says the same of all its readers
            self.distrusting.add(domain)
            self.about_us += 1

    def is_long(self) -> bool:
        puzzled = self.puzzling >= IN_A_ROW and len(self.puzzling_domains) >= BLAMING_DOMAINS
        return puzzled or self.about_us >= IN_A_ROW


class Refusals:
    """Of one sender."""

    def __init__(self) -> None:
        self._bounced = 0
        self._blaming: set[str] = set()
        self._limiting: set[str] = set()
        self._streaks: defaultdict[str, _Streak] = defaultdict(_Streak)

    def taken(self, relay: str) -> None:
        self._streaks.pop(relay, None)

    def remember(self, relay: str, email: str, found: Outcome, reply: Reply, *, first: bool) -> None:
        """``first`` says whether it was the first attempt: what comes again is for those that refused us before, so it
        says nothing of the others."""
        domain = email.rpartition("@")[2]
        if found.blame is Blame.ISSUE:
            self._blaming.add(domain)
        elif found.blame is Blame.LIMIT:
            self._limiting.add(domain)
        elif found.status is DeliveryStatus.FAILED:
            self._bounced += found.blame is Blame.MAILBOX
            if first:
                self._streaks[relay].add(domain, found.blame, reply)

    def why_pause(self, sent: int) -> str | None:
        """Why the whole issue should pause, of which ``sent`` were taken: domains that blame what it says; domains that
        all know of a limit of ours, which is then the relay's; one refusal after the other; or too many addresses that
        are none. None as long as there is no reason."""
        if len(self._blaming) >= BLAMING_DOMAINS:
            domains = ", ".join(sorted(self._blaming))
            return f"{len(self._blaming)} recipient domains refuse what this issue says: {domains}"
        if len(self._limiting) >= BLAMING_DOMAINS:
            return "the relay takes no more of us for now, say several domains; a rate= in NEWSLETTER_SMTP helps"
        for relay, streak in self._streaks.items():
            if streak.is_long():
                words = redacted(streak.words)
                return f"the relay {relay} refuses one reader after the other and takes nothing: {words}"
        tried = sent + self._bounced
        if tried >= BOUNCES_NEED and self._bounced > tried * BOUNCE_RATE:
            return f"{self._bounced} of {tried} addresses do not exist, which is more than 5 in 100"
        return None
