"""An issue's page that was opened before one of its tools became part of another."""

import json
from typing import Any

import pytest
from sqlalchemy import Engine, select

from db.engine import reading
from db.models import IssueItem, Tool
from newsletter.issues.arrange import arrange
from newsletter.issues.render import render_issue
from newsletter.tools.import_tools import import_tools
from newsletter.tools.merge import merge_tools
from newsletter.web import editor_arranging
from tests.conftest import one_database
from tests.fakes.editors_room import PAGE, Editor, Room, fields
from tests.fakes.sample_week import NOW, WEEK

pytestmark = one_database


def notes(room: Room) -> dict[str, str | None]:
    with reading(room.engine) as connection:
        rows = connection.execute(select(Tool.slug, IssueItem.note).join(Tool, Tool.id == IssueItem.tool_id)).all()
    return {slug: note for slug, note in rows if note}


def field(ada: Editor, name: str) -> str:
    return ada.item(name).replace("items/", "note-")


@pytest.mark.parametrize("act", ["save", "look", "test"])
def test_a_note_typed_while_its_tool_became_part_of_another_is_that_ones(room: Room, act: str) -> None:
    ada = room.editor()
    ada.open()
    merge_tools(room.engine, "curly", "pagewright", NOW)
    assert ada.press(act, to="me@example.org", **{field(ada, "Curly"): "Look at its price."}).status_code == 303
    assert notes(room) == {"pagewright": "Look at its price."}


def test_a_note_whose_tool_becomes_part_of_another_while_it_is_stored_comes_back_there(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def arrange_later(engine: Engine, *of: Any, **more: Any) -> Any:
        monkeypatch.setattr(editor_arranging, "arrange", arrange)
        merge_tools(engine, "curly", "pagewright", NOW)
        return arrange(engine, *of, **more)

    ada = room.editor()
    ada.open()
    monkeypatch.setattr(editor_arranging, "arrange", arrange_later)
    answer = ada.press("save", subject="Mine", **{field(ada, "Curly"): "Look at its price."})
    assert answer.status_code == 409
    assert "became part of another at this very moment" in answer.text
    assert fields(answer.text)[field(ada, "Pagewright")] == "Look at its price."
    ada.form = fields(answer.text)
    assert ada.press("save").status_code == 303
    assert notes(room) == {"pagewright": "Look at its price."}


def test_where_the_other_tool_has_a_note_both_stand(room: Room) -> None:
    ada = room.editor()
    ada.open()
    ada.press("save", **{field(ada, "Pagewright"): "It has moved."})
    ada.open()
    merge_tools(room.engine, "curly", "pagewright", NOW)
    ada.press("save", **{field(ada, "Curly"): "Look at its price."})
    assert notes(room) == {"pagewright": "It has moved.\n\nLook at its price."}


def test_a_note_that_nobody_touched_is_stored_once(room: Room) -> None:
    ada = room.editor()
    ada.open()
    ada.press("save", **{field(ada, "Curly"): "Look at its price."})
    ada.open()
    merge_tools(room.engine, "curly", "pagewright", NOW)
    ada.press("save", subject="Mine")
    assert notes(room) == {"pagewright": "Look at its price."}


def test_what_cannot_be_stored_comes_back_with_the_note_at_the_other_tool(room: Room) -> None:
    ada, bo = room.editor("ada@example.com"), room.editor("bo@example.com")
    ada.open()
    bo.open()
    bo.press("save", subject="Bo's")
    merge_tools(room.engine, "curly", "pagewright", NOW)
    answer = ada.press("save", **{field(ada, "Curly"): "Look at its price."})
    assert answer.status_code == 409
    assert fields(answer.text)[field(ada, "Pagewright")] == "Look at its price."


@pytest.mark.parametrize("act", ["drop", "up", "pin"])
def test_a_tool_that_became_part_of_another_is_not_arranged_any_more(room: Room, act: str) -> None:
    ada = room.editor()
    ada.open()
    merge_tools(room.engine, "curly", "pagewright", NOW)
    answer = ada.press(f"{ada.item('Curly')}/{act}")
    assert answer.status_code == 409
    assert "Curly became part of another tool" in answer.text


def test_undo_brings_no_tool_back_that_became_part_of_another(room: Room) -> None:
    ada = room.editor()
    ada.open()
    ada.press("save", **{field(ada, "Curly"): "Look at its price."})
    ada.open()
    ada.press(f"{ada.item('Pagewright')}/pin")
    ada.open()
    ada.press(f"{ada.item('Curly')}/drop")
    merge_tools(room.engine, "curly", "pagewright", NOW)
    ada.open()
    ada.press("undo")
    assert notes(room) == {"pagewright": "Look at its price."}
    assert "Curly" not in ada.open(PAGE).text.partition('id="history-title"')[0]


def test_an_approved_issue_that_is_edited_after_a_merge_has_lost_nothing(room: Room) -> None:
    ada = room.editor()
    ada.open()
    ada.press("add", add_url="https://marlin.example/", add_name="Marlin", add_category="Writing")
    ada.open()
    ada.press("save", **{field(ada, "Curly"): "Look at its price."})
    ada.open()
    ada.press(ada.item("Tallyho") + "/drop")
    room.approve()
    import_tools(room.engine, json.dumps({"slug": "swordfish", "name": "Swordfish", "url": "https://swordfish.example",
                                          "category": "Writing"}), NOW)  # fmt: skip
    merge_tools(room.engine, "marlin", "swordfish", NOW)
    merge_tools(room.engine, "curly", "pagewright", NOW)
    merge_tools(room.engine, "tallyho", "nightjar", NOW)
    assert "Marlin" in render_issue(room.engine, WEEK, room.settings).text, "what was approved stays as it is"
    ada.open()
    ada.press("save", subject="Mine")
    assert "Swordfish" in render_issue(room.engine, WEEK, room.settings).text
    assert notes(room) == {"pagewright": "Look at its price."}


@pytest.mark.parametrize(("source", "target"), [("curly", "pagewright"), ("pagewright", "curly")])
def test_of_two_that_are_one_the_one_that_was_not_dropped_stays_in_the_issue(
    room: Room, source: str, target: str
) -> None:
    ada = room.editor()
    ada.open()
    ada.press(ada.item("Pagewright") + "/drop")
    merge_tools(room.engine, source, target, NOW)
    assert target in room.order
    ada.open()
    ada.press(ada.item(target.capitalize()) + "/drop")
    assert target not in room.order
