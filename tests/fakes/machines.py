"""``newsletter`` as if on machines of their own, and the line between such a machine and PostgreSQL."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import make_url

# Leases that a test can outlive, in one process: helpers would be spawned with those of everyday.
SHORT_LEASES = """
import sys
from datetime import timedelta
from newsletter.deliveries import hold_leases, send, send_issue
hold_leases.LEASE, send_issue.EXTEND_SECONDS, send.SKEW = timedelta(seconds=3), 0.5, timedelta(seconds=0)
send.WORTH_A_PROCESS = 10**9
from newsletter.cli.main import main
main(sys.argv[1:])
"""


class Machine:
    """``newsletter`` as if on a machine of its own: with a lock folder that the others do not see."""

    def __init__(self, environ: dict[str, str], home: Path, *arguments: str, short_leases: bool = False) -> None:
        home.mkdir()
        start = ["-c", SHORT_LEASES] if short_leases else ["-m", "newsletter.cli.main"]
        known = {key: value for key, value in os.environ.items() if not key.startswith("NEWSLETTER_")}
        self.process = subprocess.Popen(
            [sys.executable, *start, *(arguments or ("worker",))], env=known | environ | {"TMPDIR": str(home)},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        self.end()

    def signal(self, number: signal.Signals) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)

    def end(self) -> tuple[int, str]:
        """Wait for it; returns its exit status and what it said."""
        _, said = self.process.communicate(timeout=90)
        return self.process.returncode, said


class Cable:
    """PostgreSQL's socket at another place, with a line to it that can be cut: ``cable.url`` leads through it."""

    def __init__(self, url: str, folder: Path) -> None:
        known = make_url(url)
        name = ".s.PGSQL.5432"
        self._real, self._ours = Path(str(known.query["host"])) / name, folder / name
        self.url = known.update_query_dict({"host": str(folder)}).render_as_string(hide_password=False)
        self._writers: set[asyncio.StreamWriter] = set()
        self._cut = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        listening = asyncio.start_unix_server(self._join, self._ours)
        self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        async def hang_up() -> None:
            self._cut = True
            for writer in self._writers:
                writer.transport.abort()
            await asyncio.sleep(0.05)

        asyncio.run_coroutine_threadsafe(hang_up(), self._loop).result()

    def mend(self) -> None:
        self._cut = False

    async def _end(self) -> None:
        self._server.close()
        while len(asyncio.all_tasks()) > 1:  # what was cut ends by itself
            await asyncio.sleep(0.02)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.transport.abort()
            return
        other_reader, other_writer = await asyncio.open_unix_connection(self._real)
        self._writers |= {writer, other_writer}
        await asyncio.gather(self._pump(reader, other_writer), self._pump(other_reader, writer))
        self._writers -= {writer, other_writer}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()
