"""Who may do what in the editors' room."""

from db.states import Role
from newsletter.errors import NotFoundError
from newsletter.subscribers.addresses import comparable, parse_address

EDITORS = frozenset({Role.EDITOR, Role.OPERATOR})
"""They arrange, approve and send issues, and keep tools and takes."""

OPERATORS = frozenset({Role.OPERATOR})
"""They also let people in and put them out."""

EVERYBODY = frozenset(Role)
"""Panelists too, who enter their own takes and nothing else."""


def may_enter_take(role: str, own_panelist: str | None, panelist: str) -> bool:
    """Editors enter anybody's take; a panelist their own alone."""
    return role in EDITORS or (own_panelist is not None and own_panelist == panelist)


def known_as(email: str) -> str:
    """What an editor is found by, however their address is typed; what can be no address finds nobody."""
    try:
        return comparable(parse_address(email))
    except ValueError:
        return comparable(email.strip())


def no_editor(email: str) -> NotFoundError:
    return NotFoundError(f"{email!r} is no editor; `newsletter editors list` shows those there are")
