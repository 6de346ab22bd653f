"""What a receipt says beside its counts, and sending an issue once more to whom it did not reach."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, insert, select, update

from db.engine import transaction
from db.models import Delivery, Issue, ReturnedMail, SubscriberEvent, Vote
from newsletter.clock import Clock
from newsletter.deliveries import read_receipt as receipt_module
from newsletter.deliveries.read_receipt import read_progress, read_receipt, read_responses
from newsletter.deliveries.send import send_due
from newsletter.deliveries.steer import pause_issue, send_to_missed
from newsletter.errors import NotFoundError, RefusedError
from newsletter.issues.approve import approve_issue
from newsletter.issues.publish import publish_issue
from newsletter.settings import Settings
from newsletter.sparing import Sparing
from newsletter.subscribers.erase import erase_address
from tests.fakes.sample_week import NOW, WEEK, set_out
from tests.fakes.smtp_sink import Sink
from tests.integration.sending import with_relays

READERS = tuple(f"reader{n}@{domain}" for domain in ("slow.example", "good.example") for n in range(3))


def sent_through(engine: Engine, settings: Settings, sink: Sink, *, publish: bool = True) -> Settings:
    here = with_relays(settings, sink.url)
    if publish:
        set_out(engine, here, READERS)
        approve_issue(engine, WEEK, "ed@example.com", here, NOW)
        publish_issue(engine, WEEK, here, NOW)
    send_due(engine, here, Clock(NOW, running=False), WEEK)
    return here


def test_the_missed_get_it_and_nobody_gets_it_twice(engine: Engine, settings: Settings) -> None:
    with Sink() as sink:
        sink.refusing("reader0@good.example", "550 5.5.2 we cannot parse this")
        sink.refusing("reader1@good.example", "550 5.1.1 no such mailbox")
        sink.refusing("reader2@good.example", "550 5.5.2 we cannot parse this")
        here = sent_through(engine, settings, sink)
        assert read_receipt(engine, WEEK).status == "sent"
        assert read_receipt(engine, WEEK).counts.failed == 3
        erase_address(engine, "reader2@good.example", now=NOW)
        assert read_progress(engine, WEEK, NOW).missed == 1, "neither who bounced nor who was erased"
        before = len(sink.mails)
    with Sink() as sink:
        assert send_to_missed(engine, WEEK, NOW) == 1
        assert read_receipt(engine, WEEK).status == "sending"
        sent_through(engine, here, sink, publish=False)
        assert [mail.recipient for mail in sink.mails] == ["reader0@good.example"]
    receipt = read_receipt(engine, WEEK)
    assert (receipt.status, receipt.counts.sent, receipt.counts.failed) == ("sent", before + 1, 2)
    with pytest.raises(RefusedError, match="nobody whom issue 2026-W47 failed to reach"):
        send_to_missed(engine, WEEK, NOW)


def test_only_an_issue_at_rest_goes_to_the_missed(engine: Engine, settings: Settings) -> None:
    with pytest.raises(NotFoundError):
        send_to_missed(engine, WEEK, NOW)
    set_out(engine, settings, READERS)
    approve_issue(engine, WEEK, "ed@example.com", settings, NOW)
    publish_issue(engine, WEEK, settings, NOW)
    with pytest.raises(RefusedError, match="is sending"):
        send_to_missed(engine, WEEK, NOW)
    with transaction(engine) as connection:
        connection.execute(update(Delivery).where(Delivery.email == READERS[0]).values(status="failed", code=554))
    pause_issue(engine, WEEK, NOW)
    assert send_to_missed(engine, WEEK, NOW) == 1
    assert read_receipt(engine, WEEK).status == "paused", "a pause stays one"


def test_a_receipt_names_the_domains_that_make_us_wait(engine: Engine, settings: Settings) -> None:
    with Sink() as sink:
        for n in range(3):
            sink.refusing(f"reader{n}@slow.example", "451 4.7.0 later please")
        sent_through(engine, settings, sink)
    (waiting,) = read_progress(engine, WEEK, NOW).deferrals
    assert (waiting.domain, waiting.waiting) == ("slow.example", 3)
    assert waiting.until is not None
    assert waiting.until > NOW
    assert "later please" in (waiting.reply or "")


def test_the_rate_counts_the_last_minute_and_the_average_all_of_it(engine: Engine, settings: Settings) -> None:
    with Sink() as sink:
        sent_through(engine, settings, sink)
    with transaction(engine) as connection:
        early = select(Delivery.id).order_by(Delivery.id).limit(3)
        connection.execute(
            update(Delivery).where(Delivery.id.in_(early)).values(
                first_attempt_at=NOW - timedelta(seconds=120), finished_at=NOW - timedelta(seconds=120)
            )
        )  # fmt: skip
    progress = read_progress(engine, WEEK, NOW)
    assert progress.rate == 3 / 60
    assert progress.average == 6 / 120


def test_a_sending_that_ended_is_counted_to_its_end_however_long_that_takes(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that is open is shown once more then, and no more."""
    seconds = iter(range(0, 10_000, 10))
    monkeypatch.setattr(receipt_module, "_pace", Sparing(lambda: float(next(seconds))))
    with Sink() as sink:
        sent_through(engine, settings, sink)
    with transaction(engine) as connection:
        connection.execute(update(Issue).values(status="sending"))
        connection.execute(update(Delivery).values(first_attempt_at=NOW - timedelta(seconds=60)))
    assert read_progress(engine, WEEK, NOW).average == 6 / 60
    with transaction(engine) as connection:
        connection.execute(update(Delivery).values(finished_at=NOW + timedelta(seconds=60)))
    assert read_progress(engine, WEEK, NOW).average == 6 / 60, "kept"
    with transaction(engine) as connection:
        connection.execute(update(Issue).values(status="sent"))
    assert read_progress(engine, WEEK, NOW).average == 6 / 120


def test_responses_count_what_came_back_of_this_issue(engine: Engine, settings: Settings) -> None:
    set_out(engine, settings, READERS)
    assert read_responses(engine, WEEK) is None, "it did not go out"
    approve_issue(engine, WEEK, "ed@example.com", settings, NOW)
    publish_issue(engine, WEEK, settings, NOW)
    with transaction(engine) as connection:
        rows = connection.execute(select(Delivery.id, Delivery.issue_id, Delivery.subscriber_id)).all()
        for n, kind in enumerate(("hard", "soft", "soft", "complaint", "ignored")):
            connection.execute(
                insert(ReturnedMail).values(
                    fingerprint=f"f{n}", recipient="", at=NOW, source="test", kind=kind, changed=False,
                    delivery_id=rows[min(n, 3)].id,
                )
            )  # fmt: skip
        left = {"at": NOW, "what": "unsubscribed", "subscriber_id": rows[5].subscriber_id}
        connection.execute(insert(SubscriberEvent), [left | {"issue_id": rows[5].issue_id}, left | {"issue_id": None}])
        for n, (call, at) in enumerate(
            (("ship", NOW), ("skip", NOW), ("ship", NOW), ("ship", NOW - timedelta(days=1)))
        ):
            connection.execute(insert(Vote).values(tool_id=1, voter=f"browser:{n}", call=call, at=at))
    found = read_responses(engine, WEEK)
    assert found is not None
    assert (found.hard, found.soft, found.complaints, found.unsubscribed) == (1, 2, 1, 1)
    assert [(name, vote.ships, vote.skips) for name, vote in found.votes] == [("Curly", 2, 1)]
