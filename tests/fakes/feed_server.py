"""A web server on loopback that answers as a test tells it to, and remembers what it was asked."""

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.fakes.web_server import Handler, WebServer


@dataclass(frozen=True)
class Answer:
    """``drip`` sends the body slowly, a byte each so many seconds."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    drip: float = 0.0


class FeedServer(WebServer):
    """``server.serve("/a.xml", body)``; an answer may be a function of the request's headers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self._answers: dict[str, Answer | Callable[[dict[str, str]], Answer]] = {}
        super().__init__()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def serve(self, path: str, body: bytes | str = b"", status: int = 200, drip: float = 0.0, **headers: str) -> str:
        """Answer this path so from now on; returns its address. Header names are written with underscores."""
        content = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._answers[path] = Answer(content, status, named, drip)
        return self.url(path)

    def serve_by(self, path: str, answer: Callable[[dict[str, str]], Answer]) -> str:
        self._answers[path] = answer
        return self.url(path)

    def handler(outer) -> type[Handler]:
        class Answering(Handler):
            def do_GET(self) -> None:
                headers = self.lower_headers()
                outer.asked.append((self.path, headers))
                found = outer._answers.get(self.path, Answer(b"nothing here", 404))
                answer = found(headers) if callable(found) else found
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self._send(answer)

            def _send(self, answer: Answer) -> None:
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                if not answer.drip:
                    self.wfile.write(answer.body)
                    return
                for byte in answer.body:
                    self.wfile.write(bytes([byte]))
                    time.sleep(answer.drip)

        return Answering


def rss(*items: str, title: str = "Launches", head: str = "") -> str:
    """An RSS 2.0 feed of these items; see ``item``."""
    return (
        f"<?xml version='1.0' encoding='utf-8'?><rss version='2.0'><channel><title>{title}</title>{head}"
        f"{''.join(items)}</channel></rss>"
    )


def item(title: str, link: str | None = None, date: str | None = None, guid: str | None = None) -> str:
    """``date`` as RFC 822 has it."""
    parts = [f"<title>{title}</title>"]
    parts += [f"<link>{link}</link>"] if link else []
    parts += [f"<pubDate>{date}</pubDate>"] if date else []
    parts += [f"<guid isPermaLink='false'>{guid}</guid>"] if guid else []
    return f"<item>{''.join(parts)}</item>"
