"""Connections that ask for nothing, or take nothing, keep nobody out."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from newsletter.cli.serve import listen, serve_app
from newsletter.web import connections
from tests.fakes.waiting import until

HEAD = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\n\r\n"
MUCH = 1 << 26  # bytes: more than the system keeps for a client that reads nothing


async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    """Reads what is posted, thinks for a while about /slow (of /later before it reads), and answers /much with too much
    for one write."""
    if scope["path"] == "/later":
        await asyncio.sleep(3 * connections.PATIENCE)
    while (await receive()).get("more_body"):
        pass
    if scope["path"] == "/slow":
        await asyncio.sleep(3 * connections.PATIENCE)
    body = b"x" * MUCH if scope["path"] == "/much" else b"here"
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    monkeypatch.setattr(connections, "PATIENCE", 0.4)
    monkeypatch.setattr(connections, "most_connections", lambda: 8)
    stop = threading.Event()
    with listen("127.0.0.1", 0) as listening:
        serving = threading.Thread(target=serve_app, args=(app, listening, stop), daemon=True)
        serving.start()
        yield listening.getsockname()[:2]
        stop.set()
        serving.join(20)
    assert not serving.is_alive()


def ask(address: tuple[str, int], request: bytes) -> socket.socket:
    line = socket.create_connection(address, timeout=20)
    line.sendall(request)
    return line


def heard(line: socket.socket) -> bytes:
    """All of it, until the other side closes or cuts."""
    said = b""
    with suppress(ConnectionError):
        while part := line.recv(1 << 20):
            said += part
    return said


def drips(line: socket.socket) -> bool:
    """Sends one more line of a head; whether the other side still takes it."""
    try:
        line.sendall(b"X-More: 1\r\n")
    except ConnectionError:
        return False
    return True


def is_held(address: tuple[str, int], line: socket.socket) -> bool:
    """Whether the service has its end of the line open; who reads nothing is not told that it was cut."""
    ends = [f":{port:04X}" for port in (address[1], line.getsockname()[1])]
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any([row[1][-5:], row[2][-5:]] == ends and row[3] == "01" for row in rows)  # 01: ESTABLISHED


def get(address: tuple[str, int], path: str = "/") -> bytes:
    with ask(address, f"GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n".encode()) as line:
        return heard(line)


def test_more_than_there_is_room_for_push_out_those_that_wait_longest(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PATIENCE", 60.0)
    idle = [ask(address, b"GET / HTTP/1.1\r\nHo" if number % 2 else b"") for number in range(40)]
    assert get(address).endswith(b"here")
    assert [heard(line) for line in idle[:30]] == [b""] * 30
    for line in idle:
        line.close()


@pytest.mark.parametrize("request_", [b"", b"GET / HT", HEAD + b"ab"], ids=["nothing", "half a head", "half a body"])
def test_what_never_becomes_a_request_is_cut(address: tuple[str, int], request_: bytes) -> None:
    with ask(address, request_) as line:
        assert heard(line) == b""


def test_a_head_that_drips_is_cut_and_a_body_that_drips_is_not(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PATIENCE", 1.0)  # eight times as long as between drops: a busy machine is slow
    with ask(address, HEAD.replace(b"4", b"400")) as patient, ask(address, b"GET / HTTP/1.1\r\n") as dripping:
        for _ in range(10):
            time.sleep(connections.PATIENCE / 8)
            patient.sendall(b"x" * 40)
            drips(dripping)
        assert patient.recv(1000).startswith(b"HTTP/1.1 200")
        until(lambda: not drips(dripping), 20)
        assert heard(dripping) == b""


def test_who_takes_nothing_of_an_answer_is_cut(address: tuple[str, int]) -> None:
    with ask(address, b"GET /much HTTP/1.1\r\nHost: here\r\n\r\n") as line:
        until(lambda: not is_held(address, line))
        assert len(heard(line)) < MUCH


def test_an_answer_may_take_us_longer(address: tuple[str, int]) -> None:
    assert get(address, "/slow").endswith(b"here")


def test_what_is_posted_may_wait_for_us(address: tuple[str, int]) -> None:
    post = b"POST /later HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: 500000\r\n\r\n"
    with ask(address, post + b"x" * 500_000) as line:
        assert heard(line).endswith(b"here")


class Transport(asyncio.Transport):
    """Of a client that takes every answer at once."""

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def write(self, data: Any) -> None: ...
    def close(self) -> None: ...
    def get_write_buffer_size(self) -> int:
        return 0


def test_whoever_was_made_to_wait_has_all_the_time_there_is_once_more_is_read() -> None:
    async def later(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    async def times_when_stuck() -> list[bool]:
        config = uvicorn.Config(later, log_config=None)
        config.load()
        line = connections.Connection(config, ServerState(), {})
        line.connection_made(Transport())
        line.data_received(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 500000\r\n\r\n" + b"x" * 100_000)
        began = asyncio.get_running_loop().time()
        waited = [line.is_stuck(began + connections.PATIENCE + 1)]
        line.flow.resume_reading()
        return [*waited, *(line.is_stuck(began + times * connections.PATIENCE + 2) for times in (1, 2, 3))]

    assert asyncio.run(times_when_stuck()) == [False, False, True, True]
