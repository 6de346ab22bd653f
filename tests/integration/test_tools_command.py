"""``newsletter tools`` as its users type it: exit statuses, one line for a fault, and the shapes of its documents."""

import json
from pathlib import Path
from typing import Any

import pytest

from newsletter.cli.main import run
from tests.databases import copy_of_template

TOOL = {
    "slug": "example-tool", "name": "Example Tool", "url": "https://example.com/tool", "category": "Developer Tools",
    "tagline": "Does one thing", "takes": [{"panelist": "builder", "score": 88, "call": "ship", "text": "Good."}],
    "votes": {"ship": 0, "skip": 2},
}  # fmt: skip


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command in a folder of its own; returns (status, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEWSLETTER_DATABASE_URL", sqlite_url)
    (tmp_path / "tools.json").write_text(json.dumps({"tools": [TOOL]}), "utf-8")

    def tell(*arguments: str) -> tuple[int, str, str]:
        status = run(["tools", *arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return tell


def test_a_tool_is_shown_as_it_was_imported_with_verdict_and_community(told: Any) -> None:
    assert told("import", "tools.json")[0] == 0
    shown = json.loads(told("show", "example-tool", "--json")[1])
    assert {name: shown["tool"][name] for name in TOOL} == TOOL
    assert shown["tool"]["best_for"] == "Does one thing"
    assert shown["verdict"] == {"call": "ship", "ships": 1, "skips": 0, "ship_percent": 100}
    assert shown["community"] == {"ships": 0, "skips": 2, "percent": 0}


def test_what_is_exported_can_be_imported(told: Any, tmp_path: Path) -> None:
    told("import", "tools.json")
    exported = told("export")[1]
    (tmp_path / "again.json").write_text(exported, "utf-8")
    assert json.loads(told("import", "again.json", "--json")[1])["unchanged"] == 1


def test_an_export_is_one_document_however_many_tools_there_are(told: Any, tmp_path: Path) -> None:
    assert json.loads(told("export")[1]) == {"tools": []}
    many = [TOOL | {"slug": f"t{n}", "name": f"T{n}", "url": f"https://t{n}.example", "takes": []} for n in range(250)]
    (tmp_path / "tools.json").write_text(json.dumps({"tools": many}), "utf-8")
    told("import", "tools.json")
    assert [tool["slug"] for tool in json.loads(told("export")[1])["tools"]] == [tool["slug"] for tool in many]


def test_an_export_of_no_database_is_no_half_of_a_document(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_DATABASE_URL", "sqlite:///none.db")
    status, out, err = told("export")
    assert (status, out, "no newsletter database" in err) == (1, "", True)


def test_votes_that_a_merged_tool_brought_are_in_an_export_and_counted_once(
    told: Any, tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = TOOL | {"slug": "other", "name": "Other", "url": "https://other.example", "votes": {"ship": 5, "skip": 1}}
    (tmp_path / "tools.json").write_text(json.dumps({"tools": [TOOL, other]}), "utf-8")
    told("import", "tools.json")
    told("merge", "other", "example-tool")
    exported = told("export")[1]
    (document,) = json.loads(exported)["tools"]
    assert (document["votes"], document["merged_votes"]) == ({"ship": 0, "skip": 2}, {"ship": 5, "skip": 1})
    (tmp_path / "again.json").write_text(exported, "utf-8")
    assert "leave 1 as they are" in told("import", "--dry-run", "again.json")[1]

    def community() -> Any:
        return json.loads(told("show", "example-tool", "--json")[1])["community"]

    there = community()
    assert (there["ships"], there["skips"]) == (5, 3)
    monkeypatch.setenv("NEWSLETTER_DATABASE_URL", copy_of_template(sqlite_template, tmp_path / "elsewhere.db"))
    told("import", "again.json")
    assert community() == there
    assert told("export")[1] == exported
    del document["merged_votes"]
    (tmp_path / "fewer.json").write_text(json.dumps(document | {"votes": {"ship": 7}}), "utf-8")
    told("import", "fewer.json")
    assert community()["ships"] == 12, "what is not given stays"


def test_a_tool_off_the_public_pages_stays_off_them_when_its_export_is_imported(told: Any, tmp_path: Path) -> None:
    hidden = TOOL | {"slug": "hidden", "name": "Hidden", "url": "https://hidden.example", "takes": [], "listed": False}
    (tmp_path / "tools.json").write_text(json.dumps({"tools": [TOOL, hidden]}), "utf-8")
    told("import", "tools.json")
    exported = told("export")[1]
    assert exported.count('"listed"') == 1
    (tmp_path / "again.json").write_text(exported, "utf-8")
    assert json.loads(told("import", "again.json", "--json")[1])["unchanged"] == 2
    assert not json.loads(told("show", "hidden", "--json")[1])["listed"]
    (tmp_path / "tools.json").write_text(json.dumps({"tools": [hidden | {"listed": True}]}), "utf-8")
    told("import", "tools.json")
    assert json.loads(told("show", "hidden", "--json")[1])["listed"]
    (tmp_path / "tools.json").write_text(json.dumps({"tools": [hidden | {"listed": "no"}]}), "utf-8")
    assert "tools[0].listed: must be true or false, not text" in told("import", "tools.json")[2]


def test_a_fault_is_one_line_with_its_place_and_exit_1(told: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(json.dumps({"tools": [TOOL | {"takes": [{"panelist": "builder"}]}]}), "utf-8")
    status, out, err = told("import", "bad.json")
    assert (status, out) == (1, "")
    assert err == "newsletter: bad.json: nothing was stored. tools[0].takes[0]: has no call\n"
    assert json.loads(told("list", "--json")[1]) == {"tools": []}


def test_a_file_that_is_no_text_or_not_there_is_said_in_one_line(told: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_bytes(b'{"tools": ["\xff"]}')
    status, _, err = told("import", "bad.json")
    assert status == 1
    assert "bad.json is not UTF-8 text: byte 12" in err
    assert told("import", "absent.json") == (
        1,
        "",
        "newsletter: absent.json cannot be read: No such file or directory\n",
    )


def test_an_unknown_tool_is_said_in_one_line(told: Any) -> None:
    status, out, err = told("show", "zzz")
    assert (status, out) == (1, "")
    assert err == "newsletter: there is no tool 'zzz'; `newsletter tools list` shows those there are\n"


def test_a_dry_run_stores_nothing(told: Any) -> None:
    assert told("import", "tools.json", "--dry-run")[1].startswith("Would create 1,")
    assert json.loads(told("export")[1]) == {"tools": []}


@pytest.mark.parametrize("command", ["import", "export", "list", "show", "merge"])
def test_every_command_has_an_example(told: Any, command: str) -> None:
    status, out, _ = told(command, "--help")
    assert status == 0
    assert "Example:" in out
