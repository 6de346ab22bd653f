"""What paused something, in words; an erasure takes addresses out of them."""

import re

from sqlalchemy import Connection, select, update

from db.models import DomainPause, Issue

BLOTTED = "(address)"


def without_address(text: str, email: str) -> str:
    """The text without an address, in any case; one that only ends or begins like it is somebody else's."""
    return address_pattern(email).sub(BLOTTED, text)


def address_pattern(email: str) -> re.Pattern[str]:
    """Finds an address in a text, in any case."""
    return re.compile(rf"(?<![\w.+'&=~-]){re.escape(email)}(?![\w-]|\.\w)", re.IGNORECASE)


def forget_paused_for(connection: Connection, email: str) -> None:
    """Take an address out of the replies for which domains and issues paused."""
    for domain, reason in connection.execute(select(DomainPause.domain, DomainPause.reason)).all():
        if (clean := without_address(reason, email)) != reason:
            connection.execute(update(DomainPause).where(DomainPause.domain == domain).values(reason=clean))
    paused = select(Issue.id, Issue.pause_reason).where(Issue.pause_reason.is_not(None))
    for issue_id, why in connection.execute(paused).all():
        if (clean := without_address(why or "", email)) != why:
            connection.execute(update(Issue).where(Issue.id == issue_id).values(pause_reason=clean))
