"""Letters to the people who look after the newsletter: nothing that matters fails in silence."""

from collections.abc import Collection, Sequence

from db.engine import transaction
from db.letters import add_notices
from db.states import Role
from newsletter.clock import real_now
from scheduler.engine import Context


def tell_editors(context: Context, subject: str, paragraphs: Sequence[str], link: str) -> None:
    _tell(context, (Role.EDITOR, Role.OPERATOR), subject, paragraphs, link)


def tell_operators(context: Context, subject: str, paragraphs: Sequence[str]) -> None:
    _tell(context, (Role.OPERATOR,), subject, paragraphs, None)


def _tell(context: Context, roles: Collection[str], subject: str, paragraphs: Sequence[str], link: str | None) -> None:
    with transaction(context.engine) as connection:
        add_notices(connection, roles, subject, paragraphs, link, real_now(), context.clock.now())
