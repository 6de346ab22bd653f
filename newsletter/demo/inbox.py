"""An SMTP server that keeps what arrives, so that the demo can show it. It speaks to loopback alone.

RFC 5321 with PIPELINING (RFC 2920), 8BITMIME, SMTPUTF8, ENHANCEDSTATUSCODES and CHUNKING (RFC 3030), which is what the
sending path makes use of. Every message is accepted and written as one file.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self

_EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING", "SIZE 10485760")
_FROM = re.compile(rb"FROM:\s*<([^>]*)>", re.I)
_TO = re.compile(rb"TO:\s*<([^>]+)>", re.I)
_LIMIT = 10 * 1024 * 1024


class Inbox:
    """Listens while it is entered. Messages lie in ``folder`` as ``0001.eml`` in the order of their arrival."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder
        self.port = port
        self._count = 0
        self._ready = Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._error: OSError | None = None
        self._thread = Thread(target=lambda: asyncio.run(self._listen()), name="inbox", daemon=True)

    def messages(self) -> list[Path]:
        """The files of what has arrived, oldest first."""
        return sorted(self.folder.glob("*.eml"))

    def __enter__(self) -> Self:
        """Raises OSError when the port is taken."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            raise self._error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _listen(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with self._server():
                self._ready.set()
                await self._stop.wait()
        except OSError as error:
            self._error = error
        finally:
            self._ready.set()

    @asynccontextmanager
    async def _server(self) -> AsyncIterator[None]:
        sessions: set[asyncio.Task[None]] = set()

        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(_Session(reader, writer, self._keep).run())
            sessions.add(task)
            task.add_done_callback(sessions.discard)

        server = await asyncio.start_server(begin, "127.0.0.1", self.port, limit=_LIMIT)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            for task in sessions:
                task.cancel()
            await asyncio.gather(*sessions, return_exceptions=True)

    def _keep(self, envelope: "_Envelope") -> str:
        """Writes the file under its name only when it is whole; returns that name."""
        self._count += 1
        trace = f"Return-Path: <{envelope.sender}>\r\nDelivered-To: {', '.join(envelope.recipients)}\r\n"
        unfinished = self.folder / f"{self._count:04d}.part"
        unfinished.write_bytes(trace.encode() + b"".join(envelope.chunks))
        unfinished.rename(unfinished.with_suffix(".eml"))
        return unfinished.stem


@dataclass(slots=True)
class _Envelope:
    sender: str | None = None
    recipients: list[str] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)


class _Session:
    """One client. Every command has its reply, in order, so pipelining needs nothing more."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, keep: Callable[[_Envelope], str]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._keep = keep
        self._envelope = _Envelope()

    async def run(self) -> None:
        self._say("220 inbox.example ESMTP demo inbox")
        try:
            while line := await self._reader.readline():
                verb, _, rest = line.strip().partition(b" ")
                await self._command(verb.upper(), rest)
                await self._writer.drain()
                if verb.upper() == b"QUIT":
                    break
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            """The client went away, or sent a line without end: nothing to keep."""
        finally:
            self._writer.close()

    async def _command(self, verb: bytes, rest: bytes) -> None:
        match verb:
            case b"EHLO":
                self._envelope = _Envelope()
                self._say("250-inbox.example", *(f"250-{name}" for name in _EXTENSIONS[:-1]), f"250 {_EXTENSIONS[-1]}")
            case b"HELO" | b"RSET":
                self._envelope = _Envelope()
                self._say("250 inbox.example")
            case b"MAIL":
                self._mail(_FROM.match(rest))
            case b"RCPT":
                self._rcpt(_TO.match(rest))
            case b"DATA":
                await self._data()
            case b"BDAT":
                await self._bdat(rest)
            case b"NOOP":
                self._say("250 2.0.0 ok")
            case b"QUIT":
                self._say("221 2.0.0 goodbye")
            case _:
                self._say("502 5.5.1 unknown command")

    def _mail(self, path: re.Match[bytes] | None) -> None:
        if path is None:
            self._say("501 5.5.4 MAIL FROM:<address>")
            return
        self._envelope = _Envelope(sender=path[1].decode("utf-8", "replace"))
        self._say("250 2.1.0 sender ok")

    def _rcpt(self, path: re.Match[bytes] | None) -> None:
        if path is None or self._envelope.sender is None:
            self._say("503 5.5.1 MAIL first, then RCPT TO:<address>")
            return
        self._envelope.recipients.append(path[1].decode("utf-8", "replace"))
        self._say("250 2.1.5 recipient ok")

    async def _data(self) -> None:
        if not self._envelope.recipients:
            self._say("503 5.5.1 RCPT first")
            return
        self._say("354 go ahead")
        await self._writer.drain()
        while (line := await self._reader.readline()) != b".\r\n":
            if not line:
                raise ConnectionResetError
            self._envelope.chunks.append(line.removeprefix(b"."))
        self._accept()

    async def _bdat(self, rest: bytes) -> None:
        size, _, last = rest.partition(b" ")
        self._envelope.chunks.append(await self._reader.readexactly(int(size)))
        if not self._envelope.recipients:
            self._say("503 5.5.1 RCPT first")
        elif last.strip().upper() == b"LAST":
            self._accept()
        else:
            self._say("250 2.0.0 go on")

    def _accept(self) -> None:
        self._say(f"250 2.0.0 kept as {self._keep(self._envelope)}")
        self._envelope = _Envelope()

    def _say(self, *lines: str) -> None:
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())
