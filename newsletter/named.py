"""What somebody names, found: an issue by its week, a tool by its slug. Raises NotFoundError where there is none."""

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from db.issues import IssueRow, issue_of_week
from newsletter.clock import Week
from newsletter.errors import known

if TYPE_CHECKING:
    from db.tools import ToolRow


def issue_named(connection: Connection, week: Week, *, lock: bool = False) -> IssueRow:
    """``lock`` holds it until the transaction ends, for those who make something of what it is now."""
    return known(issue_of_week(connection, str(week), lock=lock), f"issue {week}", "issues")


def tool_named(connection: Connection, slug: str) -> "ToolRow":
    """The tool that a slug leads to: itself, or what it was merged into."""
    from db.tools import standing_tool  # the processes that send have no use for it

    return known(standing_tool(connection, slug), f"tool {slug!r}", "tools")
