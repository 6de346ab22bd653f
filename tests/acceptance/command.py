"""The command as a person runs it: in a folder, with settings in the environment, and what it says kept."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from newsletter.cli import main


@dataclass
class Command:
    """``command("gather")`` runs `newsletter gather` and returns what it said; ``.json(…)`` reads its document.

    It runs in this process: starting another one costs a second each time, and the tests of the wheel, the demo and the
    service do that.
    """

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, status: int = 0, now: str | None = None) -> subprocess.CompletedProcess[str]:
        said, beside = StringIO(), StringIO()
        settings = self.settings | ({"NEWSLETTER_NOW": now} if now else {})
        with chdir(self.folder), _environment(settings), redirect_stdout(said), redirect_stderr(beside):
            code = main.run(list(arguments))
        done = subprocess.CompletedProcess(arguments, code, said.getvalue(), beside.getvalue())
        assert code == status, f"{arguments}: {code}\n{done.stdout}{done.stderr}"
        return done

    def json(self, *arguments: str, now: str | None = None) -> Any:
        return json.loads(self(*arguments, "--json", now=now).stdout)

    def refuses(self, *arguments: str) -> str:
        """The one line that it ends with when it could not do something."""
        done = self(*arguments, status=1)
        lines = done.stderr.splitlines()
        assert len(lines) == 1, done.stderr
        assert "Traceback" not in done.stderr
        return lines[0]


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """The settings in place of all others."""
    before = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("NEWSLETTER_")}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name in settings:
            os.environ.pop(name, None)
        os.environ.update(before)
