"""The machine's clock is put forward or back while an issue is being sent: it goes on, and nobody gets it twice."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from newsletter.deliveries import hold_leases, send
from newsletter.deliveries.read_receipt import read_receipt
from newsletter.deliveries.send import send_due
from newsletter.settings import Settings
from tests.fakes.smtp_sink import Sink
from tests.integration.sending import WEEK, published, standing, with_relays

READERS = 200


@pytest.mark.parametrize("hours", [-48, 48])
def test_a_clock_that_jumps_neither_holds_a_sending_nor_repeats_it(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    ahead, real = [0.0], time.time
    monkeypatch.setattr(time, "time", lambda: real() + ahead[0])
    for module in (hold_leases, send):
        monkeypatch.setattr(module, "real_now", lambda: datetime.now(UTC) + timedelta(seconds=ahead[0]))
    with Sink() as sink:
        here = with_relays(settings, f"{sink.url}&rate=100/s")
        published(engine, here, READERS)
        senders = [threading.Thread(target=send_due, args=(engine, here, standing(), WEEK)) for _ in range(2)]
        for sender in senders:
            sender.start()
        until = time.monotonic() + 30
        while len(sink.mails) < 50 and time.monotonic() < until:
            time.sleep(0.01)
        ahead[0] = hours * 3600.0
        for sender in senders:
            sender.join(60)
        assert not [sender for sender in senders if sender.is_alive()]
    found = read_receipt(engine, WEEK)
    assert (found.status, found.counts.sent) == ("sent", READERS)
    assert len(sink.mails) == len(sink.recipients()) == READERS
