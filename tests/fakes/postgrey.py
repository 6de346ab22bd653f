"""A greylisting service of the test's own, for Postfix to ask (Debian: postgrey)."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.fakes.ports import free_port


class Postgrey:
    """Who comes again after ``delay`` seconds is let in."""

    def __init__(self, delay: int = 1) -> None:
        self.delay, self.port = delay, free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="postgrey-"))

    @classmethod
    def why_not(cls) -> str | None:
        return None if shutil.which("postgrey") else "postgrey is not installed; install it to run this"

    def __enter__(self) -> Self:
        options = [f"--inet=127.0.0.1:{self.port}", f"--delay={self.delay}", f"--dbdir={self.folder}"]
        who = ["--user=nobody", "--group=nogroup", f"--pidfile={self.folder}/pid"]
        shutil.chown(self.folder, "nobody", "nogroup")
        with (self.folder / "output").open("wb") as output:
            self._process = subprocess.Popen(["postgrey", *options, *who], stdout=output, stderr=output)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
