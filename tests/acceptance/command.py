"""The command as a person runs it: a process in a folder, with settings in the environment."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Command:
    """``command("gather")`` runs `newsletter gather` and returns what it said; ``.json(…)`` reads its document."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, status: int = 0, now: str | None = None) -> subprocess.CompletedProcess[str]:
        known = {key: value for key, value in os.environ.items() if not key.startswith("NEWSLETTER_")}
        variables = known | self.settings | ({"NEWSLETTER_NOW": now} if now else {})
        done = subprocess.run(
            [sys.executable, "-m", "newsletter.cli.main", *arguments],
            env=variables, cwd=self.folder, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == status, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
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
