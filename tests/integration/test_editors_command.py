"""``newsletter editors``: who may sign in."""

import json
from pathlib import Path

import pytest

from newsletter.cli.main import run
from tests.conftest import complete_environment


@pytest.fixture(autouse=True)
def _installation(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in complete_environment(sqlite_url).items():
        monkeypatch.setenv(name, value)


def test_editors_are_added_listed_linked_and_removed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["editors", "add", "Ada@Example.com"]) == 0
    assert run(["editors", "add", "sam@example.com", "--role", "panelist", "--panelist", "builder"]) == 0
    capsys.readouterr()
    assert run(["editors", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["editors"]
    assert [(one["email"], one["role"], one["panelist"]) for one in listed] == [
        ("ada@example.com", "editor", None),
        ("sam@example.com", "panelist", "builder"),
    ]
    assert run(["editors", "link", "ada@example.com"]) == 0
    assert capsys.readouterr().out.startswith("https://news.example.com/editor/sign-in/")
    assert run(["editors", "remove", "ada@example.com"]) == 0
    assert run(["editors", "link", "ada@example.com"]) == 1


def test_an_editor_is_found_by_a_domain_in_any_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["editors", "add", "ada@bücher.example"]) == 0
    assert run(["editors", "link", "Ada@BÜCHER.example"]) == 0
    assert run(["editors", "remove", "ada@xn--bcher-kva.example"]) == 0
    assert run(["editors", "remove", "ada@bücher.example"]) == 1


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["add", "no address"], 1),
        (["add", "sam@example.com", "--role", "panelist", "--panelist", "nobody"], 1),
        (["add", "sam@example.com", "--role", "owner"], 2),
        (["remove", "nobody@example.com"], 1),
        (["link", "nobody@example.com"], 1),
    ],
)
def test_what_cannot_be_done_says_so_in_one_line(
    arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["editors", *arguments]) == status
    said = capsys.readouterr()
    assert said.out == ""
    if status == 1:
        assert len(said.err.strip().splitlines()) == 1
