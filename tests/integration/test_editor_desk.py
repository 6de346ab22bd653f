"""The desk: the issue at hand, when it goes out, what waits, what went out last."""

from datetime import timedelta

from sqlalchemy import Engine, insert

from db.deliveries import note_trouble
from db.engine import transaction
from db.models import Feed
from db.runs import claim_run, finish_run, write_plans
from db.states import RunStatus
from newsletter.issues.compose import compose_issue
from newsletter.settings import Settings
from tests.fakes.editors_room import PAGE, Editor, Room
from tests.fakes.sample_week import NOW, WEEK


def glance(editor: Editor) -> str:
    page = " ".join(editor.open("/editor").text.split())
    return page.partition('aria-label="At a glance"')[2].partition("</section>")[0]


def planned(room: Room, hours: int) -> None:
    with transaction(room.engine) as connection:
        write_plans(connection, [("send", "Tuesdays at nine", NOW + timedelta(hours=hours))])


def test_the_issue_at_hand_is_the_week_that_ended_until_it_went_out(room: Room) -> None:
    ada = room.editor()
    compose_issue(room.engine, WEEK.next(), room.settings, NOW)
    assert f'href="{PAGE}">' in glance(ada)
    assert "4 tools with takes, 2 without. Waits for approval." in glance(ada)
    room.approve()
    assert "Goes out in 1 day, on " in glance(ada)
    ada.open()
    ada.press("send", sure="yes")
    assert "how far it is" in glance(ada)
    ada.open()
    ada.press("stop", sure="yes")
    assert "Nothing is on the desk" in glance(ada)


def test_a_draft_that_nobody_approved_in_its_week_is_named_until_it_is_stopped(room: Room) -> None:
    assert "Never sent" not in room.editor().open("/editor").text
    ada = Room(room.engine, room.settings, NOW + timedelta(days=7)).editor("ada@example.org")
    assert f'<a href="{PAGE}">{WEEK}</a> is still a draft' in ada.open("/editor").text
    ada.open()
    ada.press("stop", sure="yes")
    assert "Never sent" not in ada.open("/editor").text


def test_without_a_time_of_its_own_an_approved_issue_goes_out_by_the_timetable(room: Room) -> None:
    ada = room.editor()
    planned(room, 27)
    assert "what is approved by then goes out in 1 day, 3 hours" in glance(ada)
    ada.open()
    ada.press("approve")
    assert "Goes out in 1 day, 3 hours" in glance(ada)
    assert "by the timetable" in ada.open().text
    planned(room, -1)
    assert "nobody said when to send" in glance(ada), "a plan that nobody keeps is none"


def test_an_issue_that_went_out_is_listed_under_the_subject_it_had(room: Room) -> None:
    ada = room.editor()
    assert "proposed from the content" in ada.open("/editor").text
    room.approve()
    assert "proposed from the content" not in ada.open("/editor").text


def test_no_word_in_a_query_breaks_a_list(room: Room) -> None:
    ada = room.editor()
    for where in ("/editor/tools?q=a%00b", "/editor/log?on=%00", "/editor?before=%00", "/editor/tools?q=%ED%A0%80"):
        assert ada.open(where).status_code == 200


def test_feeds_that_fail_and_feeds_that_went_stale_are_named(room: Room) -> None:
    with transaction(room.engine) as connection:
        for name, row in (
            ("Broken", {"failures": 3, "last_error": "404 <b>gone</b>"}),
            ("Silent", {"failures": 0, "last_changed_at": NOW - timedelta(days=15)}),
            ("Lively", {"failures": 0, "last_changed_at": NOW - timedelta(days=1)}),
        ):
            shared = {"name": name, "url": f"https://{name}.example/feed", "new_tools": "queue", "kind": "launches",
                      "status": "active", "created_at": NOW}  # fmt: skip
            connection.execute(insert(Feed).values(**shared, **row))
    page = room.editor().open("/editor").text
    assert "failed 3 times in a row: 404 &lt;b&gt;gone&lt;/b&gt;" in page
    assert "Silent</b> is stale" in page
    assert "Sun 08 Nov, 06:00" in page
    assert "Lively" not in page


def test_the_desk_shows_the_last_and_the_next_run_of_each_job(room: Room) -> None:
    with transaction(room.engine) as connection:
        run_id = claim_run(connection, "read_bounces", NOW, "somebody", NOW, NOW)
        assert run_id is not None
        finish_run(connection, run_id, "somebody", RunStatus.FAILED, NOW, error="the mailbox is <away>")
        write_plans(connection, [("read_bounces", "every 5 min", NOW + timedelta(minutes=5))])
    page = room.editor().open("/editor").text
    assert "Read bounces" in page
    assert "failed" in page
    assert "the mailbox is &lt;away&gt;" in page
    assert "Mon 23 Nov, 06:05" in page


def test_an_approved_issue_that_cannot_be_sent_says_why_until_it_is_edited(room: Room) -> None:
    ada = room.editor()
    room.approve()
    with transaction(room.engine) as connection:
        note_trouble(connection, room.issue.id, "NEWSLETTER_PUBLIC_URL must begin with https://")
    assert "Approved, but it cannot be sent: NEWSLETTER_PUBLIC_URL must" in glance(ada)
    page = ada.open().text
    assert "Held up: NEWSLETTER_PUBLIC_URL must" in page
    assert "Goes out on" not in page
    room.now += timedelta(days=7)
    later = Room(room.engine, room.settings, room.now).editor()
    assert "is approved, but cannot be sent: NEWSLETTER_PUBLIC_URL must" in later.open("/editor").text
    ada.press("save", subject="Mine")
    assert room.issue.trouble is None


def test_a_week_without_anything_leads_back_to_the_desk(engine: Engine, settings: Settings) -> None:
    ada = Room(engine, settings).editor()
    desk = ada.open("/editor").text
    csrf = desk.partition('name="csrf" value="')[2].partition('"')[0]
    answer = ada.browser.post(f"{PAGE}/compose", data={"csrf": csrf})
    assert (answer.status_code, "Nothing came out in 2026-W47" in answer.text) == (409, True)
    assert '<a href="/editor">Back</a>' in answer.text
    assert 'data-address="/editor"' in answer.text


def test_takes_are_wanted_of_what_the_issue_carries(room: Room) -> None:
    ada = room.editor()
    ada.open()
    ada.press(ada.item("Nightjar") + "/drop")
    wanted = ada.browser.get("/editor/takes").text
    assert "Inkwell" in wanted
    assert "Nightjar" not in wanted, "nobody will read what the panel says of what an editor dropped"
    ada.open()
    ada.press("add", add_url="https://marlin.example/", add_name="Marlin", add_category="Writing")
    assert "Marlin" in ada.browser.get("/editor/takes").text, "whoever adds a tool wants takes of it"
