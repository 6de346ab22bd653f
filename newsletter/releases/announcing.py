"""Does an entry of a news feed announce a tool, or is it an essay, a report, a case study?

Every answer carries its reason, which editors read beside the entries that were skipped.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Announcement:
    announces: bool
    reason: str


_NO = (
    (re.compile(r"\b(?:elevated|degraded|increased)\s+(?:errors?|latency)|\boutage\b|\bincident\b", re.I),
     "it is a status report"),
    (re.compile(r"^(?:how|why|what|when|where|who|should|is|are|can|do|does)\b", re.I), "it asks or explains"),
    (re.compile(r"\b(?:case study|customer story|webinar|podcast|interview|recap|roundup|newsletter|hackathon|"
                r"we(?:'|’)?re hiring|job opening|fellowship|funding|raises?\s+\$|series\s+[a-e]\b)", re.I),
     "it is about people or business"),
    (re.compile(r"\b(?:lessons|guide|tutorial|tips|best practices|deep dive|retrospective|postmortem|explained|"
                r"explainer|vs\.?|versus|policy|safety report|system card|partnership|partners? with|joins?|"
                r"acquires?|appoints?)\b", re.I),
     "it reports or teaches"),
)  # fmt: skip

_YES = (
    (re.compile(r"\b(?:introducing|announcing|unveiling|launching|launches|launched|launch of|meet|say hello to|"
                r"released|releases|releasing|is here|are here|ships?|shipping|debuts?)\b", re.I),
     "its title announces it"),
    (re.compile(r"\b(?:now (?:generally )?available|generally available|available (?:now|today|in)|is live|"
                r"are live|now live|is now|in (?:public |private |open )?(?:beta|preview)|"
                r"public preview|open[- ]sourc(?:ed|ing)|new (?:model|app|tool|feature|api|sdk|release)s?)\b", re.I),
     "its title says that it is available"),
    (re.compile(r"(?:^|\s)v?\d+\.\d+(?:\.\d+)?\b", re.I), "its title has a version"),
    (re.compile(r"^(?:show|launch) hn:", re.I), "it shows something made"),
)  # fmt: skip


def announces(title: str, summary: str | None) -> Announcement:
    """Judge an entry of a news feed by its title."""
    for pattern, reason in _NO:
        if pattern.search(title):
            return Announcement(False, reason)
    for pattern, reason in _YES:
        if pattern.search(title):
            return Announcement(True, reason)
    return Announcement(False, "nothing in its title announces something")
