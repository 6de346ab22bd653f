"""SQLite has one writer at a time: the others wait, and are told in the usual way when they waited too long."""

import threading
import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from db.engine import PATIENCE, let_go, make_engine, reading, transaction


def test_a_writer_goes_on_when_the_one_before_is_done(sqlite_url: str) -> None:
    engine = make_engine(sqlite_url)
    writing, done = threading.Event(), []

    def first() -> None:
        with transaction(engine):
            writing.set()
            time.sleep(0.1)
            done.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    assert writing.wait(10)
    with transaction(engine):
        done.append("second")
    thread.join()
    engine.dispose()
    assert done == ["first", "second"]


@pytest.mark.parametrize("patience", [0.0, 0.05])
def test_a_writer_that_waited_too_long_gets_the_error_that_all_handle(sqlite_url: str, patience: float) -> None:
    engine = make_engine(sqlite_url)
    with transaction(engine), pytest.raises(OperationalError, match="locked"), transaction(engine, patience):
        pass
    with transaction(engine) as connection:  # the connection that failed is as good as before
        assert connection.scalar(text("PRAGMA busy_timeout")) == PATIENCE * 1000
    engine.dispose()


def test_connections_are_let_go_only_when_none_is_at_work(sqlite_url: str) -> None:
    engine = make_engine(sqlite_url)
    with reading(engine):
        assert not let_go(engine)
    assert let_go(engine)
    with reading(engine) as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    engine.dispose()
