"""Arranging, approving and previewing an issue in the editors' room, without a browser's window."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, insert, select, update

from db.claims import claim
from db.engine import reading, transaction
from db.keys import address_key
from db.models import AuditEntry, Delivery, Letter, Release, Subscriber, Take, Tool
from db.states import Call
from newsletter.issues.arrangement import LONGEST_INTRO
from newsletter.issues.compose import compose_issue
from newsletter.issues.publish import publish_issue
from newsletter.issues.render import read_issue, render_issue
from newsletter.issues.theme import Theme
from newsletter.readers.identity import Origin
from newsletter.readers.vote import cast_vote
from newsletter.settings import Settings
from newsletter.tools.reading import GivenTake
from newsletter.verdicts.record import record_take
from tests.conftest import one_database
from tests.fakes.editors_room import PAGE, Room, fields
from tests.fakes.pages import not_isolated
from tests.fakes.sample_week import NOW, WEEK, reader, set_out


@one_database
def test_the_page_has_the_fields_and_buttons_that_editors_know(room: Room) -> None:
    page = room.editor().open().text
    for label in ("Subject", "Intro", "Send at", "Preview as", "Send test to"):
        assert re.search(rf"<label[^>]*>{label}</label>", page), label
    for button in ("Save", "Approve", "Schedule", "Pause", "Stop", "Move up", "Move down", "Drop"):
        assert re.search(rf"<button[^>]*>{button}</button>", page), button
    for switch in ("Mobile", "Desktop", "Dark", "Light", "HTML", "Plain text"):
        assert re.search(rf'<label><input form="issue-form" type="radio"[^>]*> <span>{switch}</span></label>', page), (
            switch
        )
    assert "UTC" in page


@one_database
def test_the_intro_says_what_works_in_it_and_takes_no_more_than_is_stored(room: Room) -> None:
    ada = room.editor()
    page = ada.open().text
    assert re.search(rf'<textarea id="intro"[^>]* maxlength="{LONGEST_INTRO}"', page)
    assert f"{LONGEST_INTRO:,} characters" in page
    assert "**bold**, *italic*, [words](https://…), lists" in page
    ada.press("save", intro="# Hello\n\nRun `make`.")
    found = ada.browser.get(f"{PAGE}/findings").text
    assert "The intro has a heading that readers see as it is typed." in found
    assert "The intro has code that readers see as it is typed." in found
    assert re.search(r"<b>Nothing stands in the way: \d+ warnings, \d+ notes\.</b>", found), "above the whole list"


@one_database
def test_words_that_were_not_touched_stay_proposed(room: Room) -> None:
    ada = room.editor()
    ada.open()
    ada.press("save", subject="Four tools, one fight")
    assert (room.issue.subject, room.issue.preheader, room.issue.intro) == ("Four tools, one fight", None, None)
    ada.open()
    ada.press("save", subject="  ")
    assert room.issue.subject is None


def test_items_move_drop_and_come_back(room: Room) -> None:
    ada = room.editor()
    before = room.order
    ada.open()
    assert ada.press(ada.item("Branchline") + "/up").status_code == 303
    assert room.order == [before[0], "branchline", before[1], before[3]]
    ada.open()
    ada.press(ada.item("Curly") + "/drop")
    assert "curly" not in room.order
    ada.open()
    dropped = re.search(r"items/(\d+)/restore", ada.page)
    assert dropped
    ada.press(f"items/{dropped[1]}/restore")
    assert "curly" in room.order
    ada.open()
    ada.press("undo")
    assert "curly" not in room.order, "undo takes back the restoring"
    ada.open()
    ada.press("undo")
    assert "curly" in room.order, "and then the dropping"


@one_database
def test_a_place_among_those_without_takes_is_none_among_the_items(room: Room) -> None:
    ada, before = room.editor(), room.order
    ada.open()
    last = "Nightjar" if ada.page.index("<bdi>Nightjar<") > ada.page.index("<bdi>Inkwell<") else "Inkwell"
    ada.press(ada.item(last) + "/top")
    assert re.findall(r"<bdi>(Nightjar|Inkwell)</bdi>", ada.open().text)[0] == last
    assert ada.page.count(">pinned<") == 1
    record_take(room.engine, last.lower(), GivenTake("builder", "skip", 10, "Not yet."), NOW)
    assert room.order == [*before, last.lower()], "it is no pick of the week because it led that list"
    assert ">pinned<" not in ada.open().text
    ada.press(ada.item(last) + "/top")
    assert room.order == [last.lower(), *before]


@one_database
def test_after_an_item_is_dropped_the_next_one_has_the_focus(room: Room) -> None:
    ada = room.editor()
    ada.open()
    ids = {name: ada.item(name).rpartition("/")[2] for name in ("Curly", "Pagewright", "Branchline", "Tallyho")}
    for dropped, focused in (("Pagewright", "Branchline"), ("Tallyho", "Branchline"), ("Curly", "Branchline")):
        where = ada.press(f"items/{ids[dropped]}/drop").headers["location"]
        assert where.endswith(f"#item-{ids[focused]}"), dropped
        ada.open()
    assert "#" not in ada.press(f"items/{ids['Branchline']}/drop").headers["location"]


def test_a_pinned_item_holds_its_place_until_it_is_left_to_the_rule(room: Room) -> None:
    ada = room.editor()
    before = room.order
    ada.open()
    ada.press(ada.item("Branchline") + "/pin")
    assert room.order == before
    assert ">pinned</span>" in ada.open().text
    record_take(room.engine, "branchline", GivenTake("builder", "skip", 1, "Worse."), NOW)
    record_take(room.engine, "branchline", GivenTake("creator", "skip", 1, "Worse."), NOW)
    assert room.order.index("branchline") == before.index("branchline")
    ada.press(ada.item("Branchline") + "/unpin")
    assert room.order[-1] == "branchline", "the rule orders it again"


@one_database
def test_whatever_button_is_pressed_what_was_typed_is_kept(room: Room) -> None:
    ada = room.editor()
    ada.open()
    ada.press(ada.item("Tallyho") + "/up", subject="Typed before moving", intro="Two\nlines")
    assert (room.issue.subject, room.issue.intro) == ("Typed before moving", "Two\nlines")
    ada.open()
    ada.press("approve", subject="Typed before approving")
    assert (room.issue.status, room.issue.subject) == ("approved", "Typed before approving")


@one_database
@pytest.mark.parametrize("act", ["save", "drop", "pair", "add", "undo"])
def test_any_edit_voids_the_approval_and_its_schedule(room: Room, act: str) -> None:
    ada = room.editor()
    ada.open()
    ada.press("save", intro="Something to undo")
    room.approve()
    ada.open()
    typed = {
        "save": {"subject": "Another"},
        "pair": {"left": "tallyho", "right": "curly"},
        "add": {"add_url": "nightjar"},
    }
    room_act = ada.item("Curly") + "/drop" if act == "drop" else act
    if act == "add":
        ada.press(ada.item("Nightjar") + "/drop")
        room.approve()
        ada.open()
    ada.press(room_act, **typed.get(act, {}))
    assert (room.issue.status, room.issue.approved_by, room.issue.send_at) == ("draft", None, None)


@pytest.mark.parametrize("button", ["approve", "schedule"])
@pytest.mark.parametrize("edit", [{"intro": "Something rude"}, {"note-1": "Something rude"}])
def test_words_that_a_colleague_wrote_meanwhile_are_not_approved_unseen(
    room: Room, button: str, edit: dict[str, str]
) -> None:
    ada, bo = room.editor("ada@example.com"), room.editor("bo@example.com")
    ada.open()
    bo.open()
    assert bo.press("save", **edit).status_code == 303
    answer = ada.press(button, send_at="2026-11-24T09:00" if button == "schedule" else "")
    assert (answer.status_code, room.issue.status) == (409, "draft")
    assert "Somebody changed this issue while you were at it" in answer.text
    assert "Something rude" in answer.text
    ada.form = fields(answer.text)
    assert ada.press(button).status_code == 303, "they have seen it now"
    assert room.issue.status == "approved"


@one_database
@pytest.mark.parametrize("button", ["save", "approve", "drop"])
def test_a_button_that_is_pressed_twice_on_a_slow_line_is_no_conflict(room: Room, button: str) -> None:
    ada = room.editor()
    ada.open()
    act = ada.item("Curly") + "/drop" if button == "drop" else button
    assert ada.press(act, subject="Mine").status_code == 303
    status, changes = room.issue.status, room.issue.revision
    assert ada.press(act, subject="Mine").status_code == 303
    assert (room.issue.status, room.issue.subject, room.issue.revision) == (status, "Mine", changes)


@one_database
def test_move_up_that_is_pressed_twice_on_a_slow_line_moves_by_one_place(room: Room) -> None:
    ada, before = room.editor(), room.order
    ada.open()
    last = f"{ada.item(before[3].capitalize())}/up"
    assert ada.press(last, subject="Mine").status_code == 303
    assert ada.press(last, subject="Mine").status_code == 409
    assert room.order == [before[0], before[1], before[3], before[2]]


@one_database
@pytest.mark.parametrize("button", ["up", "pin", "drop"])
def test_who_arranges_what_a_colleague_dropped_is_told_so(room: Room, button: str) -> None:
    ada, bo = room.editor("ada@example.com"), room.editor("bo@example.com")
    ada.open()
    bo.open()
    bo.press(bo.item("Curly") + "/drop")
    answer = ada.press(f"{ada.item('Curly')}/{button}")
    assert answer.status_code == 409
    assert "dropped Curly" in answer.text


@one_database
def test_what_one_wrote_oneself_in_another_tab_is_approved(room: Room) -> None:
    one, other = room.editor(), room.editor()
    one.open()
    other.open()
    other.press("save", intro="Better words")
    assert one.press("approve").status_code == 303
    assert (room.issue.status, room.issue.intro) == ("approved", "Better words")


def test_an_approval_is_taken_back_without_an_edit(room: Room) -> None:
    ada = room.editor()
    ada.open()
    assert "Take back the approval" not in ada.page
    assert ada.press("unapprove").status_code == 409, "there is none"
    room.approve()
    before = room.issue
    ada.open()
    assert "Take back the approval" in ada.page
    assert ada.press("unapprove").status_code == 303
    assert (room.issue.status, room.issue.approved_by, room.issue.send_at) == ("draft", None, None)
    assert (room.issue.subject, room.issue.revision) == (before.subject, before.revision)
    assert "took back the approval" in ada.browser.get("/editor/log").text
    ada.open()
    ada.press("approve")
    assert room.issue.status == "approved", "and it can be approved again"
    publish_issue(room.engine, WEEK, room.settings, NOW)
    ada.open()
    assert ada.press("unapprove").status_code == 409, "it is on its way"
    assert room.issue.status == "sending"


@one_database
@pytest.mark.parametrize(
    ("approval", "then"), [("required", "nothing goes out until"), ("automatic", "the timetable approves it again")]
)
def test_who_takes_an_approval_back_is_told_what_comes_of_it(
    engine: Engine, settings: Settings, approval: str, then: str
) -> None:
    set_out(engine, settings)
    room = Room(engine, replace(settings, approval=approval))
    room.approve()
    ada = room.editor()
    ada.open()
    assert then in ada.browser.get(ada.press("unapprove").headers["location"]).text


@one_database
def test_an_old_page_takes_back_no_approval_that_it_does_not_show(room: Room) -> None:
    ada, bo = room.editor("ada@example.com"), room.editor("bo@example.com")
    room.approve()
    pages = [ada.open(), bo.open()]
    shown = [re.search(r'name="approved" value="([^"]+)" formaction="[^"]+/unapprove"', page.text) for page in pages]
    assert shown[0]
    assert shown[1]
    for _ in range(2):  # on a slow line
        assert bo.press("unapprove", approved=shown[1][1]).status_code == 303
    assert bo.browser.get("/editor/log").text.count("took back the approval") == 1
    bo.open()
    bo.press("approve")
    answer = ada.press("unapprove", approved=shown[0][1])
    assert answer.status_code == 409
    assert "bo@example.com approved 2026-W47 anew" in answer.text
    assert (room.issue.status, room.issue.approved_by) == ("approved", "bo@example.com")


@one_database
def test_what_is_typed_beside_taking_back_an_approval_is_stored(room: Room) -> None:
    room.approve()
    ada = room.editor()
    ada.open()
    assert ada.press("unapprove", subject="Another").status_code == 303
    assert (room.issue.status, room.issue.subject) == ("draft", "Another")


@one_database
def test_a_time_that_was_typed_is_kept_although_the_approval_is_void(room: Room) -> None:
    ada = room.editor()
    ada.open()
    ada.press("schedule", send_at="2026-11-24T09:00")
    ada.open()
    ada.press("save", subject="Edited")
    assert room.issue.send_at is None
    assert 'value="2026-11-24T09:00"' in ada.open().text


@one_database
def test_saving_nothing_voids_nothing(room: Room) -> None:
    room.approve()
    ada = room.editor()
    ada.open()
    ada.press("save")
    assert (room.issue.status, room.issue.approved_by) == ("approved", "boss")


def test_the_second_of_two_editors_is_shown_what_changed_and_keeps_what_they_typed(room: Room) -> None:
    ada, bo = room.editor("ada@example.com"), room.editor("bo@example.com")
    ada.open()
    bo.open()
    ada.press("save", subject="Ada's subject")
    answer = bo.press("save", subject="Bo's subject", intro="Bo's long intro")
    assert answer.status_code == 409
    page = unescape(answer.text)
    assert "ada@example.com" in page
    assert "edited the subject" in page
    assert "Bo's subject" in page
    assert "Bo's long intro" in page
    assert room.issue.subject == "Ada's subject"
    bo.form = fields(answer.text)
    assert bo.press("save").status_code == 303
    assert (room.issue.subject, room.issue.intro) == ("Bo's subject", "Bo's long intro")


def test_who_changed_the_issue_on_a_page_of_their_own_is_told_so(room: Room) -> None:
    ada = room.editor()
    ada.open()
    ada.press("save", subject="Mine")
    told = ada.press("save", subject="Mine, too")
    assert told.status_code == 409
    assert "You changed this issue meanwhile, on another page" in told.text


@one_database
def test_the_year_of_a_sending_is_said_where_it_is_another(room: Room) -> None:
    ada = room.editor()
    ada.open()
    ada.press("schedule", send_at="2027-11-24T09:00")
    assert re.search(r"Goes out on <time[^>]*>Wed 24 Nov 2027, 09:00</time>", ada.open().text)
    assert "Wed 24 Nov 2027, 09:00" in ada.open("/editor").text
    ada.open()
    ada.press("schedule", send_at="2026-11-24T09:00")
    assert re.search(r"Goes out on <time[^>]*>Tue 24 Nov, 09:00</time>", ada.open().text)


def test_what_composing_brings_in_does_not_stop_an_edit(room: Room) -> None:
    ada = room.editor()
    ada.open()
    compose_issue(room.engine, WEEK, room.settings, NOW)
    assert ada.press("save", subject="Fine").status_code == 303


def test_bringing_an_issue_up_to_date_says_what_came_in_and_why_nothing_did(room: Room) -> None:
    ada = room.editor()

    def told() -> str:
        ada.open()
        return ada.browser.get(ada.press("compose").headers["location"]).text.partition('class="said">')[2]

    assert told().startswith("Nothing is new<")
    record_take(room.engine, "curly", GivenTake("builder", "skip", 10, "Changed my mind."), NOW)
    assert told().startswith("Tools, takes or votes changed<")
    room.approve()
    with transaction(room.engine) as connection:
        row = {"url": "https://later.example/", "canonical_url": "later.example", "title": "Nightjar 2", "late": False,
               "name": "Nightjar", "published_at": NOW - timedelta(days=3), "first_seen_at": NOW, "week": str(WEEK),
               "status": "matched", "tool_id": 6}  # fmt: skip
        connection.execute(insert(Release).values(**row))
    assert told().startswith("Nothing was let in: the issue is approved and stays as it is until it is edited<")
    assert room.issue.status == "approved"
    ada.open()
    ada.press("save", subject="Edited")
    assert told().startswith("1 new release came in<")


def test_a_vote_since_the_page_was_opened_stops_no_approval(room: Room) -> None:
    ada = room.editor()
    ada.open()
    with reading(room.engine) as connection:
        curly = connection.execute(select(Tool.id, Tool.vote_ships).where(Tool.slug == "curly")).one()
    cast_vote(room.engine, curly.id, "a reader", Call.SHIP, Origin("household", "network", NOW), now=NOW)
    assert ada.press("approve").status_code == 303
    frozen = read_issue(room.engine, WEEK, room.settings)[1]
    tools = {tool.slug: tool.vote_ships for tool in (*frozen.items, *frozen.also)}
    assert tools["curly"] == curly.vote_ships + 1


def test_an_approval_is_of_what_was_seen(room: Room) -> None:
    ada = room.editor()
    ada.open()
    record_take(room.engine, "curly", GivenTake("builder", "skip", 10, "Changed my mind."), NOW)
    answer = ada.press("approve", subject="Not lost")
    assert answer.status_code == 409
    assert "changed since you looked at it" in answer.text
    assert "Not lost" in answer.text
    assert room.issue.status == "draft"
    ada.form = fields(answer.text)
    ada.press("approve")
    assert (room.issue.status, room.issue.approved_by, room.issue.subject) == (
        "approved",
        "ada@example.com",
        "Not lost",
    )


def test_what_changed_since_the_approval_is_shown(room: Room) -> None:
    ada = room.editor()
    page = f"{PAGE}/difference"
    assert "It was not approved before" in ada.browser.get(page).text
    assert "the first that goes out" in ada.browser.get(page).text
    room.approve()
    assert "It was not approved before" in ada.browser.get(page).text, "the approval that stands is no earlier one"
    ada.open()
    ada.press(ada.item("Tallyho") + "/drop", subject="A new <b>subject</b>")
    shown = ada.browser.get(page).text
    assert "boss approved it" in shown
    assert "A new &lt;b&gt;subject&lt;/b&gt;</ins>" in shown
    assert "<dt>Not in it any more</dt><dd><bdi>Tallyho</bdi></dd>" in shown
    room.approve()
    assert "<dd><bdi>Tallyho</bdi></dd>" in ada.browser.get(page).text, "and stays to be seen once it is approved again"


def test_nothing_changed_is_said_of_the_same_bytes_alone(engine: Engine, settings: Settings) -> None:
    set_out(engine, settings)
    room = Room(engine, settings)
    ada, page = room.editor(), f"{PAGE}/difference"
    room.approve()
    ada.open()
    ada.press("save", subject="Another")
    ada.open()
    ada.press("undo")
    assert "<p>Nothing.</p>" in ada.browser.get(page).text
    dressed = Room(engine, replace(settings, theme=Theme(footer="Set in another look.")))
    shown = dressed.editor("bo@example.com").browser.get(page).text
    assert "<p>Nothing.</p>" not in shown
    assert "but the mail is not: its look" in shown


def test_what_changed_since_the_last_issue_is_shown(room: Room) -> None:
    ada = room.editor()
    room.approve()
    ada.open()
    ada.press("send", sure="yes")
    with transaction(room.engine) as connection:
        row = {"url": "https://later.example/", "canonical_url": "later.example", "title": "Nightjar 2", "late": False,
               "name": "Nightjar", "published_at": NOW, "first_seen_at": NOW, "week": str(WEEK.next()),
               "status": "matched", "tool_id": 6}  # fmt: skip
        connection.execute(insert(Release).values(**row))
    compose_issue(room.engine, WEEK.next(), room.settings, NOW + timedelta(days=7))
    shown = ada.browser.get(f"/editor/issues/{WEEK.next()}/difference").text
    assert f"{WEEK} went out before it" in shown
    assert "<bdi>Curly</bdi>, " in shown.partition("Not in it any more")[2]


@one_database
def test_the_findings_tell_how_large_the_mail_is(room: Room) -> None:
    shown = room.editor().browser.get(f"{PAGE}/findings").text
    found = re.search(r">([\d,]+) of 80,000 bytes<", shown)
    assert found
    assert 10_000 < int(found[1].replace(",", "")) < 80_000


@one_database
def test_who_schedules_without_a_time_is_told_what_to_do(room: Room) -> None:
    ada = room.editor()
    ada.open()
    answer = ada.press("schedule")
    assert (answer.status_code, room.issue.status) == (422, "draft")
    assert "choose a day and a time in Send at; Approve leaves it to the timetable" in answer.text


@one_database
def test_scheduling_approves_and_reads_the_time_in_the_publications_zone(engine: Engine, settings: Settings) -> None:
    berlin = replace(settings, timezone=ZoneInfo("Europe/Berlin"))
    set_out(engine, berlin)
    room = Room(engine, berlin)
    ada = room.editor()
    assert "Europe/Berlin" in ada.open().text
    assert ada.press("schedule", send_at="2026-11-24T09:00").status_code == 303
    assert room.issue.status == "approved"
    assert room.issue.send_at is not None
    assert room.issue.send_at.isoformat() == "2026-11-24T08:00:00+00:00"
    assert 'value="2026-11-24T09:00"' in ada.open().text


def test_an_issue_is_not_approved_past_a_time_that_was_typed(room: Room) -> None:
    ada = room.editor()
    ada.open()
    assert ada.press("approve", send_at="2026-11-24T09:00").status_code == 409
    assert room.issue.status == "draft"
    ada.press("save", send_at="2026-11-24T09:00")
    ada.open()
    assert ada.press("approve").status_code == 409, "nor past one that was saved"
    ada.press("schedule")
    ada.open()
    assert ada.press("approve").status_code == 303, "approved again it keeps its time"
    assert room.issue.send_at is not None
    ada.open()
    assert ada.press("approve", subject="Another").status_code == 409, "but an edit would lose it"
    ada.press("approve", send_at="")
    assert (room.issue.status, str(room.issue.send_at)) == ("approved", "None")


@one_database
@pytest.mark.parametrize("time", ["", "soon", "2026-11-22T09:00", "99999-01-01T00:00"])
def test_a_time_that_is_none_or_past_schedules_nothing(room: Room, time: str) -> None:
    ada = room.editor()
    ada.open()
    answer = ada.press("schedule", send_at=time, intro="Kept " * 20)
    assert answer.status_code == 422
    assert "Kept Kept" in answer.text
    assert room.issue.status == "draft"


def test_an_editor_chooses_the_pair(room: Room) -> None:
    ada = room.editor()
    ada.open()
    ada.press("pair", left="tallyho", right="pagewright")
    assert set(read_issue(room.engine, WEEK, room.settings)[1].pairs[0]) == {"tallyho", "pagewright"}
    ada.open()
    assert ada.press("pair", left="tallyho", right="tallyho").status_code == 422
    ada.press("pair", left="", right="")
    assert read_issue(room.engine, WEEK, room.settings)[1].pairs == (("curly", "branchline"),)


def test_an_address_that_nobody_knows_becomes_a_tool_of_the_issue(room: Room) -> None:
    ada = room.editor()
    ada.open()
    assert ada.press("add", add_url="https://fresh.example/", add_name="", add_category="").status_code == 422
    ada.press("add", add_url="https://fresh.example/", add_name="Fresh", add_category="Writing")
    also = [tool.slug for tool in read_issue(room.engine, WEEK, room.settings)[1].also]
    assert "fresh" in also
    assert ada.press("add", add_url="no such tool").status_code == 404


def test_a_tool_whose_releases_left_the_issue_can_be_added_by_hand_and_taken_back(room: Room) -> None:
    with transaction(room.engine) as connection:
        tallyho = select(Tool.id).where(Tool.slug == "tallyho").scalar_subquery()
        gone = update(Release).where(Release.tool_id == tallyho)
        connection.execute(gone.values(status="unmatched", tool_id=None, issue_id=None))
    ada = room.editor()
    ada.open()
    ada.press("add", add_url="tallyho")
    assert "tallyho" in [tool.slug for tool in read_issue(room.engine, WEEK, room.settings)[1].items]
    ada.open()
    ada.press("undo")
    assert "tallyho" not in [tool.slug for tool in read_issue(room.engine, WEEK, room.settings)[1].items]


def test_the_preview_is_what_render_writes(room: Room) -> None:
    ada = room.editor()
    with transaction(room.engine) as connection:
        chosen = '{"categories":["Writing"]}'
        connection.execute(update(Subscriber).where(Subscriber.email == "bo@example.org").values(selection=chosen))
    mail = render_issue(room.engine, WEEK, room.settings, "bo@example.org")
    text = ada.browser.get(f"{PAGE}/preview", params={"as": "bo@example.org", "part": "text"})
    assert mail.text in unescape(text.text)
    source = ada.browser.get(f"{PAGE}/preview", params={"as": "bo@example.org", "part": "source"})
    assert mail.message.decode().replace("\r\n", "\n") in unescape(source.text).replace("\r\n", "\n")
    html = ada.browser.get(f"{PAGE}/preview", params={"as": "bo@example.org"})
    assert "Pagewright" in html.text
    assert "Tallyho" not in html.text
    nobody = ada.browser.get(f"{PAGE}/preview", params={"as": "nobody@example.org"})
    assert "is no subscriber" in nobody.text
    assert '<meta name="to" content=""><meta name="subject" content="">' in nobody.text
    nonsense = ada.browser.get(f"{PAGE}/preview", params={"as": "no address"}).text
    assert "is no address: An e-mail address has a name, an @ and a domain.</pre>" in nonsense
    assert '<meta name="to" content="">' in nonsense


@pytest.mark.parametrize("part", ["html", "text", "source"])
def test_the_preview_of_who_chose_what_the_week_has_not_says_that_they_get_nothing(room: Room, part: str) -> None:
    with transaction(room.engine) as connection:
        chosen = '{"categories":["Gardening"]}'
        connection.execute(update(Subscriber).where(Subscriber.email == "bo@example.org").values(selection=chosen))
    shown = room.editor().browser.get(f"{PAGE}/preview", params={"as": "bo@example.org", "part": part}).text
    assert "bo@example.org would get no mail this week: it has nothing of what they chose to read." in shown
    assert '<meta name="to" content="bo@example.org"><meta name="subject" content="">' in shown
    assert "Curly" not in shown


@one_database
def test_the_preview_allows_no_script_and_no_foreign_file(room: Room) -> None:
    policy = room.editor().browser.get(f"{PAGE}/preview").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "sandbox" in policy


@one_database
def test_typed_words_show_in_the_preview_before_they_are_stored(room: Room) -> None:
    ada = room.editor()
    ada.open()
    answer = ada.press("preview", subject="Not <b>stored</b> yet", intro="Some *stress* & <script>alert(1)</script>")
    assert "Not &lt;b&gt;stored&lt;/b&gt; yet" in answer.text
    assert "<script" not in answer.text
    assert ">stress</em>" in answer.text
    assert room.issue.subject is None


def test_a_test_goes_to_the_addresses_given(room: Room) -> None:
    ada = room.editor()
    ada.open()
    assert ada.press("test", to="one@example.org, two@example.org").status_code == 303
    assert ada.press("test", to="no address").status_code == 422
    with reading(room.engine) as connection:
        found = connection.execute(select(Letter.kind, Letter.email)).all()
    assert sorted(map(tuple, found)) == [("test", "one@example.org"), ("test", "two@example.org")]


@one_database
def test_what_changes_nothing_is_not_said_to_be_done(room: Room) -> None:
    ada = room.editor()
    ada.open()
    first = ada.item("Curly")
    for act in (f"{first}/up", f"{first}/unpin", f"{first}/restore"):
        assert "said=Nothing+changed" in ada.press(act).headers["location"], act
    chosen = ada.press("pair", left="curly", right="pagewright").headers["location"]
    assert "said=Changed+the+head-to-head" in chosen


@one_database
def test_a_draft_is_stopped_to_skip_its_week(room: Room) -> None:
    ada = room.editor()
    ada.open()
    assert "its releases go into the next issue" in ada.press("stop").text
    stopped = ada.press("stop", sure="yes")
    assert room.issue.status == "cancelled"
    page = ada.browser.get(stopped.headers["location"]).text
    assert "go into the next issue" in page
    assert "This week was skipped" in page
    for advice in ("Takes wanted</a> lists what could be here", "/check", "/findings"):
        assert advice not in page
    assert "was skipped: nobody gets it" in ada.browser.get(f"{PAGE}/check").text


@one_database
def test_sending_and_stopping_ask_once(room: Room) -> None:
    ada = room.editor()
    room.approve()
    ada.open()
    assert "Send this issue now?" in ada.press("send").text
    assert room.issue.status == "approved"
    assert ada.press("send", sure="yes").status_code == 303
    assert room.issue.status == "sending"
    ada.press("pause")
    assert room.issue.status == "paused"
    ada.press("resume")
    assert room.issue.status == "sending"
    assert "Stop this issue?" in ada.press("stop").text
    ada.press("stop", sure="yes")
    assert room.issue.status == "cancelled"
    receipt = ada.browser.get(f"{PAGE}/receipt").text
    assert "3 of 3 settled" in receipt


@one_database
def test_the_receipt_of_what_did_not_go_out_says_so(room: Room) -> None:
    ada, page = room.editor(), f"{PAGE}/receipt"
    draft = ada.browser.get(page).text
    assert "Nothing of it went out: it waits for approval." in draft
    assert "settled" not in draft
    room.approve()
    assert "whom it goes to is fixed when its sending starts." in ada.browser.get(f"{page}/now").text
    ada.open()
    ada.press("stop", sure="yes")
    assert "Nothing of it went out, and nothing will." in ada.browser.get(page).text


@one_database
def test_a_draft_leads_to_no_receipt(room: Room) -> None:
    ada, link = room.editor(), f'href="{PAGE}/receipt"'
    assert link not in ada.open().text + ada.browser.get("/editor").text
    room.approve()
    assert link in ada.open().text
    assert link in ada.browser.get("/editor").text


@one_database
def test_the_receipt_of_an_issue_for_nobody_says_so(room: Room) -> None:
    with transaction(room.engine) as connection:
        connection.execute(update(Subscriber).values(state="unsubscribed"))
    room.approve()
    publish_issue(room.engine, WEEK, room.settings, NOW)
    assert "there was nobody who may be mailed" in room.editor().browser.get(f"{PAGE}/receipt").text


@one_database
def test_send_now_sends_what_its_page_shows_as_approved_and_nothing_else(room: Room) -> None:
    ada, bo = room.editor(), room.editor("bo@example.com")
    room.approve()
    seen = re.search(r'name="approved" value="(\w+)"', ada.open().text)
    assert seen
    asked = ada.press("send", approved=seen[1]).text
    assert f'name="approved" value="{seen[1]}"' in asked
    bo.open()
    bo.press("schedule", subject="Another subject")
    answer = ada.press("send", approved=seen[1], sure="yes")
    assert answer.status_code == 409
    assert "approved anew since you looked at it" in answer.text
    assert room.issue.status == "approved"


def test_the_part_of_a_receipt_that_is_renewed_has_its_buttons_and_goes_on_while_mail_is_open(room: Room) -> None:
    ada, page = room.editor(), f"{PAGE}/receipt"
    room.approve()
    ada.open()
    ada.press("send", sure="yes")
    assert ">Pause</button>" in ada.browser.get(f"{page}/now").text
    ada.press("pause")
    paused = ada.browser.get(f"{page}/now").text
    assert ">Resume</button>" in paused
    assert ">Pause</button>" not in paused
    with transaction(room.engine) as connection:
        claim(connection, room.issue.id, "a sender", NOW, NOW + timedelta(minutes=5), 1)
    ada.press("stop", sure="yes")
    stopped = ada.browser.get(f"{page}/now")
    assert "HX-Refresh" not in stopped.headers
    assert 'hx-trigger="every 2s"' in stopped.text
    assert "<button" not in stopped.text
    with transaction(room.engine) as connection:
        connection.execute(update(Delivery).where(Delivery.status == "sending").values(status="sent"))
    assert ada.browser.get(f"{page}/now").headers["HX-Refresh"] == "true"
    assert "hx-trigger" not in ada.browser.get(page).text


@one_database
def test_an_issue_that_went_out_is_not_edited(room: Room) -> None:
    ada = room.editor()
    ada.open()
    room.approve()
    ada.press("send", sure="yes")
    answer = ada.press("save", subject="Too late", intro="But typed " * 10)
    assert answer.status_code == 409
    assert "But typed" in answer.text


def test_every_act_is_in_the_log(room: Room) -> None:
    ada = room.editor()
    ada.open()
    ada.press(ada.item("Curly") + "/drop")
    ada.open()
    ada.press("approve")
    log = ada.browser.get("/editor/log").text
    for words in ("signed in", "dropped Curly", "approved", "let in as editor"):
        assert words in log
    with reading(room.engine) as connection:
        assert {row.who for row in connection.execute(select(AuditEntry.who))} == {"command line", "ada@example.com"}


@one_database
def test_the_log_of_one_issue_stands_alone(room: Room) -> None:
    ada = room.editor()
    ada.open()
    ada.press("approve")
    shown = ada.browser.get("/editor/log", params={"on": f"issue {WEEK}"}).text
    assert "content: " in shown, "the hash of what was approved"
    assert "signed in" not in shown


def test_an_operator_lets_people_in_and_puts_them_out(room: Room) -> None:
    op, ada = room.editor("op@example.com", "operator"), room.editor()
    assert "Who may sign in" not in ada.open().text
    assert ada.browser.get("/editor/people").status_code == 403
    assert ada.press("people", "/editor", email="eve@example.com", role="operator").status_code == 403
    op.open()
    assert "Who may sign in" in op.page
    assert op.press("people", "/editor", email="bo@example.com", role="editor").status_code == 303
    assert op.press("people", "/editor", email="sam@example.com", role="panelist").status_code == 422
    assert op.press("people", "/editor", email="bo@example.com", role="king").status_code == 422
    assert op.press("people", "/editor", email="op@example.com", role="editor").status_code == 409
    assert "bo@example.com" in op.browser.get("/editor/people").text
    assert "Put them out?" in op.press("people/remove", "/editor", email="ada@example.com").text
    op.press("people/remove", "/editor", email="ada@example.com", sure="yes")
    assert ada.browser.get("/editor").headers["location"] == "/editor/sign-in"
    assert "put out" in op.browser.get("/editor/log").text


@one_database
@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", "{{ 7*7 }}", "\x00\x1b[31m", "‮reversed", "😀" * 50, "a" * 300]
)
def test_hostile_words_are_shown_as_words(room: Room, hostile: str) -> None:
    ada = room.editor()
    ada.open()
    answer = ada.press("save", subject=hostile, intro=hostile)
    assert answer.status_code == 303
    page = ada.open()
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert ada.browser.get(f"{PAGE}/preview").status_code == 200
    assert ada.browser.get("/editor").status_code == 200


@one_database
def test_words_from_right_to_left_keep_their_order_within_the_rooms(room: Room) -> None:
    foreign = {"name": "قلم (3)", "tagline": "כלי (2.0)", "category": "كتابة (1)"}
    with transaction(room.engine) as connection:
        connection.execute(update(Tool).values(**foreign))
        connection.execute(update(Take).values(text="يعمل. 100 %!"))
        connection.execute(update(Release).values(title="كلمة (4)", tagline="כאן!"))
    ada, said = room.editor(), (*foreign.values(), "يعمل. 100 %!", "كلمة (4)", "כאן!")
    for page in ("queue", "takes", "tools", "tools/curly", "tools/curly/takes/builder"):
        assert not_isolated(ada.browser.get(f"/editor/{page}").text, *said) == [], page
    ada.open()
    ada.press("save", subject="شحن! Three ship")
    for page in ("", f"/issues/{WEEK}"):
        assert not_isolated(ada.browser.get(f"/editor{page}").text, "شحن! Three ship") == [], page
    room.approve()
    ada.open()
    ada.press(ada.item(re.escape(foreign["name"])) + "/drop")
    assert f"in it any more</dt><dd><bdi>{foreign['name']}</bdi></dd>" in ada.browser.get(f"{PAGE}/difference").text


@one_database
def test_the_numbers_of_a_large_list_can_be_read(room: Room) -> None:
    with transaction(room.engine) as connection:
        rows = [reader(f"r{n}@example.org", address_key(connection)) for n in range(1_000)]
        connection.execute(insert(Subscriber), rows)
    room.approve()
    publish_issue(room.engine, WEEK, room.settings, NOW)
    shown = room.editor().browser.get(f"{PAGE}/receipt").text
    assert "0 of 1,003 settled" in shown
    assert "<b>1,003</b>" in shown


@one_database
@pytest.mark.parametrize(
    "path", ["/editor/issues/2026-W99", "/editor/issues/2020-W01", "/editor/issues/x", PAGE + "/nothing"]
)
def test_what_is_not_there_is_not_found(room: Room, path: str) -> None:
    assert room.editor().browser.get(path).status_code == 404
