"""A browser without a window: keeps cookies, follows no redirects, and asks the app directly."""

import asyncio
from typing import Any

import httpx
from starlette.applications import Starlette


class Browser:
    """``get`` and ``post`` return httpx responses of ``app``, as if it stood at ``base_url``."""

    def __init__(self, app: Starlette, base_url: str = "https://news.example.com") -> None:
        self._app = app
        self._base_url = base_url
        self.cookies = httpx.Cookies()

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("POST", path, **options)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        return asyncio.run(self._ask(method, path, **options))

    async def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(
            transport=transport, base_url=self._base_url, cookies=self.cookies, follow_redirects=False
        ) as client:
            answer = await client.request(method, path, **options)
            self.cookies = client.cookies
            return answer
