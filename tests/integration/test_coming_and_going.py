"""What goes with a subscription when somebody leaves, is shut out or comes back."""

from datetime import timedelta

from sqlalchemy import Engine, func, insert, select, update

from db.engine import reading, transaction
from db.housekeeping import forget_expired
from db.models import Confirmation, Letter, Subscriber, SubscriberEvent, Suppression
from db.states import LetterStatus, SubscriberState
from newsletter.clock import real_now
from newsletter.settings import Settings
from newsletter.subscribers.confirm import Answer, confirm
from newsletter.subscribers.exports import export_of
from newsletter.subscribers.import_subscribers import add_confirmed, import_subscribers
from newsletter.subscribers.sign_up import SignUp, sign_up
from newsletter.subscribers.suppress import lift, suppress_address
from newsletter.subscribers.tokens import one_time_token
from newsletter.subscribers.unsubscribe import unsubscribe
from tests.fakes.readership import stop
from tests.fakes.times import MONDAY
from tests.fakes.together import at_once

ADA = "ada@example.org"
NONCE = b"n" * 32


def ask(engine: Engine, settings: Settings) -> None:
    request = SignUp(ADA, form="landing", words="Yes")
    assert sign_up(
        engine, request, now=MONDAY, real_now=real_now(), settings=settings, nonce=NONCE, chance=0
    ).letter_queued


def answer(engine: Engine, settings: Settings) -> Answer:
    token = one_time_token("confirm", 1, NONCE, settings.secret_key or ())
    return confirm(engine, token, address=None, now=MONDAY, real_now=real_now(), settings=settings).answer


def ada(engine: Engine) -> tuple[int, str]:
    with reading(engine) as connection:
        row = connection.execute(select(Subscriber.id, Subscriber.state).where(Subscriber.email == ADA)).one()
        return row.id, row.state


def waiting(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return list(connection.scalars(select(Letter.kind).where(Letter.status == LetterStatus.QUEUED)))


def events(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return list(connection.scalars(select(SubscriberEvent.what).order_by(SubscriberEvent.id)))


def test_who_was_asked_and_does_not_want_it_may_say_so(engine: Engine, settings: Settings) -> None:
    ask(engine, settings)
    assert waiting(engine) == ["confirm"]
    assert unsubscribe(engine, ada(engine)[0], now=MONDAY).changed
    assert ada(engine)[1] == SubscriberState.UNSUBSCRIBED
    assert waiting(engine) == [], "and is not asked any more"


def test_who_leaves_or_is_shut_out_is_not_welcomed_any_more(engine: Engine, settings: Settings) -> None:
    ask(engine, settings)
    assert answer(engine, settings) is Answer.CONFIRMED
    assert "welcome" in waiting(engine)
    suppress_address(engine, ADA, now=MONDAY)
    assert waiting(engine) == []


def test_that_somebody_left_elsewhere_is_told_as_if_they_had_left_here(engine: Engine, settings: Settings) -> None:
    ask(engine, settings)
    lines = [
        "uuid,email,name,attributes,status,created_at,updated_at\n",
        f"u,{ADA},Ada,{{}},blocklisted,2026-01-02 03:04:05 +0000 UTC,2026-02-02 03:04:05 +0000 UTC\n",
    ]
    report = import_subscribers(engine, lines, now=MONDAY, latest=MONDAY, export=export_of("listmonk"))
    assert (report.suppressed, report.rejected) == (1, ())
    assert ada(engine)[1] == SubscriberState.UNSUBSCRIBED
    assert events(engine) == ["unsubscribed"]


def test_a_listing_by_hand_that_is_lifted_leaves_a_subscription_as_it_was(engine: Engine) -> None:
    add_confirmed(engine, ADA, name="", consent_at=MONDAY, consent_source="a test", now=MONDAY)
    suppress_address(engine, ADA, now=MONDAY)
    lift(engine, ADA, now=MONDAY)
    assert ada(engine)[1] == SubscriberState.ACTIVE


def test_who_comes_back_starts_anew(engine: Engine, settings: Settings) -> None:
    """Without the pause of before, and without the soft bounces that would soon shut them out again."""
    add_confirmed(engine, ADA, name="", consent_at=MONDAY, consent_source="a test", now=MONDAY)
    with transaction(engine) as connection:
        before = {"paused_until": MONDAY + timedelta(days=90), "soft_bounces": 2, "soft_bounced_since": MONDAY}
        connection.execute(update(Subscriber).values(before))
    unsubscribe(engine, ada(engine)[0], now=MONDAY)
    ask(engine, settings)
    assert answer(engine, settings) is Answer.CONFIRMED
    columns = (Subscriber.state, Subscriber.paused_until, Subscriber.soft_bounces, Subscriber.soft_bounced_since)
    with reading(engine) as connection:
        assert tuple(connection.execute(select(*columns)).one()) == ("active", None, 0, None)


def test_of_several_presses_of_one_button_at_once_one_confirms(engine: Engine, settings: Settings) -> None:
    """As of a reader's, and of the scanner that looks at their mail."""
    ask(engine, settings)
    answers = at_once(*[lambda: answer(engine, settings)] * 8)
    assert sorted(answers) == [Answer.ALREADY] * 7 + [Answer.CONFIRMED]
    assert events(engine) == ["subscribed"]


def test_what_an_operator_listed_no_bounce_makes_less(engine: Engine) -> None:
    """A bounce is lifted by an opt-in, an operator's own entry is not."""
    suppress_address(engine, ADA, now=MONDAY)
    assert not stop(engine, ADA, SubscriberState.BOUNCED, MONDAY)
    with reading(engine) as connection:
        assert connection.scalar(select(Suppression.reason)) == "manual"


def test_an_answer_is_kept_as_evidence_and_a_question_without_one_forgotten(engine: Engine, settings: Settings) -> None:
    ask(engine, settings)
    assert answer(engine, settings) is Answer.CONFIRMED
    add_confirmed(engine, "bo@example.org", name="", consent_at=MONDAY, consent_source="a test", now=MONDAY)
    somebody = ada(engine)[0]
    with transaction(engine) as connection:
        asked_again = update(Subscriber).where(Subscriber.email == "bo@example.org")
        connection.execute(asked_again.values(state=SubscriberState.PENDING))
        connection.execute(
            insert(Confirmation).values(
                subscriber_id=somebody, token_hash=b"h", nonce=NONCE, name="", selection="", form="landing",
                words="Yes", created_at=MONDAY, expires_at=MONDAY,
            )
        )  # fmt: skip
        assert forget_expired(connection, MONDAY + timedelta(days=60)) == 1
        assert list(connection.scalars(select(Confirmation.confirmed_at))) == [MONDAY]
        assert connection.scalar(select(func.count()).select_from(Subscriber)) == 2, "who consented once is no stranger"
