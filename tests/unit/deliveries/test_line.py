"""A line to a relay: replies reach who asked, in order, however the bytes of them were cut on their way."""

import asyncio
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from newsletter.deliveries.outcomes import Reply
from newsletter.deliveries.transport import Line

SAID = b"250 2.0.0 taken\r\n250-2.1.0 sender\r\n250 fine\r\n550 5.1.1 nobody\r\n354 go on\n"
REPLIES = [
    Reply(250, "2.0.0 taken"), Reply(250, "2.1.0 sender fine"), Reply(550, "5.1.1 nobody"), Reply(354, "go on"),
]  # fmt: skip


class Wire(asyncio.Transport):
    """Takes what is written, and tells its protocol when it is cut."""

    def __init__(self) -> None:
        super().__init__()
        self.cut = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._line = protocol

    def is_closing(self) -> bool:
        return self.cut

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.cut

    def abort(self) -> None:
        if not self.cut:
            self.cut = True
            asyncio.get_running_loop().call_soon(self._told)

    def _told(self) -> None:
        assert isinstance(self._line, Line)
        self._line.connection_lost(None)


class Heard:
    """What each who asked was given, in the order of being given it."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.given: list[tuple[str, list[Reply]]] = []

    def ask(self, name: str, count: int, then: Callable[[], None] = lambda: None) -> None:
        def given(replies: list[Reply]) -> None:
            self.given.append((name, replies))
            then()

        self.line.expect(count, 60.0, given)


def on_a_line(talk: Callable[[Heard], Coroutine[Any, Any, None]]) -> tuple[Heard, Line]:
    async def held() -> Heard:
        line = Line()
        line.take_over(Wire())
        heard = Heard(line)
        await talk(heard)
        for _ in range(5):
            await asyncio.sleep(0)
        line.close()
        await asyncio.sleep(0)
        return heard

    heard = asyncio.run(held())
    return heard, heard.line


@given(some.lists(some.integers(1, len(SAID) - 1), max_size=30))
def test_replies_reach_who_asked_however_their_bytes_were_cut(places: list[int]) -> None:
    async def talk(heard: Heard) -> None:
        heard.ask("final", 1)
        heard.ask("envelope", 3)
        edges = [0, *sorted(places), len(SAID)]
        for start, end in pairwise(edges):
            heard.line.data_received(SAID[start:end])

    heard, _ = on_a_line(talk)
    assert heard.given == [("final", REPLIES[:1]), ("envelope", REPLIES[1:])]


def test_who_asks_in_answer_to_a_reply_comes_after_those_who_asked_before() -> None:
    async def talk(heard: Heard) -> None:
        heard.ask("first", 1, then=lambda: heard.ask("third", 1))
        heard.ask("second", 1)
        heard.line.data_received(SAID)

    heard, _ = on_a_line(talk)
    assert heard.given == [("first", REPLIES[:1]), ("second", REPLIES[1:2]), ("third", REPLIES[2:3])]


def test_a_reply_that_nobody_asked_for_goes_to_who_asks_next() -> None:
    async def talk(heard: Heard) -> None:
        heard.line.data_received(b"421 4.3.2 shutting down\r\n")
        heard.ask("next", 3)
        heard.line.close()

    heard, _ = on_a_line(talk)
    assert heard.given == [("next", [Reply(421, "4.3.2 shutting down")])]


def test_what_came_before_a_line_was_lost_still_counts() -> None:
    async def talk(heard: Heard) -> None:
        heard.ask("envelope", 3)
        heard.ask("final", 1)
        heard.line.data_received(b"250 fine\r\n550 5.1.1 nobody\r\n")
        heard.line.close()

    heard, line = on_a_line(talk)
    assert heard.given == [("envelope", [Reply(250, "fine"), Reply(550, "5.1.1 nobody")]), ("final", [])]
    assert line.lost


def test_what_follows_the_reply_that_a_line_was_cut_for_goes_to_nobody() -> None:
    async def talk(heard: Heard) -> None:
        heard.ask("final", 1, then=heard.line.close)
        heard.ask("envelope", 3)
        heard.line.data_received(SAID)

    heard, _ = on_a_line(talk)
    assert heard.given == [("final", REPLIES[:1]), ("envelope", [])]


def test_who_asks_on_a_line_that_is_lost_hears_so() -> None:
    async def talk(heard: Heard) -> None:
        heard.line.close()
        await asyncio.sleep(0)
        heard.ask("late", 1)

    assert on_a_line(talk)[0].given == [("late", [])]


@pytest.mark.parametrize("said", [b"hello\r\n", b"25 x\r\n", b"x" * (1 << 21), b"250 x\r\n" * 200])
def test_a_relay_that_does_not_speak_smtp_or_does_not_stop_is_left(said: bytes) -> None:
    async def talk(heard: Heard) -> None:
        heard.line.data_received(said)
        assert heard.line.lost

    on_a_line(talk)


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_complete_replies_before_one_that_is_none_count(cut: int) -> None:
    async def talk(heard: Heard) -> None:
        for name in "abcd":
            heard.ask(name, 1)
        heard.line.data_received(b"250 fine\r\n" * cut + b"what?\r\n")

    given = dict(on_a_line(talk)[0].given)
    assert [given[name] for name in "abcd"] == [[Reply(250, "fine")]] * cut + [[]] * (4 - cut)
