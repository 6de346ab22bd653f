"""Letters to the people who look after the newsletter: nothing that matters fails in silence."""

from collections.abc import Collection, Sequence

from db.editors import list_editors
from db.engine import transaction
from db.letters import add_letter
from db.states import LetterKind, Role
from newsletter.clock import real_now
from scheduler.engine import Context


def tell_editors(context: Context, subject: str, paragraphs: Sequence[str], link: str | None = None) -> None:
    _tell(context, (Role.EDITOR, Role.OPERATOR), subject, paragraphs, link)


def tell_operators(context: Context, subject: str, paragraphs: Sequence[str], link: str | None = None) -> None:
    _tell(context, (Role.OPERATOR,), subject, paragraphs, link)


def _tell(context: Context, roles: Collection[str], subject: str, paragraphs: Sequence[str], link: str | None) -> None:
    data = {"subject": subject, "paragraphs": list(paragraphs)} | ({"link": link} if link else {})
    with transaction(context.engine) as connection:
        for editor in list_editors(connection):
            if editor.role in roles:
                add_letter(connection, LetterKind.NOTICE, editor.email, data, real_now(), context.clock.now())
