"""What the real mail servers of the tests share: a folder, a port, and a Maildir for each ``NAME@example.org``."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.fakes.ports import free_port


class MailServer:
    """``with Exim(names) as server: … server.url … server.mails(2)``. Delivers as nobody; needs root.

    What is for bounces.example.com, whoever that is, lies in the box "returned"; mail for far.example goes on to the
    port ``far``, by SMTP.
    """

    program = ""
    far = 9

    def __init__(self, names: Sequence[str] = ()) -> None:
        self.names = names
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.program}-"))
        self.folder.chmod(0o755)
        self.port = free_port()

    @classmethod
    def why_not(cls) -> str | None:
        """Why it cannot be run here, in a line."""
        if shutil.which(cls.program) is None:
            return f"{cls.program} is not installed; install it to run this"
        return None if os.geteuid() == 0 else f"{cls.program} starts only for root"

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?tls=off&connections=4"

    def mails(self, expected: int, seconds: float = 60) -> dict[str, list[bytes]]:
        """What lies in each mailbox, once so many mails are there; lines end in CRLF, as they travelled."""
        until = time.monotonic() + seconds
        while len(found := list(self.folder.glob("mail/*/new/*"))) < expected and time.monotonic() < until:
            time.sleep(0.1)
        boxes: dict[str, list[bytes]] = {}
        for path in found:
            boxes.setdefault(path.parent.parent.name, []).append(path.read_bytes().replace(b"\n", b"\r\n"))
        return boxes

    def greets(self) -> None:
        wait_for_greeting(self.port)

    def start(self) -> None: ...
    def stop(self) -> None: ...

    def __enter__(self) -> Self:
        self.start()
        try:
            self.greets()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Foreground(MailServer):
    """One that stays in the foreground."""

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        with (self.folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


def wait_for_greeting(port: int, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as connection:
                assert connection.recv(100).startswith(b"220")
                return
        except (OSError, AssertionError):
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
