"""The web app on a real port, for tests that speak HTTP to it."""

import asyncio
import socket
import ssl
import threading
import time
from types import TracebackType
from typing import Any, Self

import httpx
import uvicorn
from starlette.applications import Starlette

_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # a client's own would load all certificates of the system


class Server(uvicorn.Server):
    """Ends at once: uvicorn looks ten times a second whether it should, and then waits for connections as often."""

    over: asyncio.Event | None = None

    async def main_loop(self) -> None:
        self.loop, self.over = asyncio.get_running_loop(), asyncio.Event()
        await self.on_tick(0)
        await self.over.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        while self.server_state.connections or self.server_state.tasks:
            await asyncio.sleep(0.001)


class RunningApp:
    """Serves ``app`` on loopback while entered; ``get`` and ``post`` follow no redirects and keep no cookies."""

    def __init__(self, app: Starlette) -> None:
        config = uvicorn.Config(
            app, port=0, log_level="warning", access_log=False, proxy_headers=False, lifespan="off", ws="none"
        )
        self._server = Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        while self._server.over is None:
            time.sleep(0.005)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._client = httpx.Client(base_url=self.url, timeout=30, trust_env=False, verify=_NO_TLS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        assert self._server.over is not None
        self._server.loop.call_soon_threadsafe(self._server.over.set)
        self._thread.join(10)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("POST", path, **options)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        answer = self._client.request(method, path, **options)
        self._client.cookies.clear()
        return answer
