"""A whole life with the log turned up as far as it goes: no address of a reader and no token of a link is in it."""

import io
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from db.api import add_token
from db.engine import transaction
from newsletter.clock import Clock, real_now
from newsletter.deliveries.bounces_mail import Arrived
from newsletter.deliveries.receive import receive_mail
from newsletter.deliveries.send import send_due
from newsletter.deliveries.send_letters import send_letters
from newsletter.editors.invite import add_editor
from newsletter.logs import handler_to
from newsletter.settings import Settings
from newsletter.subscribers.tokens import hash_token
from newsletter.web.app import create_app
from tests.acceptance.command import Command
from tests.conftest import complete_environment
from tests.fakes.browser import Browser
from tests.fakes.smtp_sink import Sink
from tests.integration.sending import WEEK, published, standing, with_relays

API_TOKEN = "wv_" + "a1B2" * 10
PEOPLE = ("ada.lovelace+news@example.org", "o'hara@example.org", "eve@refused.example", "editor@example.com")
READERS = 6


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that any library says, as the program would write it."""
    written, root = io.StringIO(), logging.getLogger()
    handler, level = handler_to(written), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.setLevel(level)
    root.removeHandler(handler)


def test_no_address_and_no_token_reaches_the_log(
    sqlite_url: str, settings_of: Settings, engine_of: Engine, tmp_path: Path, log: io.StringIO
) -> None:
    refusal = "550 5.1.1 <reader1@example.org>: no such user, ask postmaster@example.org"
    with Sink().refusing("reader1@example.org", refusal).refusing("reader2@example.org", "451 4.7.1 later") as sink:
        sink.refusing("eve@refused.example", "550 5.7.1 <eve@refused.example> is not welcome")
        settings = with_relays(settings_of, sink.url)
        browser = Browser(create_app(settings, engine_of, Clock()))
        add_editor(engine_of, "editor@example.com", "operator", real_now())
        for email in PEOPLE[:3]:
            assert browser.post("/subscribe", data={"email": email}).status_code == 200
        browser.post("/editor/sign-in", data={"email": "editor@example.com"})
        with transaction(engine_of) as connection:
            connection.exec_driver_sql("UPDATE letters SET not_before = '2020-01-01 00:00:00'")
        send_letters(engine_of, settings, Clock())
        published(engine_of, settings, READERS)
        send_due(engine_of, settings, standing(), WEEK)
        tokens = tokens_in(sink)
        for token in tokens:
            for page in ("confirm", "unsubscribe", "preferences", "vote", "bookmark", "editor/sign-in"):
                browser.get(f"/{page}/{token}")
                browser.post(f"/{page}/{token}", data={})
        report = f"From: mailer@example.org\nTo: {sink.mails[-1].sender}\n\nreader3@example.org is unknown\n"
        receive_mail(engine_of, [Arrived("a mail", report.encode())], now=real_now())
    ask_the_api(browser, engine_of)
    type_commands(sqlite_url, tmp_path)
    browser_meets_a_broken_database(browser, engine_of)
    said = log.getvalue()
    assert len(said.splitlines()) > 50, "there was much to say"
    assert "(address)" in said
    assert len(tokens) > READERS
    everybody = {*PEOPLE, *(f"reader{number}@example.org" for number in range(READERS)), "postmaster@example.org"}
    assert [one for one in (*everybody, *tokens, API_TOKEN) if one in said] == []


@pytest.fixture
def engine_of(sqlite_url: str) -> Iterator[Engine]:
    from db.engine import make_engine

    engine = make_engine(sqlite_url)
    yield engine
    engine.dispose()


@pytest.fixture
def settings_of(sqlite_url: str, tmp_path: Path) -> Settings:
    from newsletter.settings import load

    return replace(load(complete_environment(sqlite_url), tmp_path), welcome=True)


def tokens_in(sink: Sink) -> set[str]:
    """Of every link in every mail that arrived, and of every return path."""
    found: set[str] = set()
    for mail in sink.mails:
        text = mail.data.replace(b"=\r\n", b"").decode("utf-8", "replace")
        found |= set(re.findall(r"news\.example\.com/(?:editor/)?[a-z-]+/([A-Za-z0-9_-]{24,})", text))
        found |= set(re.findall(r"(b-[0-9a-f]{36})@", mail.sender))
    return found


def ask_the_api(browser: Browser, engine: Engine) -> None:
    with transaction(engine) as connection:
        add_token(connection, "all", hash_token(API_TOKEN), ["subscribers:read", "subscribers:write"], real_now(), None)
    bearer = {"Authorization": f"Bearer {API_TOKEN}"}
    assert browser.get(f"/api/v1/subscribers/{PEOPLE[0]}", headers=bearer).status_code == 200
    browser.get("/api/v1/subscribers/nobody@example.org", headers=bearer)


def type_commands(url: str, folder: Path) -> None:
    (folder / "readers.csv").write_text(f"email,consent_at,consent_source\n{PEOPLE[1]},never,website\n", "utf-8")
    command = Command(folder, complete_environment(url))
    command("subscribers", "import", "readers.csv")
    command("subscribers", "erase", PEOPLE[0])


def browser_meets_a_broken_database(browser: Browser, engine: Engine) -> None:
    """What fails says why, with the parameters of its statement: those are hidden too."""
    with transaction(engine) as connection:
        connection.exec_driver_sql("DROP TABLE suppressions")
    bearer = {"Authorization": f"Bearer {API_TOKEN}"}
    answer = browser.post(f"/api/v1/subscribers/{PEOPLE[1]}/unsubscribe", headers=bearer)
    assert answer.status_code >= 400
