"""What was typed on a page of the editors' room is stored first, or comes back with the reason why it was not."""

from html import unescape

import pytest

from newsletter.issues.arrangement import LONGEST_NOTE
from newsletter.issues.render import read_issue, render_issue
from newsletter.tools.reading import GivenTake
from newsletter.verdicts.record import record_take
from tests.conftest import one_database
from tests.fakes.editors_room import PAGE, Room, fields
from tests.fakes.sample_week import NOW, WEEK

pytestmark = one_database


@pytest.mark.parametrize("act", ["test", "look", "compose"])
def test_every_button_stores_what_was_typed_beside_it(room: Room, act: str) -> None:
    ada = room.editor()
    ada.open()
    assert ada.press(act, subject="Typed beside it", to="me@example.org").status_code == 303
    assert room.issue.subject == "Typed beside it"


@pytest.mark.parametrize("act", ["save", "test", "look", "undo"])
def test_a_tool_that_is_not_added_yet_stays_in_its_fields(room: Room, act: str) -> None:
    ada = room.editor()
    ada.open()
    ada.press("save", subject="Mine")
    ada.open()
    typed = {"add_url": "https://marlin.example/?a=1&b=2", "add_name": "Marlin", "add_category": "Writing"}
    ada.open(ada.press(act, to="me@example.org", **typed).headers["location"])
    assert ada.form | typed == ada.form
    ada.open(ada.press("add").headers["location"])
    assert "Marlin" in ada.page
    assert ada.form["add_url"] == ada.form["add_name"] == "", "it is in the issue now"


@pytest.mark.parametrize("act", ["save", "approve", "schedule", "test", "compose", "look"])
def test_every_button_stores_the_pair_that_was_chosen_beside_it(room: Room, act: str) -> None:
    ada = room.editor()
    ada.open()
    typed = {"send_at": "2026-11-24T09:00"} if act == "schedule" else {}
    assert ada.press(act, left="tallyho", right="pagewright", to="me@example.org", **typed).status_code == 303
    assert set(read_issue(room.engine, WEEK, room.settings)[1].pairs[0]) == {"tallyho", "pagewright"}
    ada.open()
    assert {ada.form["left"], ada.form["right"]} == {"tallyho", "pagewright"}


def test_a_pair_that_nobody_chose_stays_the_rules(room: Room) -> None:
    ada = room.editor()
    ada.open()
    ada.press("save", subject="Mine")
    ada.open()
    ada.press(ada.item("Curly") + "/drop")
    assert read_issue(room.engine, WEEK, room.settings)[1].pairs == (), "no other two make a choice"


def test_an_approval_with_a_pair_chosen_beside_it_is_of_what_was_seen_all_the_same(room: Room) -> None:
    ada, bo = room.editor("ada@example.com"), room.editor("bo@example.com")
    ada.open()
    record_take(room.engine, "curly", GivenTake("builder", "skip", 10, "Changed my mind."), NOW)
    assert ada.press("approve", left="tallyho", right="pagewright").status_code == 409
    bo.open()
    bo.press("pair", left="tallyho", right="branchline")
    ada.open()
    bo.open()
    bo.press("pair", left="curly", right="branchline")
    assert ada.press("approve").status_code == 409, "another editor's pair was not seen"
    assert ada.press("approve", left="tallyho", right="pagewright").status_code == 409
    assert room.issue.status == "draft"


def test_a_pair_that_was_not_touched_follows_the_issue_when_the_page_comes_back(room: Room) -> None:
    ada, bo = room.editor("ada@example.com"), room.editor("bo@example.com")
    ada.open()
    bo.open()
    ada.press("pair", left="tallyho", right="pagewright")
    bo.form = fields(bo.press("save", subject="Bo's").text)
    assert {bo.form["left"], bo.form["right"]} == {"tallyho", "pagewright"}
    bo.press("save")
    assert set(read_issue(room.engine, WEEK, room.settings)[1].pairs[0]) == {"tallyho", "pagewright"}


def test_the_preview_is_looked_at_as_before_after_every_button(room: Room) -> None:
    ada = room.editor()
    ada.open()
    answer = ada.press("save", width="mobile", shade="dark", part="html", images="on", **{"as": "bo@example.org"})
    where = answer.headers["location"]
    assert {"width=mobile", "shade=dark", "as=bo%40example.org"} <= set(where.partition("?")[2].split("&"))
    assert 'value="mobile" checked' in ada.open(where).text


def test_undo_leaves_what_is_typed_in_its_fields(room: Room) -> None:
    ada = room.editor()
    ada.open()
    ada.press(ada.item("Curly") + "/drop")
    ada.open()
    answer = ada.press("undo", intro="Not an edit yet")
    assert "Took back: dropped Curly" in answer.text
    assert fields(answer.text)["intro"] == "Not an edit yet"
    assert room.issue.intro is None
    ada.form = fields(answer.text)
    assert ada.press("save").status_code == 303
    assert room.issue.intro == "Not an edit yet"


@pytest.mark.parametrize(
    ("act", "typed", "status", "reason"),
    [
        ("schedule", {"send_at": "2020-01-01T09:00"}, 422, "is past"),
        ("approve", {"send_at": "2026-11-24T09:00"}, 409, "press Schedule to keep that time, or clear the field"),
        ("pair", {"left": "curly", "right": "curly"}, 422, "two different tools"),
        ("save", {"left": "curly", "right": ""}, 422, "two different tools"),
        ("approve", {"left": "curly", "right": "curly"}, 422, "two different tools"),
        ("add", {"add_url": "https://new.example/"}, 422, "needs a name and a category"),
        ("test", {"to": "no address"}, 422, "test cannot be sent"),
        ("save", {"subject": "x" * 301}, 422, "longer than 300"),
        ("send", {}, 409, "not in what was approved"),
    ],
)
def test_what_cannot_be_done_is_said_on_the_page_with_everything_typed(
    room: Room, act: str, typed: dict[str, str], status: int, reason: str
) -> None:
    ada = room.editor()
    ada.open()
    note = next(name for name in ada.form if name.startswith("note-"))
    answer = ada.press(act, **{"intro": "An <b>hour's</b> work", note: "and a note", **typed})
    assert answer.status_code == status
    assert reason in unescape(answer.text)
    shown = fields(answer.text)
    assert (shown["intro"], shown[note]) == ("An <b>hour's</b> work", "and a note")
    for name, value in typed.items():
        if name != "to":  # stands beside the preview
            assert shown[name] == value


@pytest.mark.parametrize("act", ["save", "undo", "test", "look", "compose"])
def test_whatever_ends_an_approval_says_so(room: Room, act: str) -> None:
    ada = room.editor()
    ada.open()
    ada.press("save", subject="Mine")
    room.approve()
    ada.open()
    typed = {} if act == "undo" else {"preheader": "Theirs", "to": "me@example.org"}
    ada.open(ada.press(act, **typed).headers["location"])
    assert room.issue.status == "draft"
    assert "The approval is void: approve it again." in ada.page, act


def test_nobody_undoes_what_they_have_not_seen(room: Room) -> None:
    ada, bo = room.editor("ada@example.com"), room.editor("bo@example.com")
    ada.open()
    bo.open()
    ada.press("save", subject="Ada's")
    assert bo.press("undo").status_code == 409
    assert room.issue.subject == "Ada's"


def test_a_note_that_is_too_long_is_refused_whole(room: Room) -> None:
    ada = room.editor()
    ada.open()
    note, words = next(name for name in ada.form if name.startswith("note-")), "n" * (LONGEST_NOTE + 1)
    answer = ada.press("save", **{note: words})
    assert answer.status_code == 422
    assert fields(answer.text)[note] == words


def test_notes_survive_another_editors_change_and_a_late_take(room: Room) -> None:
    ada, bo = room.editor("ada@example.com"), room.editor("bo@example.com")
    ada.open()
    bo.open()
    note = next(name for name in bo.form if name.startswith("note-"))
    ada.press("save", subject="Ada's")
    conflict = bo.press("save", subject="Bo's", **{note: "Bo's note"})
    assert conflict.status_code == 409
    bo.form = fields(conflict.text)
    assert bo.form[note] == "Bo's note"
    record_take(room.engine, "curly", GivenTake("builder", "skip", 10, "Changed my mind."), NOW)
    moved = bo.press("approve")
    assert moved.status_code == 409
    assert fields(moved.text)[note] == "Bo's note"


def test_a_week_with_a_thousand_notes_is_stored(room: Room) -> None:
    ada = room.editor()
    ada.open()
    many = {f"{name}-{n}": "" for n in range(1_000, 2_000) for name in ("note", "note_was")}
    assert ada.press("save", subject="A crowd", **many).status_code == 303
    assert room.issue.subject == "A crowd"


def test_the_frame_holds_the_mail_and_nothing_else(room: Room) -> None:
    mail = render_issue(room.engine, WEEK, room.settings, "bo@example.org")
    ada = room.editor()
    shown = ada.browser.get(f"{PAGE}/preview", params={"as": "bo@example.org", "shade": "dark"}).text
    assert shown.partition("<body")[2] == mail.html.partition("<body")[2]
    assert '<meta name="to" content="bo@example.org">' in shown
    text = ada.browser.get(f"{PAGE}/preview", params={"as": "bo@example.org", "part": "text"}).text
    assert unescape(text.partition("<pre>")[2].partition("</pre>")[0]) == mail.text


def test_a_finding_links_a_place_that_is_there(room: Room) -> None:
    ada = room.editor()
    ada.open()
    ada.press("save", subject="s" * 90)
    shown = ada.browser.get(f"{PAGE}/findings").text
    assert 'href="#subject"' in shown
    assert f'href="{PAGE}#subject"' in ada.browser.get(f"{PAGE}/check").text
    for link in {part.partition('"')[0] for part in shown.split('href="')[1:]} - {"#subject"}:
        assert ada.browser.get(link).status_code == 200, link


@pytest.mark.parametrize(
    ("path", "typed"),
    [
        ("/editor/tools/inkwell/takes/skeptic", {"call": "ship", "score": "101", "text": "A long <b>take</b>"}),
        ("/editor/tools/inkwell/takes", {"takes": "Builder 300 ship: A long <b>take</b>"}),
        ("/editor/tools/inkwell", {"name": "Inkwell", "url": "no address", "category": "A long <b>take</b>"}),
        ("/editor/new-tool", {"name": "N", "slug": "curly", "url": "https://n.example",
                               "category": "A long <b>take</b>"}),
        ("/editor/queue/{release}/new-tool", {"name": "A long <b>take</b>", "url": "no address", "category": "C"}),
    ],
)  # fmt: skip
def test_other_forms_come_back_with_everything_typed(room: Room, path: str, typed: dict[str, str]) -> None:
    ada = room.editor()
    queue = ada.open("/editor/queue").text
    release = queue.partition('id="release-')[2].partition('"')[0]
    csrf = queue.partition('name="csrf" value="')[2].partition('"')[0]
    answer = ada.browser.post(path.format(release=release), data={"csrf": csrf, **typed})
    assert answer.status_code == 422
    assert "A long &lt;b&gt;take&lt;/b&gt;" in answer.text
    assert "tools[0]" not in answer.text, "a form is no file"


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/editor/queue/{release}/match", "/editor/queue"),
        ("/editor/tools/curly/merge", "/editor/tools/curly"),
        ("/editor/rules/999/remove", "/editor/rules"),
        ("/editor/people/remove", "/editor/people"),
        (f"{PAGE}/resend", PAGE),
    ],
)
def test_what_is_refused_leads_back_to_its_page_and_is_not_posted_again(room: Room, path: str, page: str) -> None:
    ada = room.editor(role="operator")
    queue = ada.open("/editor/queue").text
    release = queue.partition('id="release-')[2].partition('"')[0]
    csrf = queue.partition('name="csrf" value="')[2].partition('"')[0]
    typed = {"csrf": csrf, "sure": "yes", "tool": "no-such-tool", "into": "no-such-tool", "email": "ada@example.com"}
    answer = ada.browser.post(path.format(release=release), data=typed)
    assert "That could not be done" in answer.text
    assert f'data-address="{page}"' in answer.text
    assert f'<a href="{page}">Back</a>' in answer.text


def test_the_card_of_a_take_stands_on_its_page_where_no_script_asks(room: Room) -> None:
    ada, take = room.editor(), "/editor/tools/inkwell/takes/skeptic"
    csrf = ada.open(take).text.partition('name="csrf" value="')[2].partition('"')[0]
    typed = {"csrf": csrf, "call": "ship", "score": "70", "text": "As typed"}
    part = ada.browser.post(f"{take}/card", data=typed, headers={"HX-Request": "true"})
    assert "As typed" in part.text
    assert "<html" not in part.text
    whole = ada.browser.post(f"{take}/card", data=typed)
    assert (whole.status_code, "As typed</textarea>" in whole.text) == (200, True)
    assert "As typed</p>" in whole.text, "and the card is of what is typed there too"


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_a_card_of_nobody_is_not_found(room: Room, headers: dict[str, str]) -> None:
    ada = room.editor()
    csrf = ada.open("/editor/tools/inkwell/takes/skeptic").text.partition('name="csrf" value="')[2].partition('"')[0]
    for call in ("", "ship"):
        answer = ada.browser.post(
            "/editor/tools/inkwell/takes/nobody/card", data={"csrf": csrf, "call": call}, headers=headers
        )
        assert answer.status_code == 404


def test_words_that_were_only_proposed_follow_the_issue_when_the_page_comes_back(room: Room) -> None:
    ada = room.editor()
    ada.open()
    assert ada.form["intro"].startswith("Start with **Curly**")
    for panelist in ("builder", "skeptic", "futurist"):
        record_take(room.engine, "curly", GivenTake(panelist, "skip", 10, "Changed my mind."), NOW)
    answer = ada.press("approve", subject="Mine")
    assert answer.status_code == 409
    shown = fields(answer.text)
    assert shown["subject"] == "Mine"
    assert "Curly" not in shown["intro"]
    ada.form = shown
    assert ada.press("approve").status_code == 303
    assert (room.issue.status, room.issue.intro) == ("approved", None)
