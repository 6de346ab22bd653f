"""Takes back an editor's decision about a release: it waits in the queue again."""

from datetime import datetime

from sqlalchemy import Engine

from db import releases as rows
from db.engine import transaction
from db.releases import ReleaseRow
from db.states import IssueStatus, ReleaseStatus
from newsletter.errors import RefusedError
from newsletter.releases.homes import taught_by
from newsletter.releases.matching import TAKEN_BACK
from newsletter.releases.naming import fold_name
from newsletter.releases.resolve import decided, locked_release


def decision_on(release: ReleaseRow) -> str:
    """Names what was decided about it, so that who takes that back takes back nothing else."""
    return f"{release.status} {release.tool or ''}".strip()


def reopen_release(engine: Engine, release_id: int, now: datetime, seen: str | None) -> ReleaseRow:
    """Put a matched or dropped release back into the queue; what its match taught is forgotten too. There it stays
    until somebody decides: what matched it would only match it again.

    ``seen`` is the decision that is meant, where one is. Raises NotFoundError, DecidedError where another stands, and
    RefusedError where an issue that is no draft carries it.
    """
    with transaction(engine) as connection:
        release = locked_release(connection, release_id)
        if seen not in (None, decision_on(release)):
            raise decided(release)
        if release.issue is not None and release.issue_status != IssueStatus.DRAFT:
            raise RefusedError(
                f"release {release_id} is part of issue {release.issue}, which is {release.issue_status}"
            )
        if release.tool_id is not None:
            learned = taught_by(release.url, release.canonical_url)
            rows.forget_match(connection, release.tool_id, learned, fold_name(release.name))
        rows.update_release(
            connection, release_id, status=ReleaseStatus.UNMATCHED, tool_id=None, issue_id=None, matched_at=None,
            match_reason=f"{TAKEN_BACK} on {now:%Y-%m-%d}",
        )  # fmt: skip
        return release
