"""``/editor/issues/{week}/difference``: an issue beside what was approved of it before, and beside the last one."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from db import arrangement, issues
from db.engine import reading
from newsletter.issues.difference import difference
from newsletter.issues.render import load_or_make, values_of
from newsletter.issues.values import load_values
from newsletter.web.editor_issue import ISSUE, issue_asked
from newsletter.web.session import Visitor, editor_page, show
from newsletter.web.site import site


def difference_page(request: Request, visitor: Visitor) -> Response:
    here = site(request)
    with reading(here.engine) as connection:
        issue = issue_asked(request, connection)
        frozen = issues.content_of(connection, issue.id)
        values = values_of(connection, issue, here.settings)
        approval = arrangement.earlier_approval(connection, issue.id, frozen.content_hash if frozen else None)
        last = arrangement.issue_before(connection, issue.starts_at)
        since_approval = difference(load_values(approval.content), values) if approval else None
        same = False
        if approval and since_approval and since_approval.nothing:
            same = approval.content_hash == load_or_make(connection, issue, here.settings).content_hash
    before = load_values(last) if last else None
    return editor_page(
        request, visitor, "difference.html", week=issue.week, zone=here.settings.timezone, approval=approval,
        last=before, since_approval=since_approval, same_bytes=same,
        since_last=difference(before, values) if before else None,
    )  # fmt: skip


routes: list[BaseRoute] = [show(ISSUE + "/difference", difference_page)]
