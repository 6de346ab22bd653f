"""Messages are signed ahead by threads, and by the loop itself where no thread has."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Any

import pytest

from db.claims import Claimed
from newsletter.deliveries import sign_ahead
from newsletter.deliveries.assembling import Job
from newsletter.deliveries.sign_ahead import SigningAhead


def claimed(count: int) -> deque[Claimed]:
    return deque(Claimed(n, n, f"r{n}@example.org", "", "html", "", 1, 1, None, "queued") for n in range(count))


def signed(rows: Sequence[Claimed]) -> list[Job]:
    time.sleep(0.001 * len(rows))
    return [Job(row.delivery_id, "", row.email, b"", (b"",), b"", 0) for row in rows]


def refusing(rows: Sequence[Claimed]) -> list[Job]:
    raise ValueError("no such key")


def test_without_threads_the_loop_signs_as_it_goes() -> None:
    async def sending() -> list[int]:
        rows = claimed(20)
        ahead = SigningAhead(signed, 0, 16, lambda: None, lambda: None)
        taken = [ahead.take(rows)[1].delivery_id for _ in range(20)]
        ahead.close()
        return taken

    assert asyncio.run(sending()) == list(range(20))


def test_threads_sign_what_is_fed_and_tell_when_a_message_is_waited_for() -> None:
    async def sending() -> set[int]:
        rows, more, taken = claimed(30), asyncio.Event(), set()
        ahead = SigningAhead(signed, 2, 16, more.set, lambda: None)
        ahead.feed(rows)
        assert ahead.out == 16
        while rows or ahead.out:
            while not ahead.ready():
                more.clear()
                await asyncio.wait_for(more.wait(), 10)
            taken.add(ahead.take(rows)[0].delivery_id)
        ahead.close()
        return taken

    assert asyncio.run(sending()) == set(range(30))


def test_what_was_fed_and_not_taken_is_there_to_be_given_back() -> None:
    async def stopping() -> tuple[set[int], int]:
        rows = claimed(30)
        ahead = SigningAhead(signed, 1, 16, lambda: None, lambda: None)
        ahead.feed(rows)
        gone = ahead.take(rows)[0].delivery_id
        ahead.close()
        return {row.delivery_id for row in ahead.rest()} | {row.delivery_id for row in rows}, gone

    left, gone = asyncio.run(stopping())
    assert left == set(range(30)) - {gone}


class SlowLine(SimpleQueue[Any]):
    """Says whether it is empty, and by then it may be no more."""

    def empty(self) -> bool:
        found = super().empty()
        time.sleep(0.01)
        return found


def test_an_end_in_the_middle_waits_for_nothing_that_a_thread_has_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_ahead, "SimpleQueue", SlowLine)

    async def ending() -> None:
        ahead = SigningAhead(signed, 2, 16, lambda: None, lambda: None)
        ahead.feed(claimed(16))
        ahead.close()

    running = threading.Thread(target=asyncio.run, args=(ending(),), daemon=True)
    running.start()
    running.join(10)
    assert not running.is_alive()


def test_a_key_that_cannot_sign_ends_the_sending_and_is_told() -> None:
    async def failing() -> Exception | None:
        failed = asyncio.Event()
        ahead = SigningAhead(refusing, 1, 16, lambda: None, failed.set)
        ahead.feed(claimed(5))
        await asyncio.wait_for(failed.wait(), 10)
        ahead.close()
        return ahead.failure

    assert str(asyncio.run(failing())) == "no such key"
