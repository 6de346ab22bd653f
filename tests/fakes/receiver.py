"""Somebody else's web server that takes what webhooks tell it, or does not."""

import json
from threading import Event
from typing import Any, NamedTuple, Self

from tests.fakes.web_server import Handler, WebServer


class Told(NamedTuple):
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


class Receiver(WebServer):
    """``with Receiver().answering(500, 500) as receiver:`` answers so in turn, then 204."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self._answers: list[int] = []
        self._holding: Event | None = None
        super().__init__()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    def answering(self, *statuses: int) -> Self:
        self._answers += statuses
        return self

    def until(self, event: Event) -> Self:
        """Answers nobody before that."""
        self._holding = event
        return self

    def types(self) -> list[str]:
        return [one.document["type"] for one in self.told]

    def handler(self) -> type[Handler]:
        receiver = self

        class Taking(Handler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver._holding is not None:
                    receiver._holding.wait(10)
                receiver.told.append(Told(self.lower_headers(), body))
                self.send_response(receiver._answers.pop(0) if receiver._answers else 204)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

        return Taking
