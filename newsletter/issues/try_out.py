"""Mailing an issue as it stands to a few addresses, before anybody else gets it."""

from collections.abc import Sequence

from sqlalchemy import Engine

from db.engine import transaction
from db.letters import add_letter
from db.states import LetterKind
from newsletter.clock import Clock, Week, real_now
from newsletter.issues.render import render_issue
from newsletter.settings import Settings, required

MOST_TESTS = 20


def queue_test(engine: Engine, week: Week, settings: Settings, clock: Clock, addresses: Sequence[str]) -> list[int]:
    """Queue a letter to each address, as a reader who chose everything would get the issue; returns their ids.

    Raises NotFoundError, and SettingsError where there is no From mailbox or secret key.
    """
    required(settings, "from_", "secret_key")
    mail = render_issue(engine, week, settings)
    data = {"issue": str(week), "subject": f"[Test] {mail.subject}", "text": mail.text, "html": mail.html}
    with transaction(engine) as connection:
        return [
            add_letter(connection, LetterKind.TEST, address, data, real_now(), clock.now()) for address in addresses
        ]
