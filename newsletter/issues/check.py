"""Checks an issue before it goes out: its content, its rendered parts, and the settings that sending needs."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from db import issues
from db.engine import reading
from db.keys import newest_link_key
from newsletter.clock import Week
from newsletter.errors import NotFoundError
from newsletter.issues.checks import Finding, check_rendered, check_values
from newsletter.issues.edition import edition, publication_of
from newsletter.issues.freezing import links_for
from newsletter.issues.rendering import render
from newsletter.issues.values import load_values
from newsletter.settings import PREFIX, Settings

_NEEDED = ("title", "from_", "postal_address", "secret_key")


@dataclass(frozen=True)
class CheckReport:
    week: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        return not any(found.severity == "error" for found in self.findings)


def check_issue(engine: Engine, week: Week, settings: Settings, now: datetime) -> CheckReport:
    """Findings, the gravest first. Raises NotFoundError for an unknown issue."""
    with reading(engine) as connection:
        issue = issues.issue_of_week(connection, str(week))
        if issue is None:
            raise NotFoundError(f"there is no issue {week}; `newsletter issues list` shows those there are")
        content = issues.content_of(connection, issue.id)
        if content is not None:
            values = load_values(content.content["values"])
        else:
            values = edition(issues.issue_material(connection, issue), publication_of(settings))
        key_id, key = newest_link_key(connection)
    found = [*check_values(values), *_check_settings(settings)]
    found += check_rendered(render(values, links_for(values, key_id, key)))
    order = ("error", "warning", "note")
    return CheckReport(str(week), tuple(sorted(found, key=lambda finding: order.index(finding.severity))))


def _check_settings(settings: Settings) -> list[Finding]:
    return [
        Finding("error", PREFIX + name.rstrip("_").upper(), "This is not set, and sending needs it.", "Set it.")
        for name in _NEEDED
        if not getattr(settings, name)
    ]
