"""Checks an issue before it goes out: its content, its rendered parts, and the settings that sending needs."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Engine

from db import issues
from db.engine import reading
from db.keys import newest_link_key
from db.material import announced_before, issue_material, takes_since
from newsletter.clock import Week
from newsletter.deliveries.message import Envelope, freeze, own_fields, shared_fields
from newsletter.errors import RefusedError
from newsletter.issues import budget
from newsletter.issues.checks import (
    check_address,
    check_earlier,
    check_freshness,
    check_headers,
    check_readership,
    check_values,
)
from newsletter.issues.content import Rendered
from newsletter.issues.edition import edition, publication_of
from newsletter.issues.findings import Finding, gravest_first
from newsletter.issues.freezing import links_for
from newsletter.issues.links import leads_to
from newsletter.issues.markup_checks import check_rendered
from newsletter.issues.open_links import open_links
from newsletter.issues.render import NOBODY
from newsletter.issues.rendering import render
from newsletter.issues.values import load_values
from newsletter.issues.word_checks import check_notes
from newsletter.named import issue_named
from newsletter.settings import NEEDED_TO_SEND, Settings, missing


@dataclass(frozen=True)
class CheckReport:
    """``size`` is the HTML's, in bytes, decoded or encoded, whichever is more; ``budget.LIMIT`` is its bound."""

    week: str
    findings: tuple[Finding, ...]
    size: int

    @property
    def passed(self) -> bool:
        return not any(found.severity == "error" for found in self.findings)


def check_issue(engine: Engine, week: Week, settings: Settings, now: datetime, *, links: bool = False) -> CheckReport:
    """Findings, the gravest first; ``links`` also opens every address that the issue leads to.

    Raises NotFoundError for an unknown issue, RefusedError for one that was skipped.
    """
    with reading(engine) as connection:
        issue = issue_named(connection, week)
        if issue.skipped:
            raise RefusedError(f"{week} was skipped: nobody gets it, and there is nothing to check")
        content = issues.content_of(connection, issue.id)
        if content is not None:
            values = load_values(content.content["values"])
        else:
            values = edition(issue_material(connection, issue), publication_of(settings))
        key_id, key = newest_link_key(connection)
        here = [tool.id for tool in values.items]
        announced = {row.tool_id: row.week for row in announced_before(connection, issue.starts_at, here)}
        readers = issues.readership(connection, issue.starts_at)
        newer = takes_since(connection, issue.id, content.frozen_at if content else issue.composed_at)
    found = [*check_values(values), *_check_settings(settings), *check_address(settings.public_url)]
    found += [*check_earlier(values, announced), *check_readership(*readers)]
    rendered = render(values, links_for(values, key_id, key))
    found += [*check_rendered(rendered), *check_notes(values, rendered.without_note)]
    found += check_freshness(newer, frozen=content is not None)
    found += check_headers(_header(replace(rendered, blocks=()), Envelope.of(settings, issue.id, issue.week), now, key))
    if links:
        found += asyncio.run(open_links(leads_to(values), settings))
    found = gravest_first(found)
    return CheckReport(str(week), tuple(found), max(budget.sizes(rendered.blocks, rendered.placeholder)))


def check_recipients(engine: Engine, week: Week) -> list[Finding]:
    """Whether as many would get it as got the last one. Nothing for an unknown issue."""
    with reading(engine) as connection:
        issue = issues.issue_of_week(connection, str(week))
        return [] if issue is None else check_readership(*issues.readership(connection, issue.starts_at))


def _header(rendered: Rendered, envelope: Envelope, now: datetime, key: bytes) -> bytes:
    token = rendered.placeholder
    return own_fields(envelope, NOBODY, token, now, 0, key) + shared_fields(freeze(rendered, envelope), "html")


def _check_settings(settings: Settings) -> list[Finding]:
    return [
        Finding("error", label, "This is not set, and sending needs it.", "Set it.")
        for label in missing(settings, *NEEDED_TO_SEND)
    ]
