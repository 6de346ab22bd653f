"""What a sender decided is safe in its log before the ledger on SQLite hears of it."""

import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from db import outcome_log
from db.claims import claim
from db.engine import make_engine, transaction
from db.outcome_log import OutcomeLog, drop, tell_of_gone
from db.outcomes import Written
from db.ownership import lock_folder
from newsletter.clock import real_now
from newsletter.deliveries import record_outcomes
from newsletter.deliveries.hold_leases import Leases
from newsletter.deliveries.send import send_due
from newsletter.settings import Settings
from scheduler.engine import Context
from scheduler.jobs import prune
from tests.fakes.smtp_sink import Sink
from tests.fakes.waiting import until
from tests.integration.sending import GONE, NOW, held, published, sent, standing, statuses, with_relays


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


def log_file(engine: Engine) -> Path:
    return lock_folder(engine) / f"{GONE}.outcomes"


def test_what_a_killed_sender_had_in_its_log_is_not_sent_again(engine: Engine, settings: Settings) -> None:
    published(engine, settings, 5)
    one, two, _ = held(engine, 3)
    OutcomeLog(engine, GONE).append([sent(one), sent(two)], NOW)
    assert {status for status, _ in statuses(engine).values()} == {"queued", "sending"}, "the ledger has not heard yet"
    with Sink() as sink:
        (report,) = send_due(engine, with_relays(settings, sink.url), standing()).issues
    assert report.counts.sent == 5
    assert len(sink.mails) == 3
    assert not {one.email, two.email} & sink.recipients().keys()
    assert not log_file(engine).exists()


def test_a_sending_that_told_the_ledger_all_leaves_no_log(engine: Engine, settings: Settings) -> None:
    published(engine, settings, 5)
    with Sink() as sink:
        send_due(engine, with_relays(settings, sink.url), standing())
    assert {status for status, _ in statuses(engine).values()} == {"sent"}
    assert list(lock_folder(engine).glob("*.outcomes")) == []


def test_the_nightly_pruning_tells_what_is_in_the_logs_of_killed_processes(engine: Engine, settings: Settings) -> None:
    published(engine, settings, 2)
    one, _ = held(engine, 2)
    OutcomeLog(engine, GONE).append([sent(one)], NOW)
    prune(Context(engine, settings, standing(), threading.Event(), "me"), NOW)
    assert [status for status, _ in statuses(engine).values()] == ["sent", "sending"]
    assert not log_file(engine).exists()


def test_a_log_that_was_cut_off_in_a_line_counts_up_to_there(engine: Engine, settings: Settings) -> None:
    published(engine, settings, 3)
    one, two, three = held(engine, 3)
    OutcomeLog(engine, GONE).append([sent(one), sent(two), sent(three)], NOW)
    whole = log_file(engine).read_bytes().splitlines(keepends=True)
    log_file(engine).write_bytes(whole[0] + b"\0" * len(whole[1]) + b"\n" + whole[2][:-2])
    with transaction(engine) as connection:
        tell_of_gone(connection, engine, [GONE])
    assert [status for status, _ in statuses(engine).values()] == ["sent", "sending", "sending"]


def test_the_last_line_about_a_delivery_counts(engine: Engine, settings: Settings) -> None:
    published(engine, settings, 1)
    (one,) = held(engine, 1)
    put_off = Written(one.delivery_id, "deferred", NOW, 451, "451 later", "relay", None)
    OutcomeLog(engine, GONE).append([put_off, sent(one)], NOW)
    with transaction(engine) as connection:
        tell_of_gone(connection, engine, [GONE])
    assert statuses(engine) == {one.delivery_id: ("sent", "250 2.0.0 taken")}


def test_what_is_told_twice_leaves_alone_what_others_hold_by_now(engine: Engine, settings: Settings) -> None:
    published(engine, settings, 1)
    (one,) = held(engine, 1)
    OutcomeLog(engine, GONE).append([Written(one.delivery_id, "deferred", NOW, 451, "451 later", "relay", None)], NOW)
    with transaction(engine) as connection:
        tell_of_gone(connection, engine, [GONE])
        claim(connection, 1, "another", NOW, real_now() + timedelta(minutes=10), 1)
        tell_of_gone(connection, engine, [GONE])
    assert [status for status, _ in statuses(engine).values()] == ["sending"]
    drop(engine, [GONE])


def test_a_reply_with_an_address_in_it_reaches_the_ledger_but_not_the_log(engine: Engine, settings: Settings) -> None:
    published(engine, settings, 1)
    (one,) = held(engine, 1)
    log = OutcomeLog(engine, GONE)
    log.append([sent(one, f"250 2.1.5 <{one.email}> taken")], NOW)
    assert one.email not in log_file(engine).read_text()
    with log.telling(0.0):
        pass
    assert statuses(engine) == {one.delivery_id: ("sent", f"250 2.1.5 <{one.email}> taken")}
    assert log.untold == 0
    log.close()
    assert not log_file(engine).exists()


def test_what_a_full_disk_takes_in_part_is_not_in_the_log(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(engine, settings, 2)
    one, two = held(engine, 2)
    log = OutcomeLog(engine, GONE)
    log.append([sent(one)], NOW)
    whole = log_file(engine).read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:20]))
    with pytest.raises(OSError, match="No space left"):
        log.append([sent(two)], NOW)
    monkeypatch.undo()
    assert log_file(engine).read_bytes() == whole
    log.append([sent(two)], NOW)
    with log.telling(0.0):
        pass
    assert [status for status, _ in statuses(engine).values()] == ["sent", "sent"]


def test_a_long_log_is_emptied_once_the_ledger_knows_all_of_it(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome_log, "LARGEST", 100)
    published(engine, settings, 3)
    one, two, three = held(engine, 3)
    log = OutcomeLog(engine, GONE)
    log.append([sent(one), sent(two)], NOW)
    with log.telling(0.0):
        pass
    assert log_file(engine).read_bytes() == b""
    log.append([sent(three)], NOW)
    assert log_file(engine).read_bytes().count(b"\n") == 1


def test_a_log_that_cannot_be_emptied_takes_nothing_back(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: int) -> None:
        raise OSError("the disk does not answer")

    monkeypatch.setattr(outcome_log, "LARGEST", 10)
    published(engine, settings, 2)
    one, two = held(engine, 2)
    log = OutcomeLog(engine, GONE)
    for row in (one, two):
        log.append([sent(row)], NOW)
        monkeypatch.setattr(os, "fdatasync", refuse)
        with log.telling(0.0):
            pass
    assert [status for status, _ in statuses(engine).values()] == ["sent", "sent"]
    assert log_file(engine).read_bytes().count(b"\n") == 2


def test_a_ledger_that_cannot_be_told_stays_to_be_told(engine: Engine, settings: Settings) -> None:
    published(engine, settings, 1)
    (one,) = held(engine, 1)
    log = OutcomeLog(engine, GONE)
    log.append([sent(one)], NOW)
    with pytest.raises(ZeroDivisionError), log.telling(0.0):
        _ = 1 / 0
    assert log.untold == 1
    log.close()
    with transaction(engine) as connection:
        tell_of_gone(connection, engine, [GONE])
    assert [status for status, _ in statuses(engine).values()] == ["sent"]


def test_a_disk_that_stays_full_ends_the_sending_before_anything_goes_out_that_is_not_written_down(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(engine, settings, 200)
    monkeypatch.setattr(record_outcomes, "DATABASE_SECONDS", 0.0)
    write, written = os.write, 0

    def filling_up(handle: int, data: bytes) -> int:
        nonlocal written
        if data.startswith(b"[") and (written := written + data.count(b"\n")) > 50:
            return write(handle, data[:10])
        return write(handle, data)

    monkeypatch.setattr(os, "write", filling_up)
    with Sink() as sink:
        with pytest.raises(OSError, match=r"No space left on device: .*\.outcomes"):
            send_due(engine, with_relays(settings, sink.url), standing())
        monkeypatch.undo()
        (log,) = lock_folder(engine).glob("*.outcomes")
        safe = log.read_bytes().count(b"\n")
        assert 0 < safe <= 50
        assert len(sink.mails) - safe <= 4, "one message a connection"
        (report,) = send_due(engine, with_relays(settings, sink.url), standing()).issues
        assert report.counts.sent == 200
        assert len(sink.recipients()) == 200
        assert sink.recipients().total() <= 204


def test_who_writes_to_the_database_for_long_does_not_hold_up_what_is_claimed(
    engine: Engine, settings: Settings, sqlite_url: str
) -> None:
    published(engine, settings, 400)
    elsewhere = make_engine(sqlite_url)
    with Sink().delaying(0.01) as sink:
        sending = threading.Thread(target=send_due, args=(engine, with_relays(settings, sink.url), standing()))
        sending.start()
        until(lambda: sink.mails, 30)
        with transaction(elsewhere):
            begun = len(sink.mails)
            until(lambda: len(sink.mails) >= 400, 30)
            arrived = len(sink.mails)
        sending.join(30)
    assert begun < arrived == 400
    assert [status for status, _ in statuses(engine).values()] == ["sent"] * 400
    elsewhere.dispose()


def test_a_claim_does_not_wait_for_another_writer_where_there_is_something_to_send(
    engine: Engine, settings: Settings
) -> None:
    published(engine, settings, 3)
    leases = Leases(engine, standing(), 1, "me", threading.Event(), 2, 1)
    with transaction(engine):
        assert leases.claim_if_free() is None
    assert [row.delivery_id for row in leases.claim_if_free() or []] == [1, 2]
