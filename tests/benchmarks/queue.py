"""The queue that senders of many machines stand in: PostgreSQL's share is measured here, the rest is simulated from it.

``python -m tests.benchmarks queue``, or ``python -m tests.benchmarks.queue DELIVERIES SUBSCRIBERS MESSAGES_A_SECOND``:
how many to measure with, for how many to simulate, and what one sender does (docs/performance.md has measured rates).
"""

import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from heapq import heappop, heappush, heapreplace
from multiprocessing import get_context
from pathlib import Path

from sqlalchemy import Engine, text

from db.claims import claim
from db.engine import make_engine, reading, transaction
from db.outcomes import OutcomeLedger, Written
from newsletter import settings as settings_module
from newsletter.clock import real_now
from newsletter.issues.publish import publish_issue
from tests.conftest import complete_environment
from tests.databases import PostgresServer, find_postgres
from tests.fakes.times import MONDAY
from tests.integration.sending import NOW, WEEK, approved_issue

BATCH = 500
IN_A_COMMIT = 10  # outcomes: what eight connections bring while one commit is under way


@dataclass(frozen=True, slots=True)
class Measured:
    """What this machine does."""

    publish: float  # seconds a delivery
    bytes: float  # a delivery, with its indexes, after it was sent
    batch: float  # processor seconds of PostgreSQL for claiming 500 and writing their outcomes
    together: dict[int, float]  # senders -> deliveries a second of all of them, without the sending


def seed(engine: Engine, count: int) -> None:
    with transaction(engine) as connection:
        connection.execute(
            text("""
            INSERT INTO subscribers (email, email_hash, name, state, format, selection, created_at, state_since)
            SELECT 'reader' || n || '@example.org', decode(md5(n::text), 'hex'), 'Reader ' || n, 'active', 'html', '',
                   :now, :now FROM generate_series(1, :count) AS n"""),
            {"now": NOW, "count": count},
        )


def work(url: str, owner: str, share: int) -> None:
    """What a sender asks of the ledger, without the sending."""
    engine = make_engine(url)
    ledger = OutcomeLedger(engine, 1)
    now, after, done = real_now(), 0, 0
    while done < share:
        with transaction(engine) as connection:
            claimed, after = claim(connection, 1, owner, now, now + timedelta(minutes=10), BATCH, after)
        if not claimed:
            break
        written = [Written(row.delivery_id, "sent", None, 250, "2.0.0 taken", "relay", None) for row in claimed]
        for first in range(0, len(written), IN_A_COMMIT):
            ledger.write(owner, written[first : first + IN_A_COMMIT], now)
        done += len(claimed)
    ledger.close()
    engine.dispose()


def measure(count: int) -> Measured:
    programs = find_postgres()
    assert programs is not None, "PostgreSQL is not installed"
    with tempfile.TemporaryDirectory() as folder, PostgresServer(programs, durable=True) as server:
        url = server.new_database(MONDAY)
        engine = make_engine(url)
        settings = settings_module.load(complete_environment(url), Path(folder))
        seed(engine, count)
        approved_issue(engine, settings)
        began = time.perf_counter()
        publish_issue(engine, WEEK, settings, NOW)
        publish = (time.perf_counter() - began) / count
        together, spawning, share = dict[int, float](), get_context("spawn"), count // 3 // BATCH * BATCH
        before = server.processor_seconds()
        for senders in (1, 2):
            processes = [spawning.Process(target=work, args=(url, f"s{n}", share)) for n in range(senders)]
            began = time.perf_counter()
            for process in processes:
                process.start()
            for process in processes:
                process.join()
            together[senders] = senders * share / (time.perf_counter() - began)
        batch = (server.processor_seconds() - before) / (3 * share / BATCH)
        with reading(engine) as connection:
            size = connection.scalar(text("SELECT pg_total_relation_size('deliveries_1')")) or 0
        engine.dispose()
    return Measured(publish, size / count, batch, together)


def simulate(senders: int, rate: float, service: float, cores: int, seconds: float = 600.0) -> tuple[float, float]:
    """(deliveries a second, how busy the database is) of so many senders, each at ``rate`` when it waits for nothing.

    A sender claims ahead: it waits only where the database has not served a batch by the time the last one is sent.
    """
    free = [0.0] * cores
    asking = [(number * BATCH / rate / senders, number) for number in range(senders)]
    done, busy = 0, 0.0
    while asking[0][0] < seconds:
        asked, number = heappop(asking)
        served = max(asked, free[0]) + service
        heapreplace(free, served)
        heappush(asking, (max(served, asked + BATCH / rate), number))
        done, busy = done + BATCH, busy + service
    return done / seconds, min(busy / seconds / cores, 1.0)


def main(count: int = 200_000, subscribers: int = 100_000_000, rate: float = 1000.0) -> None:
    found = measure(count)
    print(f"publishing {found.publish * 1e6:.0f} µs a delivery, {found.bytes:.0f} bytes each once it is sent")
    print(f"a batch of {BATCH}: {found.batch * 1000:.0f} ms of a core of PostgreSQL; without sending " + ", ".join(
        f"{senders} at once {each:,.0f} deliveries/s" for senders, each in found.together.items()))  # fmt: skip
    print(f"{subscribers:,}: publishing {found.publish * subscribers / 3600:.1f} h, "
          f"{found.bytes * subscribers / 1e9:.0f} GB a partition; senders of {rate:,.0f} messages/s each:")  # fmt: skip
    print("database cores | senders | deliveries/s | database busy | hours")
    for cores in (2, 8, 32):
        for senders in (1, 4, 16, 64, 256):
            speed, busy = simulate(senders, rate, found.batch, cores)
            print(f"{cores:14} | {senders:7} | {speed:12,.0f} | {busy:13.0%} | {subscribers / speed / 3600:5.1f}")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(*numbers[:2], *map(float, numbers[2:]))
