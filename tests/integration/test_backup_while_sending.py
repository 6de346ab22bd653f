"""A backup taken in the middle of a sending, brought back: its counts add up, and the sending ends from there."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from db.backups import remove
from db.deliveries import note_trouble
from db.engine import reading, transaction
from db.models import Delivery
from db.outcome_log import OutcomeLog
from db.outcomes import Written, write_outcomes
from newsletter.clock import real_now
from newsletter.deliveries.read_receipt import read_receipt
from newsletter.deliveries.send import send_due
from newsletter.deliveries.steer import resume_issue, send_to_missed
from newsletter.errors import RefusedError
from newsletter.issues.publish import publish_issue
from newsletter.operations.backup import back_up, restore
from newsletter.settings import load
from tests.conftest import complete_environment
from tests.fakes.smtp_sink import Sink
from tests.fakes.waiting import until
from tests.integration.sending import (
    GONE,
    NOW,
    WEEK,
    approved_issue,
    held,
    published,
    sent,
    standing,
    subscribe,
    with_relays,
)

READERS = 10_000
HOURS = timedelta(hours=9)


def test_a_backup_taken_while_ten_thousand_are_sent_restores_to_counts_that_reconcile(
    sqlite_url: str, sqlite_engine: Engine, tmp_path: Path
) -> None:
    engine, copy = sqlite_engine, tmp_path / "backup.db"
    with Sink() as sink:
        settings = with_relays(load(complete_environment(sqlite_url), tmp_path), sink.url)
        published(engine, settings, READERS)
        sending = threading.Thread(target=send_due, args=(engine, settings, standing(), WEEK))
        sending.start()
        until(lambda: len(sink.mails) >= 500)
        back_up(engine, copy, now=real_now())
        arrived = set(sink.recipients())
        sending.join(120)
        assert read_receipt(engine, WEEK).counts.sent == READERS, "the backup disturbed nobody"
        first = len(sink.mails)
        engine.dispose()

        # Where a disk took the database, nobody knows whom the issue reached since.
        remove(Path(str(engine.url.database)))
        restore(engine, copy, now=real_now() + HOURS, erase=lambda engine, email: None)
        found = read_receipt(engine, WEEK)
        assert found.status == "paused"
        assert sum(found.counts) == READERS
        assert 0 < found.counts.sent <= len(arrived), "nobody is said to have got what was not sent"
        resume_issue(engine, WEEK, real_now())
        send_due(engine, settings, standing(), WEEK)
    found = read_receipt(engine, WEEK)
    assert (found.status, found.counts.sent) == ("sent", READERS)
    assert len(sink.recipients()) == READERS
    assert len(sink.mails) - first < READERS, "who had it by then does not get it again"


def test_whom_the_issue_reached_since_the_backup_is_not_mailed_again(
    sqlite_url: str, sqlite_engine: Engine, tmp_path: Path
) -> None:
    engine, copy = sqlite_engine, tmp_path / "backup.db"
    with Sink() as sink:
        settings = with_relays(load(complete_environment(sqlite_url), tmp_path), sink.url)
        published(engine, settings, 5)
        back_up(engine, copy, now=real_now())
        one, two, three = held(engine, 3)
        with transaction(engine) as connection:
            later = Written(two.delivery_id, "deferred", NOW, 451, "451 4.7.1 greylisted", "relay", None)
            write_outcomes(connection, 1, GONE, [sent(one), later], NOW)
        OutcomeLog(engine, GONE).append([sent(three)], NOW)  # and then it was killed

        report = restore(engine, copy, now=real_now(), erase=lambda engine, email: None)
        found = read_receipt(engine, WEEK)
        assert (found.status, found.counts.sent, found.counts.deferred) == ("paused", 2, 1)
        assert report.carried is not None
        assert report.carried.outcomes == 3
        resume_issue(engine, WEEK, real_now())
        send_due(engine, settings, standing(), WEEK)
        assert read_receipt(engine, WEEK).status == "sent"
        assert not {one.email, three.email} & set(sink.recipients())
        assert len(sink.mails) == 3


def test_an_issue_that_was_sent_to_its_end_since_the_backup_is_sent(
    sqlite_url: str, sqlite_engine: Engine, tmp_path: Path
) -> None:
    engine, copy = sqlite_engine, tmp_path / "backup.db"
    with Sink() as sink:
        settings = with_relays(load(complete_environment(sqlite_url), tmp_path), sink.url)
        published(engine, settings, 5)
        with transaction(engine) as connection:
            note_trouble(connection, 1, "the relay was away for a moment")
        back_up(engine, copy, now=real_now())
        send_due(engine, settings, standing(), WEEK)
        report = restore(engine, copy, now=real_now(), erase=lambda engine, email: None)
    found = read_receipt(engine, WEEK)
    assert (found.status, found.counts.sent, found.trouble, report.held) == ("sent", 5, None, ())


def test_whom_a_second_sending_reached_since_the_backup_was_not_missed(
    sqlite_url: str, sqlite_engine: Engine, tmp_path: Path
) -> None:
    engine, copy = sqlite_engine, tmp_path / "backup.db"
    with Sink() as sink:
        settings = with_relays(load(complete_environment(sqlite_url), tmp_path), sink.url)
        published(engine, settings, 2)
        (one,) = held(engine, 1)
        with transaction(engine) as connection:
            refused = Written(one.delivery_id, "failed", None, 554, "554 5.7.1 no", "relay", None)
            write_outcomes(connection, 1, GONE, [refused], NOW)
        send_due(engine, settings, standing(), WEEK)
        back_up(engine, copy, now=real_now())
        send_to_missed(engine, WEEK, NOW)
        send_due(engine, settings, standing(), WEEK)
        restore(engine, copy, now=real_now(), erase=lambda engine, email: None)
        assert read_receipt(engine, WEEK).counts.sent == 2
        with pytest.raises(RefusedError, match="nobody whom issue 2026-W47 failed to reach"):
            send_to_missed(engine, WEEK, NOW)


@pytest.mark.parametrize("ended", [True, False])
def test_an_issue_that_began_since_the_backup_comes_over_with_all_whom_it_reached(
    sqlite_url: str, sqlite_engine: Engine, tmp_path: Path, *, ended: bool
) -> None:
    engine, copy = sqlite_engine, tmp_path / "backup.db"
    with Sink() as sink:
        settings = with_relays(load(complete_environment(sqlite_url), tmp_path), sink.url)
        subscribe(engine, 4)
        approved_issue(engine, settings)
        back_up(engine, copy, now=real_now())
        subscribe(engine, 1, start=4)
        publish_issue(engine, WEEK, settings, NOW)
        one, _ = held(engine, 2)
        OutcomeLog(engine, GONE).append([sent(one)], NOW)
        if ended:
            send_due(engine, settings, standing(), WEEK)

        report = restore(engine, copy, now=real_now(), erase=lambda engine, email: None)
        found = read_receipt(engine, WEEK)
        assert (found.status, sum(found.counts), found.counts.sent) == (("sent", 5, 5) if ended else ("paused", 5, 1))
        assert report.carried is not None
        assert report.carried.sent == []
        if not ended:
            with reading(engine) as connection:
                tried = select(Delivery.id).where(Delivery.first_attempt_at.is_not(None))
                assert list(connection.scalars(tried)) == [one.delivery_id], "72 hours are counted from a try"
            resume_issue(engine, WEEK, real_now())
            send_due(engine, settings, standing(), WEEK)
        assert sorted(sink.recipients()) == [f"reader{n}@example.org" for n in ((1, 2, 3, 4) if ended else (1, 2, 3))]
    assert read_receipt(engine, WEEK).status == "sent"
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("newsletter.db*") if path.is_file())
    assert b"reader1@" in stored
    assert b"reader4@" not in stored, "the backup does not know them"
