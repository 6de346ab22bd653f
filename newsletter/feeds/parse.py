"""Reading feeds in processes of their own, with a limit on time and memory (parse_worker.py is what runs there)."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from types import TracebackType
from typing import Any, Self

from newsletter.feeds.document import Document
from newsletter.feeds.parse_worker import from_json

MEGABYTES = 400  # of address space, of which an interpreter with its libraries takes about 70
SECONDS = 10.0  # of a processor's time; a busy machine gives a process only a part of it, hence the patience
_PATIENCE = 4
_DYING_SECONDS = 5.0
_LONGEST_ANSWER = 32 << 20
_KEPT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "SYSTEMROOT")


class UnreadableError(ValueError):
    """The document is no feed, or reading it took too much; the message says which."""


class Readers:
    """A few reading processes, started when first needed: ``async with Readers() as readers``."""

    def __init__(self, count: int | None = None, *, megabytes: int = MEGABYTES, seconds: float = SECONDS) -> None:
        self._megabytes, self._seconds = megabytes, seconds
        self._slots = asyncio.Semaphore(count or min(2, os.cpu_count() or 1))
        self._idle: list[asyncio.subprocess.Process] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._idle:
            await _end(process)

    async def read(self, body: bytes, content_type: str, url: str) -> Document:
        """Raises UnreadableError."""
        async with self._slots:
            process = self._idle.pop() if self._idle else await self._start()
            try:
                async with asyncio.timeout(self._seconds * _PATIENCE):
                    answer = await _ask(process, body, content_type, url)
            except TimeoutError:
                await _end(process)
                raise self._too_long() from None
            except (EOFError, ConnectionError, ValueError):
                await _ended(process)
                if process.returncode == -signal.SIGXCPU:
                    raise self._too_long() from None
                raise UnreadableError("reading it ended the reading process, as crafted feeds do") from None
            except BaseException:
                await _end(process)
                raise
            self._idle.append(process)
        if "error" in answer:
            raise UnreadableError(answer["error"])
        return from_json(answer["document"])

    def _too_long(self) -> UnreadableError:
        return UnreadableError(f"reading it took more than {self._seconds:g} seconds")

    async def _start(self) -> asyncio.subprocess.Process:
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "newsletter.feeds.parse_worker", str(self._megabytes), str(self._seconds),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env=environment, limit=_LONGEST_ANSWER,
        )  # fmt: skip


async def _ask(process: asyncio.subprocess.Process, body: bytes, content_type: str, url: str) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    head = json.dumps({"url": url, "content_type": content_type, "length": len(body)})
    process.stdin.write(head.encode() + b"\n" + body)
    await process.stdin.drain()
    line = await process.stdout.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    found: dict[str, Any] = json.loads(line)
    return found


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Wait for a process that stopped answering. Killing one that is dead already would lose what it died of:
    ``kill`` looks whether it lives, which takes its status away from the thread that waits for it (Python 3.11)."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DYING_SECONDS):
            await process.wait()
    if process.returncode is None:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    if process.stdin is not None:
        process.stdin.close()
    await process.wait()
