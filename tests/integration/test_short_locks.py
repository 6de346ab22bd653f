"""On SQLite one writes at a time: nobody writes for long, and nobody stands in that line who has nothing to write."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert, update

from db.api import add_token
from db.engine import transaction
from db.models import Key, Release, Subscriber, Take
from db.subscribers import add_event
from newsletter.clock import Clock, real_now
from newsletter.issues import approve
from newsletter.issues.freezing import Edition
from newsletter.issues.render import draft_edition, read_issue
from newsletter.releases.collect import collect_releases
from newsletter.releases.rematch import rematch_releases
from newsletter.settings import Settings
from newsletter.subscribers.ask_again import ask_again
from newsletter.subscribers.lifecycle import UNREACHED_FOR
from newsletter.subscribers.tokens import hash_token
from newsletter.tools.import_tools import import_tools
from newsletter.web.app import create_app
from tests.fakes.browser import Browser
from tests.fakes.sample_week import NOW, WEEK, release, set_out
from tests.integration.sending import subscribe

TOKEN = {"Authorization": "Bearer a-token"}


@contextmanager
def writing(engine: Engine) -> Iterator[list[list[str]]]:
    """Fills with the statements of each transaction that may write."""
    found: list[list[str]] = []
    open_ones: dict[int, list[str]] = {}

    def begun(connection: Connection) -> None:
        open_ones.pop(id(connection), None)
        if "write_patience" in connection.get_execution_options():
            open_ones[id(connection)] = []
            found.append(open_ones[id(connection)])

    def said(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if id(connection) in open_ones:
            open_ones[id(connection)].append(statement)

    event.listen(engine, "begin", begun)
    event.listen(engine, "before_cursor_execute", said)
    try:
        yield found
    finally:
        event.remove(engine, "begin", begun)
        event.remove(engine, "before_cursor_execute", said)


def tools(count: int, **more: str) -> str:
    given = {"category": "Filler", "url": "https://filler.example/"}
    return json.dumps({"tools": [{"slug": f"t{n}", "name": f"Tool {n}", **given, **more} for n in range(count)]})


def test_an_import_of_many_tools_takes_as_many_statements_as_one_of_few(engine: Engine) -> None:
    import_tools(engine, tools(60), NOW)
    with writing(engine) as few:
        import_tools(engine, tools(2, pricing="Free"), NOW)
    with writing(engine) as many:
        import_tools(engine, tools(60, pricing="From $9"), NOW)
    assert [len(one) for one in many] == [len(one) for one in few]


def test_the_catalogue_is_read_before_releases_are_written(engine: Engine, settings: Settings) -> None:
    import_tools(engine, tools(3), NOW)
    with transaction(engine) as connection:
        rows = [release(f"Unknown {n}", f"https://unknown.example/{n}") for n in range(3)]
        connection.execute(insert(Release), rows)
    with writing(engine) as written:
        rematch_releases(engine, NOW)
        collect_releases(engine, settings, Clock(NOW, running=False))
    statements = [statement for one in written for statement in one]
    assert statements
    assert [statement for statement in statements if "tools.name_key" in statement] == []


def test_those_who_are_asked_again_are_sought_before_anything_is_written(engine: Engine, settings: Settings) -> None:
    subscribe(engine, 120)
    later = real_now() + UNREACHED_FOR + timedelta(days=1)
    with transaction(engine) as connection:
        connection.execute(update(Subscriber).values(state_since=NOW))
    with writing(engine) as written:
        asked = ask_again(engine, settings, now=later, real_now=real_now(), nonce=lambda: b"n" * 32)
    assert asked == 120
    assert [sum("INSERT INTO letters" in statement for statement in one) for one in written] == [50, 50, 20]
    assert not any("EXISTS" in statement for one in written for statement in one)


def test_who_asks_for_events_stands_in_no_line_of_writers_where_none_is_new(engine: Engine, settings: Settings) -> None:
    browser = Browser(create_app(settings, engine, Clock(NOW, running=False)))
    with transaction(engine) as connection:
        add_token(connection, "crm", hash_token("a-token"), ["events:read"], real_now(), None)
        add_event(connection, "subscribed", None, NOW)
    with writing(engine) as first:
        assert len(browser.get("/api/v1/events", headers=TOKEN).json()["events"]) == 1
    assert any("subscriber_events" in statement for one in first for statement in one)
    with writing(engine) as second:
        assert len(browser.get("/api/v1/events", headers=TOKEN).json()["events"]) == 1
    assert second == []


def watched(monkeypatch: pytest.MonkeyPatch, then: Callable[[], None] = lambda: None) -> list[Edition]:
    """The drafts that an approval makes, one after the other; ``then`` is called after each."""
    made: list[Edition] = []

    def make(*given: Any) -> Edition:
        made.append(draft_edition(*given))
        then()
        return made[-1]

    monkeypatch.setattr(approve, "draft_edition", make)
    return made


def test_others_write_while_what_is_approved_is_made_and_it_says_what_they_wrote(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_out(engine, settings)

    def write() -> None:
        if len(made) == 1:
            with transaction(engine, patience=1.0) as connection:
                connection.execute(update(Take).values(text="Somebody else wrote this meanwhile."))

    made = watched(monkeypatch, write)
    report = approve.approve_issue(engine, WEEK, "ada", settings, NOW)
    said = {line.text for tool in read_issue(engine, WEEK, settings)[1].items for line in tool.takes}
    assert said == {"Somebody else wrote this meanwhile."}
    assert report.content_hash == made[-1].content_hash != made[0].content_hash


def test_what_is_approved_has_links_of_the_newest_key(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_out(engine, settings)

    def write() -> None:
        if len(made) == 1:
            with transaction(engine) as connection:
                connection.execute(insert(Key).values(purpose="links", secret=b"n" * 32, created_at=NOW))

    made = watched(monkeypatch, write)
    report = approve.approve_issue(engine, WEEK, "ada", settings, NOW)
    assert made[0].key_id < made[-1].key_id
    assert report.content_hash == made[-1].content_hash


def test_an_approval_that_nothing_came_between_is_made_once(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_out(engine, settings)
    made = watched(monkeypatch)
    approve.approve_issue(engine, WEEK, "ada", settings, NOW)
    assert len(made) == 1
