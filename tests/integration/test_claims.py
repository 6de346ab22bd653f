"""Claiming walks through an issue once, however large it is."""

import threading
import time
from pathlib import Path
from typing import Any

from sqlalchemy import event

from db import claims
from db.engine import make_engine, transaction
from newsletter import settings as settings_module
from newsletter.deliveries.hold_leases import Leases
from tests.conftest import complete_environment
from tests.integration.sending import NOW, published, standing


def test_a_claim_holds_its_rows_by_their_ids(sqlite_url: str, tmp_path: Path) -> None:
    """By the issue's index each claim would walk through all of the issue: 4 ms in one of 10,000, and ever more."""
    engine = make_engine(sqlite_url)
    issue_id = published(engine, settings_module.load(complete_environment(sqlite_url), tmp_path), 3)
    plans: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def explain(_connection: Any, cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.startswith("UPDATE deliveries"):
            plan = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
            plans.extend(step[3] for step in plan if "deliveries" in step[3])

    with transaction(engine) as connection:
        claimed, _ = claims.claim(connection, issue_id, "sender", NOW, NOW, 2)
    engine.dispose()
    assert len(claimed) == 2
    assert plans == ["SEARCH deliveries USING INTEGER PRIMARY KEY (rowid=?)"]


def test_leases_that_ended_are_not_made_longer(sqlite_url: str, tmp_path: Path) -> None:
    """A machine that was cut off meanwhile does not know who holds its deliveries now."""
    engine = make_engine(sqlite_url)
    issue_id = published(engine, settings_module.load(complete_environment(sqlite_url), tmp_path), 3)
    leases = Leases(engine, standing(), issue_id, "sender", threading.Event(), 3, 1)
    assert len(leases.claim()) == 3
    assert leases.extend()
    leases.end = time.monotonic()
    assert not leases.extend()
    assert leases.end <= time.monotonic(), "and nothing more of them may go"
    engine.dispose()


def test_claims_are_smaller_towards_the_end_so_that_no_process_waits_long_for_another(
    sqlite_url: str, tmp_path: Path
) -> None:
    engine = make_engine(sqlite_url)
    issue_id = published(engine, settings_module.load(complete_environment(sqlite_url), tmp_path), 1000)
    one, other = (Leases(engine, standing(), issue_id, name, threading.Event(), 500, 2) for name in ("one", "other"))
    sizes: list[int] = []
    while claimed := one.claim() + other.claim():
        sizes.append(len(claimed))
    engine.dispose()
    assert sum(sizes) == 1000
    assert sizes[0] > 400, "few claims while much is left"
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] <= 120
