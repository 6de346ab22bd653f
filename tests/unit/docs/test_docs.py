"""The docs say what is there: every setting, every word, and no command that does not exist."""

import importlib
import os
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import pytest

from newsletter.cli.main import COMMANDS
from newsletter.settings import PREFIX, Settings

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
_COMMAND = re.compile(r"(?:^|[`\s])newsletter ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)?)((?: --[a-z-]+)*)")
_FENCE = re.compile(r"^```(?:sh|console|bash)\n(.*?)^```", re.M | re.S)
_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def rows() -> dict[str, str]:
    text = (ROOT / "docs/settings.md").read_text("utf-8")
    return dict(re.findall(r"^\| `(NEWSLETTER_\w+)` \| (.+?) \|", text, re.M))


def test_every_setting_stands_in_the_docs_with_its_default() -> None:
    found = rows()
    declared = {PREFIX + item.name.rstrip("_").upper(): item.metadata["default"] for item in fields(Settings)}
    assert set(found) == set(declared)
    for name, default in declared.items():
        assert found[name] == (f"`{default}`" if default else "–"), name


def spoken(page: Path) -> list[tuple[str, str]]:
    """Commands in code: between backticks on a line, or in a fenced block."""
    text = page.read_text("utf-8")
    blocks = _FENCE.findall(text)
    inline = re.findall(r"`(newsletter [^`]+)`", _FENCE.sub("", text))
    lines = [line.removeprefix("$ ").strip() for block in blocks for line in block.splitlines()] + inline
    return [(found[1], found[2]) for line in lines if (found := _COMMAND.search(line))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    for words, options in spoken(page):
        name, _, sub = words.partition(" ")
        assert name in COMMANDS, f"`newsletter {words}`"
        module, _, attribute = COMMANDS[name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if isinstance(command, click.Group) and sub:
            assert sub in command.commands, f"`newsletter {words}`"
            command = command.commands[sub]
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(options.split()) <= known | {"--help"}, f"`newsletter {words}{options}`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    for target in _LINK.findall(page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def every_command() -> Iterator[tuple[str, click.Command]]:
    """All that can be typed, groups left out."""
    for name, (where, _) in COMMANDS.items():
        module, _, attribute = where.partition(":")
        yield from _below(name, getattr(importlib.import_module(module), attribute))


def _below(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from _below(f"{path} {name}", child)
    else:
        yield path, command


# These show nothing: two run until they are stopped, one prints what a shell reads.
WITHOUT_JSON = {"serve", "worker", "completion"}


def test_every_command_has_an_example_and_answers_in_json() -> None:
    for path, command in every_command():
        assert f"newsletter {path}" in (command.help or ""), f"{path}: its help has an example of it"
        options = {option for parameter in command.params for option in parameter.opts}
        assert ("--json" in options) == (path not in WITHOUT_JSON), path


def test_every_threat_names_a_test_that_exists() -> None:
    rows_ = re.findall(r"^\| (?!threat|---)(.+) \|$", (ROOT / "docs/security.md").read_text("utf-8"), re.M)
    written = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py"))
    names = set(re.findall(r"^def (test_\w+)", written, re.M))
    assert len(rows_) >= 25
    for row in rows_:
        tests = re.findall(r"`([^`]+)`", row.rsplit("|", 1)[1])
        assert tests, f"nothing would notice: {row}"
        for test in tests:
            assert test in names or (ROOT / test).exists(), test


def test_ci_asks_for_known_holes() -> None:
    assert "make audit" in (ROOT / ".ci/run").read_text("utf-8").splitlines()
    assert os.access(ROOT / ".ci/audit", os.X_OK)
    asked = (ROOT / ".ci/constraints.txt").read_text("utf-8").splitlines()
    shape = r"[\w.\[\]-]+==[\w.]+(; python_full_version .+)?"
    assert all(re.fullmatch(shape, line) for line in asked), "each is pinned, so each can be asked for"
