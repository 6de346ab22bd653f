"""Webhooks: each event once and in its order, signed so that a receiver's library believes it."""

import base64
import hashlib
import hmac
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Event, Thread

import pytest
from sqlalchemy import Engine, func, select

from db import events
from db.engine import make_engine, reading, transaction
from db.models import Letter
from db.subscribers import add_event, add_subscriber
from newsletter.clock import real_now
from newsletter.editors.invite import add_editor
from newsletter.operations import webhooks
from newsletter.operations.call_webhooks import call_webhooks, webhooks_are_due
from newsletter.settings import Settings
from tests.acceptance.command import Command
from tests.conftest import complete_environment
from tests.fakes.receiver import Receiver, Told
from tests.fakes.times import MONDAY
from tests.fakes.waiting import until

SECRET = b"0123456789abcdef0123456789abcdef"


def hook(engine: Engine, url: str, *told: str, name: str = "crm") -> None:
    with transaction(engine) as connection:
        assert events.add_webhook(connection, name, url, SECRET, list(told or webhooks.EVENTS), real_now())


def happen(engine: Engine, *whats: str) -> None:
    with transaction(engine) as connection:
        for what in whats:
            add_event(connection, what, None, MONDAY)


def tell(engine: Engine, settings: Settings) -> int:
    return call_webhooks(engine, settings, stop=Event())


def again(engine: Engine, **values: object) -> None:
    """Let the time of the next try come."""
    with transaction(engine) as connection:
        events.note_webhook(connection, 1, next_at=real_now(), **values)


def signature(told: Told) -> str:
    """As the Standard Webhooks specification has it, computed here once more."""
    signed = f"{told.headers['webhook-id']}.{told.headers['webhook-timestamp']}.".encode() + told.body
    return "v1," + base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()


def test_a_webhook_is_told_what_happened_since_in_order_and_signed(engine: Engine, settings: Settings) -> None:
    happen(engine, "subscribed")
    with Receiver() as receiver:
        hook(engine, receiver.url)
        with transaction(engine) as connection:
            reader = add_subscriber(connection, "ada@example.org", b"hash", "active", MONDAY)  # type: ignore[arg-type]
            add_event(connection, "subscribed", reader, MONDAY)
        happen(engine, "unsubscribed")
        assert webhooks_are_due(engine)
        assert tell(engine, settings) == 2
        assert not webhooks_are_due(engine)
        assert tell(engine, settings) == 0
    first, second = receiver.told
    assert first.document["data"] == {"email": "ada@example.org", "issue": None}
    assert (first.document["id"], second.document["id"]) == (2, 3)
    assert receiver.types() == ["subscribed", "unsubscribed"]
    assert all(one.headers["webhook-signature"] == signature(one) for one in receiver.told)
    assert first.headers["webhook-id"] == "event-2"


def test_it_is_told_of_what_it_asked_for_alone(engine: Engine, settings: Settings) -> None:
    with Receiver() as receiver:
        hook(engine, receiver.url, "bounced")
        happen(engine, "subscribed", "bounced", "unsubscribed")
        assert tell(engine, settings) == 1
    assert receiver.types() == ["bounced"]


def test_what_was_not_taken_is_told_again_later_under_the_same_id(engine: Engine, settings: Settings) -> None:
    with Receiver().answering(500, 302) as receiver:
        hook(engine, receiver.url)
        happen(engine, "subscribed", "bounced")
        for told in (0, 0, 2):
            assert tell(engine, settings) == told
            assert tell(engine, settings) == 0, "not at once"
            again(engine)
    assert [one.headers["webhook-id"] for one in receiver.told] == ["event-1", "event-1", "event-1", "event-2"]


@pytest.mark.parametrize("gone", [False, True], ids=["after three days", "at 410 Gone"])
def test_who_never_takes_it_is_paused_and_operators_hear_of_it(engine: Engine, settings: Settings, gone: bool) -> None:
    add_editor(engine, "operator@example.com", "operator", MONDAY)
    with Receiver().answering(410 if gone else 500) as receiver:
        hook(engine, receiver.url)
        happen(engine, "subscribed")
        again(engine, failing_since=None if gone else real_now() - timedelta(days=3))
        tell(engine, settings)
        with reading(engine) as connection:
            assert connection.scalar(select(func.count()).select_from(Letter)) == 1
        again(engine)
        assert tell(engine, settings) == 0
        with transaction(engine) as connection:
            assert events.resume_webhook(connection, "crm", real_now())
        assert tell(engine, settings) == 1, "nothing was lost"


def test_two_services_tell_each_event_once(engine: Engine, settings: Settings) -> None:
    with Receiver() as receiver:
        hook(engine, receiver.url)
        happen(engine, *["subscribed"] * 20)
        together = Barrier(3)

        def one_service() -> None:
            together.wait()
            tell(engine, settings)

        services = [Thread(target=one_service) for _ in range(3)]
        for service in services:
            service.start()
        for service in services:
            service.join()
        tell(engine, settings)
    assert [one.document["id"] for one in receiver.told] == list(range(1, 21))


@pytest.mark.postgres
def test_a_machine_whose_clock_is_ahead_tells_nothing_that_another_is_telling(postgres_url: str) -> None:
    engine = make_engine(postgres_url)
    hook(engine, "https://crm.example.com/hook")
    hour, lease = timedelta(hours=1), timedelta(minutes=5)
    with transaction(engine) as connection:
        assert events.hold_webhook(connection, 1, real_now(), lease)
        assert events.hold_webhook(connection, 1, real_now() + hour, lease) is None
    engine.dispose()


def test_one_that_is_slow_holds_up_no_other(engine: Engine, settings: Settings) -> None:
    the_other_heard = Event()
    with Receiver().until(the_other_heard) as slow, Receiver() as quick:
        hook(engine, slow.url, name="slow")
        hook(engine, quick.url, name="quick")
        happen(engine, "subscribed", "bounced")
        telling = Thread(target=tell, args=(engine, settings))
        telling.start()
        until(lambda: len(quick.told) == 2)
        assert slow.told == []
        the_other_heard.set()
        telling.join(20)
    assert slow.types() == quick.types() == ["subscribed", "bounced"]


def test_what_a_slow_one_is_not_told_in_its_time_is_told_by_the_next_call(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Receiver() as receiver:
        hook(engine, receiver.url)
        happen(engine, "subscribed", "bounced")
        monkeypatch.setattr("newsletter.operations.call_webhooks._ROUND", 0.0)
        assert tell(engine, settings) == 0
        assert webhooks_are_due(engine), "nobody holds it"
        monkeypatch.undo()
        assert tell(engine, settings) == 2
    assert receiver.types() == ["subscribed", "bounced"]


def test_a_private_address_is_not_called_unless_that_is_allowed(engine: Engine, settings: Settings) -> None:
    with Receiver() as receiver:
        hook(engine, receiver.url)
        happen(engine, "subscribed")
        assert tell(engine, replace(settings, fetch_private=False)) == 0
        assert not receiver.told
    with reading(engine) as connection:
        (row,) = events.list_webhooks(connection)
    assert "private network" in (row.answer or "")


@pytest.mark.postgres
def test_an_event_that_is_committed_late_still_gets_the_higher_number(postgres_url: str) -> None:
    from db.engine import make_engine

    engine = make_engine(postgres_url)
    with transaction(engine) as slow:
        add_event(slow, "subscribed", None, MONDAY)  # takes the smaller id, and is open still
        happen(engine, "bounced")
        with transaction(engine) as connection:
            events.number_events(connection)
            assert [one.what for one in events.events_after(connection, 0, 10)] == ["bounced"]
    with transaction(engine) as connection:
        events.number_events(connection)
        assert [one.what for one in events.events_after(connection, 1, 10)] == ["subscribed"]
    engine.dispose()


def test_a_space_beside_the_address_is_no_part_of_it(sqlite_url: str, tmp_path: Path) -> None:
    command = Command(tmp_path, complete_environment(sqlite_url))
    with Receiver().answering(204) as receiver:
        assert command.json("webhooks", "add", "crm", f" {receiver.url}\n")["url"] == receiver.url
        assert command.json("webhooks", "test", "crm")["taken"]


def test_the_command_adds_tries_lists_and_removes(sqlite_url: str, tmp_path: Path) -> None:
    command = Command(tmp_path, complete_environment(sqlite_url))
    with Receiver().answering(204, 500) as receiver:
        added = command.json("webhooks", "add", "crm", receiver.url, "--event", "bounced")
        assert added["events"] == ["bounced"]
        assert command.json("webhooks", "test", "crm") == {"name": "crm", "taken": True}
        assert "answered 500" in command.refuses("webhooks", "test", "crm")
    assert receiver.types() == ["test", "test"]
    assert "there is a webhook named" in command.refuses("webhooks", "add", "crm", "https://example.com/")
    assert "there is no event 'opened'" in command.refuses(
        "webhooks", "add", "b", "https://x.example/", "--event", "opened"
    )
    (listed,) = command.json("webhooks", "list")["webhooks"]
    assert "secret" not in listed
    assert command.json("webhooks", "resume", "crm")["resumed"]
    assert command.json("webhooks", "remove", "crm")["removed"]
    assert "no webhook" in command.refuses("webhooks", "remove", "crm")
