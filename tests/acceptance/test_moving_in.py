"""Moving in from another program, and out again, by the command."""

import json
from pathlib import Path

import pytest

from tests.acceptance.command import Command
from tests.conftest import complete_environment
from tests.unit.subscribers.test_exports import CLEANED, LISTMONK, SUBSCRIBED, SUBSTACK, UNSUBSCRIBED


@pytest.fixture
def command(database_url: str, tmp_path: Path) -> Command:
    return Command(tmp_path, complete_environment(database_url))


def test_an_audience_of_mailchimp_moves_in_with_those_who_left(command: Command) -> None:
    for name, text in (("subscribed", SUBSCRIBED), ("unsubscribed", UNSUBSCRIBED), ("cleaned", CLEANED)):
        (command.folder / f"{name}.csv").write_text(text, "utf-8")
    found = command.json("subscribers", "import", "subscribed.csv", "--from", "mailchimp")
    assert (found["imported"], found["suppressed"]) == (2, 0)
    assert [(row["line"], row["email"]) for row in found["rejected"]] == [(4, "cy@example.org")]
    assert command.json("subscribers", "import", "unsubscribed.csv", "--from", "mailchimp")["suppressed"] == 1
    assert "1 suppressed" in command("subscribers", "import", "cleaned.csv", "--from", "mailchimp").stdout
    listed = command.json("suppressions", "list")["suppressions"]
    assert {row["email"]: row["reason"] for row in listed} == {
        "di@example.org": "unsubscribed", "ed@example.org": "bounced",
    }  # fmt: skip
    shown = command.json("subscribers", "show", "ada@example.org")
    assert (shown["name"], shown["consent"]["at"]) == ("Ada Byron", "2013-06-25T17:38:27Z")


def test_listmonk_and_substack_move_in_and_everybody_moves_out(command: Command) -> None:
    (command.folder / "listmonk.csv").write_text(LISTMONK, "utf-8")
    (command.folder / "substack.csv").write_text(SUBSTACK, "utf-8")
    assert command.json("subscribers", "import", "listmonk.csv", "--from", "listmonk")["imported"] == 1
    found = command.json("subscribers", "import", "substack.csv", "--from", "substack")
    assert (found["imported"], found["unchanged"]) == (0, 3), "ada is here, bo and cy left by the other file"
    assert command.json("subscribers", "list")["subscribers"] == [{"email": "ada@example.org", "state": "active"}]
    everybody = json.loads(command("subscribers", "export", "--json").stdout)["subscribers"]
    assert everybody == [
        {
            "email": "ada@example.org", "name": "Ada", "consent_at": "2024-01-15T10:00:00Z",
            "consent_source": "listmonk export", "categories": [], "state": "active",
            "format": "html", "panelists": [], "min_ship_percent": None, "paused_until": None, "suppressed": None,
        }
    ]  # fmt: skip
    out = command("subscribers", "export").stdout.splitlines()
    assert out[1] == "ada@example.org,Ada,2024-01-15T10:00:00Z,listmonk export,,active,html,,,,"


def test_a_file_of_another_program_is_refused_in_one_line(command: Command) -> None:
    (command.folder / "substack.csv").write_text(SUBSTACK, "utf-8")
    (command.folder / "nonsubscribed_1.csv").write_text(SUBSCRIBED, "utf-8")
    assert "'email address'" in command.refuses("subscribers", "import", "substack.csv", "--from", "mailchimp")
    refused = command.refuses("subscribers", "import", "nonsubscribed_1.csv", "--from", "mailchimp")
    assert "never agreed" in refused
    command("subscribers", "import", "substack.csv", "--from", "ghost", status=2)
    assert command.json("subscribers", "list")["subscribers"] == []
