"""Whom nothing has reached for a year and a half is asked again; nobody is judged by what they open."""

from datetime import datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import Engine, insert, select, update

from db.confirmations import confirmation_by_id
from db.engine import is_sqlite, reading, transaction
from db.keys import address_key
from db.letters import claim_letters
from db.models import Confirmation, Consent, Delivery, Letter, Subscriber
from newsletter.clock import Clock, real_now
from newsletter.deliveries.send_letters import send_letters
from newsletter.settings import Settings
from newsletter.subscribers.addresses import hash_address
from newsletter.subscribers.ask_again import ask_again
from newsletter.subscribers.confirm import Answer, confirm
from newsletter.subscribers.import_subscribers import import_subscribers
from newsletter.subscribers.lifecycle import UNREACHED_FOR
from newsletter.subscribers.tokens import one_time_token
from newsletter.subscribers.unsubscribe import unsubscribe
from tests.fakes.smtp_sink import Sink
from tests.integration.sending import NOW, published, with_relays

LATER = NOW + UNREACHED_FOR + timedelta(days=1)
_NONCES = count()


def ask(engine: Engine, settings: Settings, now: datetime) -> int:
    return ask_again(engine, settings, now=now, real_now=real_now(), nonce=lambda: b"%032d" % next(_NONCES))


def states(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return list(connection.scalars(select(Subscriber.state).order_by(Subscriber.id)))


@pytest.fixture
def two_readers(engine: Engine, settings: Settings) -> int:
    """Of an issue that reached the first and not the second; the issue's id."""
    issue_id = published(engine, settings, 2)
    with transaction(engine) as connection:
        connection.execute(update(Subscriber).values(state_since=NOW - timedelta(days=900)))
        mine = Delivery.subscriber_id == select(Subscriber.id).order_by(Subscriber.id).limit(1).scalar_subquery()
        connection.execute(update(Delivery).where(mine).values(status="sent", finished_at=NOW))
        connection.execute(update(Delivery).where(~mine).values(status="failed", finished_at=NOW))
    return issue_id


@pytest.mark.usefixtures("two_readers")
def test_who_was_reached_is_left_alone_and_who_was_not_is_asked(engine: Engine, settings: Settings) -> None:
    assert ask(engine, settings, NOW + timedelta(days=1)) == 1
    assert states(engine) == ["active", "pending"]
    assert ask(engine, settings, NOW + timedelta(days=2)) == 0, "asked once"
    assert ask(engine, settings, LATER) == 1, "a list that slept is asked whole"


@pytest.mark.usefixtures("two_readers")
def test_who_paused_or_came_lately_is_not_asked(engine: Engine, settings: Settings) -> None:
    with transaction(engine) as connection:
        connection.execute(update(Subscriber).values(paused_until=LATER + timedelta(days=9)))
    assert ask(engine, settings, LATER) == 0
    with transaction(engine) as connection:
        connection.execute(update(Subscriber).values(paused_until=None, state_since=LATER - timedelta(days=30)))
    assert ask(engine, settings, LATER) == 0


@pytest.mark.usefixtures("two_readers")
def test_who_leaves_while_others_are_asked_is_not(engine: Engine, settings: Settings) -> None:
    def leaves() -> bytes:
        if not is_sqlite(engine):  # there nobody writes meanwhile
            unsubscribe(engine, 2, now=NOW)
        return b"%032d" % next(_NONCES)

    asked = ask_again(engine, settings, now=LATER, real_now=real_now(), nonce=leaves)
    assert (asked, states(engine)) == ((2, ["pending"] * 2) if is_sqlite(engine) else (1, ["pending", "unsubscribed"]))
    with reading(engine) as connection:
        assert len(connection.scalars(select(Letter.id)).all()) == asked


@pytest.mark.usefixtures("two_readers")
def test_who_leaves_while_the_letter_waits_for_its_turn_gets_none(engine: Engine, settings: Settings) -> None:
    """A relay may take minutes for those before it, and a letter that it deferred is tried again for hours."""
    assert ask(engine, settings, NOW + timedelta(days=1)) == 1
    with transaction(engine) as connection:
        assert claim_letters(connection, "a slow one", real_now(), real_now() - timedelta(minutes=1), 10)
    with reading(engine) as connection:
        reader = connection.scalar(select(Subscriber.id).where(Subscriber.state == "pending"))
    unsubscribe(engine, reader or 0, now=NOW)
    with Sink() as sink:
        send_letters(engine, with_relays(settings, sink.url), Clock(NOW + timedelta(days=1), running=False))
    assert sink.mails == []


@pytest.mark.usefixtures("two_readers")
def test_the_letter_asks_in_its_own_words_and_its_link_brings_them_back(engine: Engine, settings: Settings) -> None:
    with Sink() as sink:
        here = with_relays(settings, sink.url)
        assert ask(engine, here, NOW + timedelta(days=1)) == 1
        send_letters(engine, here, Clock(NOW + timedelta(days=1), running=False))
    (mail,) = sink.mails
    assert "Do you still want" in mail.header("Subject")
    with reading(engine) as connection:
        found = confirmation_by_id(connection, connection.scalar(select(Confirmation.id)) or 0)
    assert found is not None
    assert settings.secret_key is not None
    token = one_time_token("confirm", found.id, found.nonce, settings.secret_key)
    answered = NOW + timedelta(days=20)
    report = confirm(engine, token, address=None, now=answered, real_now=real_now(), settings=settings)
    assert report.answer is Answer.CONFIRMED
    assert states(engine) == ["active", "active"]
    assert ask(engine, settings, answered + timedelta(days=1)) == 0, "their answer counts"


@pytest.mark.usefixtures("two_readers")
def test_a_list_of_before_the_question_does_not_answer_it(engine: Engine, settings: Settings) -> None:
    """The same file brings in who signed up and has not answered, and whose consent in it is newer."""
    with transaction(engine) as connection:
        key = address_key(connection)
        people = connection.execute(select(Subscriber.id, Subscriber.email).order_by(Subscriber.id)).all()
        for one in people:
            hashed = update(Subscriber).where(Subscriber.id == one.id)
            connection.execute(hashed.values(email_hash=hash_address(one.email, key)))
            given = {"at": NOW - timedelta(days=900), "source": "form"}
            connection.execute(insert(Consent).values(subscriber_id=one.id, **given))
    emails = [one.email for one in people]
    asked = NOW + timedelta(days=1)
    assert ask(engine, settings, asked) == 1

    def bring(consent_at: datetime) -> int:
        head = "email,consent_at,consent_source\n"
        lines = [head, *(f"{email},{consent_at.isoformat()},form\n" for email in emails)]
        return import_subscribers(engine, lines, now=LATER, latest=LATER).imported

    assert bring(NOW - timedelta(days=900)) == 0
    assert states(engine) == ["active", "pending"]
    assert bring(asked + timedelta(days=1)) == 1
    assert states(engine) == ["active", "active"]


def test_no_more_are_asked_in_a_day_than_a_relay_bears(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newsletter.subscribers.ask_again.AT_MOST", 2)
    with transaction(engine) as connection:
        for number in range(3):
            values = {"email": f"r{number}@example.org", "email_hash": b"%d" % number, "name": "", "created_at": NOW}
            connection.execute(insert(Subscriber).values(state="active", state_since=NOW, **values))
    assert [ask(engine, settings, LATER) for _ in range(3)] == [2, 1, 0]
