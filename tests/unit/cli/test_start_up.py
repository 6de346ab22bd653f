"""The command starts at once, because it imports nothing that it does not need. Seen in what is loaded, not in time."""

import os
import subprocess
import sys

import pytest

HEAVY = (
    "aiosmtplib", "alembic", "apscheduler", "asyncio", "cryptography", "dns", "feedparser", "httpx", "jinja2", "mjml",
    "newsletter.settings", "nh3", "psycopg", "rich", "sqlalchemy", "starlette", "uvicorn",
)  # fmt: skip
_SAY_WHAT_IS_LOADED = """
import sys
from newsletter.cli import main
{act}
print(*(name for name in {heavy} if name in sys.modules), sep=" ", file=sys.stderr)
"""


def loaded_after(act: str, **environ: str) -> tuple[str, list[str]]:
    """What it printed, and which heavy modules are loaded in the end."""
    program = _SAY_WHAT_IS_LOADED.format(act=act, heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, **environ}, check=True
    )
    return done.stdout, done.stderr.split()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["completion", "fish"]], ids=" ".join)
def test_what_needs_no_database_loads_none(arguments: list[str]) -> None:
    said, loaded = loaded_after(f"main.run({arguments!r})")
    assert "newsletter" in said
    assert loaded == []


def test_the_help_of_no_command_loads_a_database_or_the_network() -> None:
    said, loaded = loaded_after("print(len(main.COMMANDS), [main.run([name, '--help']) for name in main.COMMANDS])")
    assert said.count("Example:") == int(said.splitlines()[-1].split()[0])
    assert loaded == ["newsletter.settings"]


def test_a_shell_that_asks_for_commands_does_not_wait_for_them_to_load() -> None:
    act = "\ntry:\n    main.run([])\nexcept SystemExit:\n    pass\n"
    asked = {"COMP_WORDS": "newsletter su", "COMP_CWORD": "1", "_NEWSLETTER_COMPLETE": "bash_complete"}
    said, loaded = loaded_after(act, **asked)
    assert said.split() == ["plain,subscribers", "plain,suppressions"]
    assert loaded == []


def test_options_and_choices_are_completed_too() -> None:
    act = "\ntry:\n    main.run([])\nexcept SystemExit:\n    pass\n"
    asked = {"COMP_CWORD": "4", "_NEWSLETTER_COMPLETE": "bash_complete"}
    said, loaded = loaded_after(act, COMP_WORDS="newsletter subscribers import --from s", **asked)
    assert said.split() == ["plain,substack"]
    assert loaded == ["newsletter.settings"]
