"""What tests of the sending share: an approved issue and its subscribers, written straight into the database."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from sqlalchemy import Engine, insert, select

from db.claims import Claimed, claim
from db.engine import reading, transaction
from db.keys import address_key, newest_link_key
from db.models import Delivery, Issue, IssueContent, Subscriber
from db.models import Sender as Registered
from db.outcomes import Written
from db.ownership import folder_id, lock_folder
from newsletter import setting_values
from newsletter.clock import Clock, Week, real_now
from newsletter.deliveries.dkim import Signer
from newsletter.deliveries.message import Envelope, freeze
from newsletter.issues.content import Block, Rendered
from newsletter.issues.publish import publish_issue
from newsletter.setting_values import DkimKey
from newsletter.settings import Settings
from newsletter.subscribers.addresses import hash_address
from tests.fakes.waiting import until

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
WEEK = Week(2026, 47)
GONE = "12345-gone"
"""The owner of what a killed sender held."""

PLACEHOLDER = "AAAA-placeholder_of_32_characters"[:32]


def rendered(size: int = 2000) -> Rendered:
    """An issue of three tools in two categories, about ``size`` bytes of HTML."""
    link = f"https://news.example.com/preferences/{PLACEHOLDER}"
    paragraph = "<p>Panel verdict: <b>ship</b>, 75 % of the takes.</p>\n"
    filler = paragraph * max(size // len(paragraph) // 3, 1)
    tools = [("alpha", "Developer Tools"), ("beta", "Developer Tools"), ("gamma", "Writing")]
    blocks = [
        Block("top", "<!doctype html><html lang=en><body><h1>Weekly Verdicts</h1>\n", "Weekly Verdicts\n\n"),
        *(
            Block(
                tool,
                f"<h2>{tool}</h2>\n{filler}",
                f"{tool}\n.leading dot\n\n",
                tool=tool,
                category=category,
                section="tools",
            )
            for tool, category in tools
        ),
        Block("foot", f'<a href="{link}">Preferences</a></body></html>\n', f"Preferences: {link}\n"),
    ]
    return Rendered("2026-W47", "Three tools, één verdict", "What to ship this week", tuple(blocks), PLACEHOLDER)


def signing(settings: Settings, folder: Path) -> tuple[Settings, dict[bytes, Signer]]:
    """The settings with two keys of example.com, which stand in the folder; and those by their selectors."""
    signers = {
        b"nov": Signer("nov", "example.com", rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        b"ed": Signer("ed", "example.com", ed25519.Ed25519PrivateKey.generate()),
    }
    for signer in signers.values():
        (folder / signer.selector).write_bytes(signer.pem())
    keys = tuple(DkimKey(signer.selector, "example.com", folder / signer.selector) for signer in signers.values())
    return replace(settings, dkim=keys), signers


def approved_issue(engine: Engine, settings: Settings, size: int = 2000) -> int:
    with transaction(engine) as connection:
        issue_id: int = connection.execute(
            insert(Issue)
            .values(
                week=str(WEEK), number=1, status="approved", composed_at=NOW, updated_at=NOW, approved_at=NOW,
                starts_at=WEEK.starts_at(settings.timezone), ends_at=WEEK.ends_at(settings.timezone), settings={},
            )
            .returning(Issue.id)
        ).scalar_one()  # fmt: skip
        frozen = freeze(rendered(size), Envelope.of(settings, issue_id, str(WEEK)))
        connection.execute(
            insert(IssueContent).values(
                issue_id=issue_id, content_hash="", segments=frozen.segments, frozen_at=NOW,
                content={"message": frozen.document(), "link_key_id": newest_link_key(connection)[0]},
            )
        )  # fmt: skip
    return issue_id


def subscribe(engine: Engine, count: int, *, selection: str = "", domain: str = "example.org", start: int = 0) -> None:
    with transaction(engine) as connection:
        key = address_key(connection)
        for first in range(start, start + count, 10_000):
            numbers = range(first, min(first + 10_000, start + count))
            connection.execute(
                insert(Subscriber),
                [
                    {
                        "email": f"reader{n}@{domain}", "email_hash": hash_address(f"reader{n}@{domain}", key),
                        "name": f"Reader {n}", "state": "active", "format": "html", "selection": selection,
                        "created_at": NOW, "state_since": NOW,
                    }
                    for n in numbers
                ],
            )  # fmt: skip


def with_relays(settings: Settings, *urls: str) -> Settings:
    return replace(settings, smtp=setting_values.relays(" ".join(urls)))


def published(engine: Engine, settings: Settings, count: int, size: int = 2000) -> int:
    """An issue that is being sent, to so many subscribers."""
    subscribe(engine, count)
    issue_id = approved_issue(engine, settings, size)
    publish_issue(engine, WEEK, settings, NOW)
    return issue_id


def standing(now: datetime = NOW) -> Clock:
    return Clock(now, running=False)


def soon_after(what: Callable[[], object]) -> threading.Event:
    """What stops a sending a while after this has come about, or when it has not in a long time."""
    stop = threading.Event()

    def wait() -> None:
        try:
            until(what)
            stop.wait(1.5)
        finally:
            stop.set()

    threading.Thread(target=wait).start()
    return stop


def held(engine: Engine, count: int) -> list[Claimed]:
    """Deliveries that a sender holds which was killed."""
    lock = f"{folder_id(lock_folder(engine))}/{GONE}.sender"
    with transaction(engine) as connection:
        now = real_now()
        connection.execute(insert(Registered).values(name=GONE, lock=lock, started_at=now, seen_at=now))
        return claim(connection, 1, GONE, NOW, now + timedelta(minutes=10), count)[0]


def sent(row: Claimed, reply: str = "250 2.0.0 taken") -> Written:
    return Written(row.delivery_id, "sent", None, 250, reply, "relay", None)


def statuses(engine: Engine) -> dict[int, tuple[str, str | None]]:
    with reading(engine) as connection:
        rows = connection.execute(select(Delivery.id, Delivery.status, Delivery.reply).order_by(Delivery.id))
        return {row.id: (row.status, row.reply) for row in rows}
